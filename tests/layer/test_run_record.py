"""The record of an account's runs on the table: lease, budget and quarantine in two puts a run."""

from dataclasses import replace

import pytest

from tests.layer.world import World, before
from tests.providers.loopback import Clock
from tributary.credentials import Credentials
from tributary.errors import OutOfBudgetError, QuarantinedError
from tributary.pacing import Standing
from tributary.rate_limit import NOTHING_SAID, RateLimit
from tributary.request_budget import RequestLimit
from tributary.run_record import Run, RunRecord, RunRecords

ACCOUNT = "northflank/main"
HOURLY, MINUTELY = RequestLimit(1000, 3600), RequestLimit(60, 60)
TOKEN = "nf-s3cr3t-t0k3n"
DAY = 86_400.0


class Runs:
    """Runs over one account, at a time that only sleeping moves."""

    def __init__(self, world: World, limit: RequestLimit = HOURLY) -> None:
        self.world, self.limit = world, limit
        self.clock = Clock(world.now)
        self.records = RunRecords(world.table, self.clock, self.clock.sleep)

    def begin(
        self, holder: str = "a", wanted: int = 10, seconds: float = 270, token: str = TOKEN
    ) -> Run | None:
        until_ms = int((self.clock.now + seconds) * 1000)
        return self.records.begin(
            ACCOUNT, holder, until_ms, self.limit, token, lambda known: wanted
        )

    def begun(self, holder: str = "a", wanted: int = 10, seconds: float = 270) -> Run:
        run = self.begin(holder, wanted, seconds)
        assert run is not None
        return run

    def refused(self, token: str = TOKEN) -> None:
        """A run whose token the provider refuses."""
        run = self.begin(token=token)
        assert run is not None
        credentials = Credentials(token)
        credentials.renewed(token)
        run.finish(credentials)

    def record(self) -> RunRecord:
        return self.records.get(ACCOUNT, self.limit)

    def left(self) -> int:
        return self.record().budget.left(int(self.clock.now * 1000))


def spend(run: Run, count: int, answer: RateLimit = NOTHING_SAID, seconds: float = 240) -> None:
    for _ in range(count):
        run.allowance.heard(run.allowance.take("GET /x", seconds), answer)


@pytest.fixture
def runs(world: World) -> Runs:
    """Runs of an account with 1000 requests an hour."""
    return Runs(world)


def test_an_undisturbed_run_is_one_get_and_two_puts_however_much_it_sends(runs: Runs) -> None:
    run = runs.begun(wanted=200)
    spend(run, 200)
    run.finish(Credentials(TOKEN))

    assert runs.world.calls == ["GetItem", "PutItem", "PutItem"]
    assert list(runs.world.items()) == [("acc#northflank/main", "run")]
    assert runs.left() == 600


def test_the_record_holds_no_token(runs: Runs) -> None:
    runs.refused()
    assert TOKEN not in repr(runs.record())


def test_another_run_is_refused_the_lease_until_its_holder_ends(runs: Runs) -> None:
    run = runs.begun("a")
    assert runs.begin("b") is None
    run.finish(Credentials(TOKEN))
    assert runs.begin("b") is not None


def test_a_run_without_the_lease_goes_on_beside_its_holder_and_keeps_none_out(runs: Runs) -> None:
    def beside(holder: str) -> Run:
        until_ms = int((runs.clock.now + 270) * 1000)
        run = runs.records.begin(
            ACCOUNT, holder, until_ms, runs.limit, TOKEN, lambda known: 10, leased=False
        )
        assert run is not None
        return run

    first = beside("backfill")
    scheduled = runs.begun("a")
    second = beside("another backfill")

    assert runs.record().lease.holder == "a"
    # Each of the three has ten requests of the one budget.
    assert runs.left() == 800 - 30
    second.finish(Credentials(TOKEN))
    assert runs.record().lease.holder == "a"
    scheduled.finish(Credentials(TOKEN))
    first.finish(Credentials(TOKEN))
    assert (runs.record().lease.holder, runs.left()) == ("", 800)


def test_a_dead_runs_lease_ends_by_its_time_and_what_it_reserved_still_counts(runs: Runs) -> None:
    runs.begun("a", wanted=300, seconds=270)
    runs.clock.now += 269
    assert runs.begin("b", wanted=0) is None
    runs.clock.now += 1
    assert runs.begin("b", wanted=0) is not None
    assert runs.left() == 500


