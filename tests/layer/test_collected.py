"""Collected: two writers' knowledge of a resource, joined in whatever order."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layer.samples import TEN
from tests.layer.test_coverage import coverages
from tributary.collected import Collected, Failure, failure_of
from tributary.coverage import NOTHING, OPEN, Coverage, Gap
from tributary.errors import RateLimitedError
from tributary.windows import Window

FAILED = Failure("upstream", "GET /x from northflank answered 502", TEN)
STATE = Collected(
    newest_ms=TEN,
    resolution_ms=10_000,
    coverage=Coverage(TEN - 600_000, TEN + 30_000),
    settled_ms=TEN - 30_000,
    imported=40,
    published_ms=TEN - 60_000,
    publishing_ms=TEN,
    attempted_ms=TEN + 60_000,
    failure=FAILED,
    idle=True,
)


@pytest.mark.parametrize("first", [True, False])
def test_the_later_attempt_says_what_failed_and_the_most_is_kept_of_both(first: bool) -> None:
    later = Collected(
        newest_ms=TEN - 10_000,
        resolution_ms=60_000,
        coverage=Coverage(TEN - 1_200_000, TEN + 90_000, (Gap(TEN, TEN + 60_000, OPEN),)),
        settled_ms=TEN - 60_000,
        empty_ms=300_000,
        published_ms=TEN,
        attempted_ms=TEN + 120_000,
    )

    joined = STATE.joined(later) if first else later.joined(STATE)

    assert joined == Collected(
        newest_ms=TEN,
        resolution_ms=10_000,
        coverage=Coverage(TEN - 1_200_000, TEN + 90_000, (Gap(TEN + 30_000, TEN + 60_000, OPEN),)),
        settled_ms=TEN - 60_000,
        imported=40,
        empty_ms=300_000,
        published_ms=TEN,
        publishing_ms=TEN,
        attempted_ms=TEN + 120_000,
        failure=None,
        idle=False,
    )


@pytest.mark.parametrize("first", [True, False])
def test_of_two_attempts_at_one_slot_the_one_that_succeeded_counts(first: bool) -> None:
    # As when the key was renewed and the run repeated, or an event came twice.
    done = replace(STATE, failure=None)

    assert (STATE.joined(done) if first else done.joined(STATE)).failure is None


@pytest.mark.parametrize("first", [True, False])
def test_of_two_attempts_at_one_slot_the_one_that_believes_less_to_be_final_counts(
    first: bool,
) -> None:
    revised = replace(STATE, settled_ms=TEN - 300_000)

    joined = STATE.joined(revised) if first else revised.joined(STATE)

    assert joined.settled_ms == TEN - 300_000


SOME = st.none() | st.sampled_from([0, TEN, TEN + 1, TEN + 2])
MORE = st.sampled_from([0, TEN, TEN + 1])
COLLECTED = st.builds(
    Collected,
    newest_ms=SOME,
    resolution_ms=st.sampled_from([0, 10_000, 60_000]),
    coverage=st.none() | coverages(6),
    settled_ms=MORE,
    imported=st.sampled_from([0, 7, 100]),
    asked_ms=SOME,
    empty_ms=st.sampled_from([0, 1, 2]),
    published_ms=MORE,
    publishing_ms=MORE,
    attempted_ms=MORE,
    failure=st.sampled_from(
        [None, FAILED, replace(FAILED, attempts=2), Failure("timeout", "", TEN)]
    ),
    idle=st.booleans(),
)


@given(COLLECTED, COLLECTED, COLLECTED)
def test_joining_does_not_depend_on_order_or_repetition(
    a: Collected, b: Collected, c: Collected
) -> None:
    joined = [
        one.joined(two).joined(three) for one, two, three in itertools.permutations([a, b, c])
    ]

    assert joined == [a.joined(b.joined(c))] * 6
    assert a.joined(a) == a
    assert a.joined(b).joined(a) == a.joined(b)


@given(COLLECTED, COLLECTED)
def test_joining_never_takes_back_what_is_stored(a: Collected, b: Collected) -> None:
    joined = a.joined(b)

    assert (joined.newest_ms or 0) >= (a.newest_ms or 0)
    assert (joined.asked_ms or 0) >= (a.asked_ms or 0)
    assert joined.imported >= a.imported
    assert joined.published_ms >= a.published_ms
    assert joined.publishing_ms >= a.publishing_ms
    assert joined.attempted_ms >= a.attempted_ms


HOUR = 3_600_000
# Asked for until 10:00:30, whose newest sample is of 10:00:00 and stands for ten seconds.
WHOLE = Coverage(TEN - 24 * HOUR, TEN + 10_000)
LIVE = Collected(TEN, 10_000, TEN + 30_000, WHOLE, TEN)
HOLE = Window(TEN - HOUR, TEN - HOUR // 2)


def holed(resolution_ms: int) -> Collected:
    return replace(
        LIVE, coverage=replace(WHOLE, gaps=(Gap(HOLE.start_ms, HOLE.end_ms, resolution_ms),))
    )


@pytest.mark.parametrize(
    ("state", "watermark_ms", "from_ms"),
    [
        (Collected(), None, None),
        # The newest sample and three before it are read again, or what is not settled.
        (LIVE, TEN + 10_000, TEN - 30_000),
        (replace(LIVE, settled_ms=TEN - 60_000), TEN + 10_000, TEN - 60_000),
        # Of a host that revises without end, no more than an hour.
        (replace(LIVE, settled_ms=0), TEN + 10_000, TEN + 10_000 - HOUR),
        # A gap that is open holds the watermark back, not what is current; others do neither.
        (holed(OPEN), HOLE.start_ms, TEN - 30_000),
        (holed(NOTHING), TEN + 10_000, TEN - 30_000),
    ],
)
def test_where_collecting_has_come_to_and_goes_on(
    state: Collected, watermark_ms: int | None, from_ms: int | None
) -> None:
    assert (state.watermark_ms, state.from_ms) == (watermark_ms, from_ms)


DAY_BEFORE = Window(TEN - 24 * HOUR, TEN + 30_000)


@pytest.mark.parametrize(
    ("newest_ms", "resolution_ms", "until_ms", "settled_ms"),
    [
        # Live: until the end of its newest sample, of which three more are not settled.
        (TEN, 10_000, TEN + 10_000, TEN - 30_000),
        # Never past what was asked.
        (TEN, 60_000, TEN + 30_000, TEN - 210_000),
        # Silent: an hour behind what was asked, before which nothing is asked for again.
        (TEN - 5 * HOUR, 10_000, TEN + 30_000 - HOUR, TEN + 30_000 - HOUR),
        (None, 0, TEN + 30_000 - HOUR, TEN + 30_000 - HOUR),
    ],
)
def test_what_is_current_is_complete_until_its_newest_sample_or_an_hour_ago(
    newest_ms: int | None, resolution_ms: int, until_ms: int, settled_ms: int
) -> None:
    state = Collected(newest_ms, resolution_ms).after(DAY_BEFORE)

    assert state == Collected(
        newest_ms, resolution_ms, TEN + 30_000, Coverage(TEN - 24 * HOUR, until_ms), settled_ms
    )


def test_what_was_revised_is_not_settled_and_what_was_settled_stays_so() -> None:
    revised = Collected(TEN, 10_000).after(DAY_BEFORE, changed_ms=TEN - 120_000)

    assert revised.settled_ms == TEN - 120_000
    assert LIVE.after(DAY_BEFORE, changed_ms=TEN - 120_000).settled_ms == TEN


def test_a_run_goes_on_where_the_one_before_it_ended() -> None:
    newer = replace(LIVE, newest_ms=TEN + 300_000)

    after = newer.after(Window(TEN - 30_000, TEN + 330_000))

    assert after.coverage == Coverage(TEN - 24 * HOUR, TEN + 310_000)
    assert after.asked_ms == TEN + 330_000


def test_what_an_outage_left_unasked_is_open_and_coarser_samples_are_a_gap() -> None:
    newer = replace(LIVE, newest_ms=TEN + 3 * HOUR)
    coarser = Gap(TEN + 2 * HOUR, TEN + 5 * HOUR // 2, 60_000)

    after = newer.after(Window(TEN + 2 * HOUR, TEN + 3 * HOUR + 30_000), gaps=[coarser])

    assert after.coverage == Coverage(
        TEN - 24 * HOUR,
        TEN + 3 * HOUR + 10_000,
        (Gap(TEN + 10_000, TEN + 2 * HOUR, OPEN), coarser),
    )


def test_an_answer_adds_to_what_is_covered() -> None:
    first = Collected().covering(Coverage(0, 60))

    assert first.coverage == Coverage(0, 60)
    assert first.covering(Coverage(80, 90)).coverage == Coverage(0, 90, (Gap(60, 80, OPEN),))


def test_gaps_before_an_instant_are_what_is_open_up_to_it() -> None:
    gaps = (Gap(0, 10, OPEN), Gap(10, 20, 60_000), Gap(30, 40, OPEN), Gap(50, 60, OPEN))
    state = Collected(coverage=Coverage(0, 90, gaps))

    assert state.gaps_before(35) == [Window(0, 10), Window(30, 35)]
    assert Collected().gaps_before(35) == []


def test_a_failures_message_is_bounded() -> None:
    failure = failure_of(RateLimitedError("x" * 5000), TEN)

    assert failure == Failure("rate_limited", "x" * 300, TEN, 1)


def test_failures_in_succession_are_counted() -> None:
    first = failure_of(RateLimitedError("slower"), TEN)

    assert failure_of(RateLimitedError("slower"), TEN + 1, first).attempts == 2
