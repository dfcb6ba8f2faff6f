"""The request budget: whatever runs do, no provider counts more than is used and allowed."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.providers.request_budget import RequestBudget
from tributary.rate_limit import NOTHING_SAID, RateLimit
from tributary.request_budget import BudgetWindow, RequestLimit

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOW = 1_795_341_600_000
LATER = NOW + 4 * MINUTE
HOURLY = BudgetWindow(RequestLimit(1000, 3600))
MINUTELY = BudgetWindow(RequestLimit(60, 60))


def said(remaining: int, reset_seconds: float, limit: int = 1000) -> RateLimit:
    return RateLimit(limit, remaining, reset_seconds)


def test_a_new_account_has_its_share_of_the_configured_limit() -> None:
    assert HOURLY.left(NOW) == 800
    assert MINUTELY.left(NOW) == 48
    assert BudgetWindow(RequestLimit(100, 60, 0.29)).left(NOW) == 29


def test_what_is_reserved_is_left_no_more_until_it_is_given_back() -> None:
    window = HOURLY.reserved("a", 300, LATER, NOW)
    assert window.left(NOW) == 500
    assert window.returned("a", NOW).left(NOW) == 800


def test_no_more_is_granted_than_is_left() -> None:
    window = HOURLY.reserved("a", 700, LATER, NOW).reserved("b", 300, LATER, NOW)
    assert (window.requests_of("a"), window.requests_of("b")) == (700, 100)


def test_a_run_whose_time_is_over_is_granted_nothing() -> None:
    assert HOURLY.reserved("a", 5, NOW, NOW) == HOURLY


def test_what_was_sent_counts_for_a_window_after_it_may_have_arrived() -> None:
    window = MINUTELY.reserved("a", 48, LATER, NOW)
    for _ in range(48):
        window = window.answered("a", NOW, NOW + 2 * SECOND, NOTHING_SAID)
    assert window.left(NOW + 2 * SECOND) == 0
    assert window.opens_ms(NOW + 2 * SECOND) == NOW + 65 * SECOND
    assert window.left(NOW + 65 * SECOND - 1) == 0
    assert window.left(NOW + 65 * SECOND) == 48


def test_what_a_dead_run_reserved_counts_for_a_window_after_its_time() -> None:
    window = MINUTELY.reserved("a", 40, LATER, NOW)
    assert window.left(LATER + MINUTE - 1) == 8
    assert window.left(LATER + MINUTE) == 48


def test_the_providers_count_corrects_what_was_thought_to_be_used() -> None:
    window = HOURLY.reserved("a", 10, LATER, NOW)
    window = window.answered("a", NOW, NOW + SECOND, said(900, 1800))
    # A hundred are used, one of them ours; nine more are reserved.
    assert window.left(NOW + SECOND) == 800 - 100 - 9
    window = window.returned("a", NOW + 2 * SECOND)
    assert window.left(NOW + 1802 * SECOND - 1) == 700
    assert window.left(NOW + 1802 * SECOND) == 800


def test_the_providers_count_never_leaves_out_what_is_still_under_way() -> None:
    window = HOURLY.reserved("a", 3, LATER, NOW)
    window = window.answered("a", NOW, NOW + SECOND, said(998, 3599))
    window = window.answered("a", NOW, NOW + SECOND, said(999, 3600))
    assert window.spent(NOW + SECOND) == 2 + 1


def test_the_providers_count_does_not_stand_for_what_came_after_it() -> None:
    window = HOURLY.reserved("a", 2, LATER, NOW)
    # The second is lost while the answer to the first is still under way.
    window = window.answered("a", NOW + SECOND, NOW + 5 * SECOND, NOTHING_SAID)
    window = window.answered("a", NOW, NOW + 6 * SECOND, said(999, 3600))
    assert window.spent(NOW + 6 * SECOND) == 2


def test_the_providers_count_ends_the_doubt_about_what_was_sent_before() -> None:
    dead = HOURLY.reserved("dead", 300, NOW + MINUTE, NOW)
    window = dead.reserved("a", 1, LATER, NOW + MINUTE)
    assert window.left(NOW + MINUTE) == 499
    sent = NOW + MINUTE + 1
    window = window.answered("a", sent, sent + SECOND, said(850, 3000))
    assert window.left(sent + SECOND) == 650


def test_an_answer_of_the_window_before_is_no_news_of_the_present_one() -> None:
    window = HOURLY.reserved("a", 2, LATER, NOW)
    window = window.answered("a", NOW, NOW, said(999, 3600))
    late = window.answered("a", NOW - SECOND, NOW + SECOND, said(200, 0))
    assert late.spent(NOW + SECOND) == 1


def test_a_window_that_the_provider_has_begun_starts_with_its_count() -> None:
    window = HOURLY.reserved("a", 2, LATER, NOW)
    window = window.answered("a", NOW, NOW, said(201, 2))
    assert window.left(NOW) == 0
    window = window.answered("a", NOW, NOW + 2 * SECOND, said(999, 3600))
    assert window.left(NOW + 2 * SECOND) == 799


def test_a_limit_that_was_learnt_is_the_one_from_then_on() -> None:
    window = MINUTELY.reserved("a", 1, LATER, NOW).answered("a", NOW, NOW, RateLimit(limit=120))
    assert (window.allowed, window.left(NOW)) == (96, 95)
    assert window.left(NOW + HOUR) == 96


def test_a_limit_of_nothing_is_not_believed() -> None:
    window = MINUTELY.reserved("a", 1, LATER, NOW).answered("a", NOW, NOW, RateLimit(limit=0))
    assert window.allowed == 48


def test_after_a_429_nothing_is_left_until_its_time_is_over() -> None:
    refusal = RateLimit(refused=True, wait_seconds=90.0)
    window = MINUTELY.reserved("a", 1, LATER, NOW).answered("a", NOW, NOW, refusal)
    assert window.left(NOW + 90 * SECOND - 1) == 0
    assert window.opens_ms(NOW) == NOW + 90 * SECOND
    assert window.left(NOW + 90 * SECOND) == 48


@pytest.mark.parametrize(("wait", "blocked"), [(None, MINUTE), (1e18, 24 * HOUR)])
def test_a_429_blocks_for_a_minute_unless_it_says_how_long_and_for_a_day_at_most(
    wait: float | None, blocked: int
) -> None:
    refusal = RateLimit(refused=True, wait_seconds=wait)
    window = MINUTELY.reserved("a", 1, LATER, NOW).answered("a", NOW, NOW, refusal)
    assert window.blocked_until_ms == NOW + blocked


def test_a_share_is_at_least_one_request_so_that_a_better_limit_can_be_learnt() -> None:
    window = BudgetWindow(RequestLimit(1, 60)).reserved("a", 5, LATER, NOW)
    assert (window.requests_of("a"), window.left(NOW)) == (1, 0)
    assert window.opens_ms(NOW) == LATER + MINUTE


def test_a_reset_that_cannot_be_is_no_later_than_a_window() -> None:
    window = HOURLY.reserved("a", 1, LATER, NOW).answered("a", NOW, NOW, said(0, 1e308))
    assert window.opens_ms(NOW) == NOW + HOUR + SECOND


def test_a_window_comes_back_from_its_document() -> None:
    window = MINUTELY.reserved("a", 4, LATER, NOW).reserved("b", 2, LATER, NOW)
    window = window.answered("a", NOW, NOW, NOTHING_SAID)
    window = window.answered("a", NOW + 9, NOW + 9, RateLimit(120, 70, 30, True, 30))
    window = window.answered("b", NOW, NOW + 99, NOTHING_SAID)
    assert BudgetWindow.of(window.document(), window.rule) == window
    assert window.document()["unconfirmed"] == [[NOW + 5 * SECOND, 1]]


# What happens, by how many of each: the runs number 0, 1, 2 …
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("send"), st.integers(0, 3), st.integers(1, 20)),
        st.tuples(st.just("hear"), st.integers(0, 3), st.integers(1, 20)),
        st.tuples(st.just("lose"), st.integers(0, 3), st.integers(1, 2)),
        st.tuples(st.just("finish"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("others"), st.just(0), st.integers(1, 15)),
        st.tuples(st.just("pass"), st.just(0), st.integers(1, 45_000)),
    ),
    max_size=60,
)


class Play:
    """Runs, each with its own view, one stored window, and a provider with a fixed window.

    A run notes what it hears in its own view and in its changes, which are made to the stored
    window when it reserves or finishes, as `tributary.allowance` does.
    """

    def __init__(self, talkative: bool) -> None:
        self.stored = BudgetWindow(RequestLimit(60, 60))
        self.provider = RequestBudget(60, 60)
        self.talkative = talkative
        self.now = NOW
        self.runs: dict[int, Played] = {}
        self.begun = 0
        self.opened: float | None = None
        self.ours = self.others = 0

    def run(self, number: int) -> "Played":
        run = self.runs.get(number)
        if run is None or run.until <= self.now:
            self.begun += 1
            run = self.runs[number] = Played(f"run {self.begun}", self.now + 90 * SECOND)
        return run

    def spend(self) -> RateLimit:
        standing = self.provider.spend(self.now / SECOND)
        if standing.resets_at != self.opened:
            self.opened, self.ours, self.others = standing.resets_at, 0, 0
        refused = not standing.allowed
        seconds = math.ceil(standing.resets_at - self.now / SECOND)
        if not self.talkative and not refused:
            return NOTHING_SAID
        return RateLimit(standing.limit, standing.remaining, seconds, refused, seconds)

    def act(self, what: str, number: int, count: int) -> None:
        if what == "pass":
            self.now += count
            return
        if what == "others":
            for _ in range(count):
                self.spend()
                self.others += 1
            return
        run = self.run(number)
        if what == "reserve":
            window = run.replayed(self.stored)
            self.stored = window.reserved(run.holder, count, run.until, self.now)
            run.unsent = self.stored.requests_of(run.holder) - len(run.under_way)
        elif what == "send":
            for _ in range(min(count, run.unsent)):
                if self.stored.at(self.now).blocked_until_ms > self.now:
                    return
                self.send(run)
        elif what in ("hear", "lose"):
            for _ in range(min(count, len(run.under_way))):
                # The last first, so that answers come out of order.
                sent, answer = run.under_way.pop()
                run.heard(sent, self.now, answer if what == "hear" else NOTHING_SAID)
        elif what == "finish":
            while run.under_way:
                run.heard(*self.answered(run))
            self.stored = run.replayed(self.stored).returned(run.holder, self.now)
            del self.runs[number]
        elif what == "die":
            del self.runs[number]

    def answered(self, run: "Played") -> tuple[int, int, RateLimit]:
        sent, answer = run.under_way.pop()
        return sent, self.now, answer

    def send(self, run: "Played") -> None:
        before = self.stored.spent(self.now)
        answer = self.spend()
        self.ours += 1
        run.unsent -= 1
        run.under_way.append((self.now, answer))
        assert self.ours <= before
        assert self.ours <= 48
        assert self.others or not answer.refused


class Played:
    """A run: what it may send until its time is over, what is under way, what it has heard."""

    def __init__(self, holder: str, until: int) -> None:
        self.holder, self.until = holder, until
        self.unsent = 0
        self.under_way: list[tuple[int, RateLimit]] = []
        self.changes: list[tuple[int, int, RateLimit]] = []

    def heard(self, sent: int, now: int, answer: RateLimit) -> None:
        self.changes.append((sent, now, answer))

    def replayed(self, window: BudgetWindow) -> BudgetWindow:
        for sent, now, answer in self.changes:
            window = window.answered(self.holder, sent, now, answer)
        self.changes.clear()
        return window


@given(STEPS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_more_is_sent_in_a_providers_window_than_is_used_and_allowed(
    steps: list[tuple[str, int, int]], talkative: bool
) -> None:
    play = Play(talkative)
    for step in steps:
        play.act(*step)


@given(st.integers(0, 900), st.integers(0, 900), st.integers(1, 800))
@settings(max_examples=30, deadline=None)
def test_a_fifth_is_left_but_for_what_others_take(mine: int, others: int, wanted: int) -> None:
    provider = RequestBudget(1000, 3600)
    window = HOURLY.reserved("a", mine, LATER, NOW)
    for _ in range(others):
        provider.spend(0)
    for _ in range(window.requests_of("a")):
        standing = provider.spend(0)
        window = window.answered("a", NOW, NOW, said(standing.remaining, 3600))
    window = window.reserved("b", wanted, LATER, NOW)
    for _ in range(window.requests_of("b")):
        standing = provider.spend(0)
        assert standing.remaining >= 200 or not mine


def test_all_is_forgotten_in_the_end() -> None:
    window = MINUTELY.reserved("a", 40, LATER, NOW).answered("a", NOW, NOW, said(10, 30, 60))
    assert window.at(LATER + HOUR) == replace(MINUTELY, limit=60)