def test_a_run_that_outlived_its_lease_leaves_the_next_ones_alone(runs: Runs) -> None:
    late = runs.begun("a", seconds=10)
    runs.clock.now += 11
    runs.begun("b")
    record = late.finish(Credentials(TOKEN))
    assert record.lease.holder == "b"
    assert record.budget.requests_of("b") == 10


def test_of_two_that_begin_at_once_one_has_the_lease(runs: Runs) -> None:
    other = Runs(runs.world.another())
    got: list[Run | None] = []
    before(runs.world.client, "PutItem", lambda: got.append(other.begin("b", wanted=7)))

    assert runs.begin("a") is None
    assert got[0] is not None
    assert runs.left() == 793


def test_what_is_not_sent_is_given_back(runs: Runs) -> None:
    run = runs.begun(wanted=500)
    spend(run, 3)
    assert runs.left() == 300
    run.finish(Credentials(TOKEN))
    assert runs.left() == 797


def test_a_run_that_needs_more_reserves_a_tenth_of_the_share_at_a_time(runs: Runs) -> None:
    run = runs.begun(wanted=5)
    spend(run, 6)
    assert runs.world.calls.puts() == 2
    assert runs.left() == 800 - 5 - 80
    spend(run, 79)
    assert runs.world.calls.puts() == 2
    spend(run, 1)
    assert runs.world.calls.puts() == 3


def test_a_run_waits_for_the_next_window_if_that_opens_in_time(world: World) -> None:
    runs = Runs(world, MINUTELY)
    run = runs.begun(wanted=48)
    spend(run, 49)
    assert sum(runs.clock.slept) == pytest.approx(60, abs=5)


def test_a_run_out_of_budget_says_so_without_waiting_past_its_deadline(runs: Runs) -> None:
    run = runs.begun(wanted=800)
    spend(run, 1, RateLimit(1000, 200, 1200))
    with pytest.raises(
        OutOfBudgetError,
        match="GET /y not sent: its share of 800 of 1000 requests is used up for 1201 s",
    ):
        run.allowance.take("GET /y", 240)
    assert runs.clock.slept == []
    assert run.allowance.standing() == Standing(0, 1_201_000, 800, 3_600_000)


def test_a_run_stops_when_its_own_time_is_over(runs: Runs) -> None:
    run = runs.begun(seconds=10)
    runs.clock.now += 10
    with pytest.raises(OutOfBudgetError, match="the run's time is over"):
        run.allowance.take("GET /y", 240)


def test_a_429_stops_this_run_and_the_next_until_its_time_is_over(runs: Runs) -> None:
    run = runs.begun()
    spend(run, 1, RateLimit(refused=True, wait_seconds=600.0))
    with pytest.raises(OutOfBudgetError, match="the provider takes no requests for 600 s"):
        run.allowance.take("GET /y", 240)
    # Stored at once: this run may die.
    assert runs.record().budget.blocked_until_ms == int(runs.clock.now + 600) * 1000
    run.finish(Credentials(TOKEN))
    following = runs.begun("b")
    assert following.allowance.standing() == Standing(0, 3_600_000, 800, 3_600_000)
    runs.clock.now += 600
    spend(runs.begun("b"), 1)


def test_a_short_429_is_waited_for(runs: Runs) -> None:
    run = runs.begun()
    spend(run, 1, RateLimit(refused=True, wait_seconds=30.0))
    spend(run, 1)
    assert runs.clock.slept == [30.0]


def test_a_run_says_how_its_budget_stands(runs: Runs) -> None:
    run = runs.begun(wanted=10)
    assert run.allowance.standing() == Standing(800, 3_600_000, 800, 3_600_000)
    spend(run, 2, RateLimit(500, 300, 1800))
    # 200 of 500 are used, and the share is 400.
    assert run.allowance.standing() == Standing(200, 1_801_000, 400, 3_600_000)


def test_what_two_runs_hear_is_joined(runs: Runs) -> None:
    first = runs.begun("a", wanted=10, seconds=10)
    spend(first, 4)
    runs.clock.now += 9
    other = Runs(runs.world.another())
    other.clock.now = runs.clock.now + 1
    second = other.begun("b", wanted=20)
    spend(second, 6)

    first.finish(Credentials(TOKEN))
    second.finish(Credentials(TOKEN))

    # Four and six; that the first never sent its other six could not be known when it was over.
    assert runs.left() == 800 - 10 - 6


def test_a_put_whose_answer_is_lost_counts_once(runs: Runs) -> None:
    run = runs.begun(wanted=1)
    spend(run, 1)
    record = run.finish(Credentials(TOKEN))
    stored = runs.world.items()
    run = runs.begun("b", wanted=40)
    again = runs.begun("b", wanted=40)
    assert again.known.lease.holder == "b"
    assert (runs.left(), len(stored)) == (800 - 1 - 40, 1)
    assert record.budget.requests_of("a") == 0
    assert run.known.lease.holder == ""


def test_the_listing_is_noted_and_kept(runs: Runs) -> None:
    runs.begun().finish(Credentials(TOKEN), listed_ms=123, listing_requests=7)
    known = runs.begun().known
    assert (known.listed_ms, known.listing_requests) == (123, 7)
    record = runs.begun().finish(Credentials(TOKEN))
    assert (record.listed_ms, record.listing_requests) == (123, 7)


def test_a_providers_clock_is_known_until_another_run_hears_of_it(runs: Runs) -> None:
    runs.begun().finish(Credentials(TOKEN), clock_offset_ms=-240_000)
    assert runs.begun("b").finish(Credentials(TOKEN)).clock_offset_ms == -240_000
    assert runs.begun("c").finish(Credentials(TOKEN), clock_offset_ms=0).clock_offset_ms == 0


def test_wanted_is_told_what_is_known(runs: Runs) -> None:
    runs.begun().finish(Credentials(TOKEN), listed_ms=1, listing_requests=30)
    until_ms = int(runs.clock.now * 1000) + 1000
    run = runs.records.begin(
        ACCOUNT, "a", until_ms, HOURLY, TOKEN, lambda known: known.listing_requests + 2
    )
    assert run is not None
    assert runs.record().budget.requests_of("a") == 32


def test_a_key_refused_by_three_runs_in_a_row_is_not_sent_again(runs: Runs) -> None:
    for _ in range(3):
        runs.refused()
    stored = runs.record()
    with pytest.raises(QuarantinedError) as caught:
        runs.begin()
    assert str(caught.value) == (
        "northflank/main is in quarantine: 3 runs in a row were refused with its token, the first "
        "at 2026-11-22T10:15:00Z. Put a new token into the provider's secret; until then the old "
        "one is tried once a day"
    )
    assert runs.record() == stored


def test_two_refusals_are_no_quarantine_if_the_third_is_answered(runs: Runs) -> None:
    runs.refused()
    runs.refused()
    accepted = Credentials(TOKEN)
    accepted.answered(TOKEN)
    assert runs.begun().finish(accepted).quarantine.refusals == 0
    runs.refused()
    assert runs.begin() is not None


def test_a_run_that_asked_nothing_changes_nothing_about_a_quarantine(runs: Runs) -> None:
    runs.refused()
    record = runs.begun().finish(Credentials(TOKEN))
    assert record.quarantine.refusals == 1


def test_a_new_key_ends_the_quarantine(runs: Runs) -> None:
    for _ in range(3):
        runs.refused()
    assert runs.begin(token="another") is not None


def test_a_key_in_quarantine_is_tried_once_a_day(runs: Runs) -> None:
    for _ in range(3):
        runs.refused()
    runs.clock.now += DAY - 1
    with pytest.raises(QuarantinedError):
        runs.begin()
    runs.clock.now += 1
    assert runs.begin(seconds=60) is not None
    # The run that tries it may die: none tries again today.
    runs.clock.now += 60
    with pytest.raises(QuarantinedError, match="3 runs in a row"):
        runs.begin()
    runs.clock.now += DAY
    runs.refused()
    with pytest.raises(QuarantinedError, match=r"4 runs in a row .* at 2026-11-22T10:15:00Z"):
        runs.begin()


def test_a_record_from_before_says_the_same(runs: Runs) -> None:
    run = runs.begun(wanted=3)
    spend(run, 1, RateLimit(500, 499, 60))
    record = run.finish(Credentials(TOKEN), 5, 6)
    assert runs.record() == record
    assert record.budget.rule == HOURLY
    later = runs.records.get(ACCOUNT, RequestLimit(2000, 3600, 0.5))
    assert later == replace(record, budget=replace(record.budget, rule=later.budget.rule))
    assert later.budget.allowed == 250
