"""Coverage: what two know together is no less than either knew, in whatever order it is joined."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tributary.coverage import MOST_GAPS, NOTHING, OPEN, Coverage, Gap, spans
from tributary.windows import Window

# From the worst that can be known of an instant to the best.
UNKNOWN, EMPTY, HOURLY, FINER, COMPLETE = range(5)
GRADES = {OPEN: UNKNOWN, NOTHING: EMPTY, 3600: HOURLY, 60: FINER}


def grade(coverage: Coverage, time_ms: int) -> int:
    """How good the instant is stored."""
    if not coverage.since_ms <= time_ms < coverage.until_ms:
        return UNKNOWN
    held = [gap for gap in coverage.gaps if gap.start_ms <= time_ms < gap.end_ms]
    return GRADES[held[0].resolution_ms] if held else COMPLETE


@st.composite
def coverages(draw: st.DrawFn, most: int = 30) -> Coverage:
    """Of a few instants, so that their edges meet."""
    edges = sorted(draw(st.lists(st.integers(0, most), min_size=1, max_size=10)))
    steps = [pair for pair in pairwise(edges) if draw(st.booleans())]
    gaps = [Gap(start, end, draw(st.sampled_from(sorted(GRADES)))) for start, end in steps]
    window = Window(edges[0], edges[-1])
    return Coverage.of(window, [gap for gap in gaps if gap.window.length_ms])


@given(coverages(), coverages())
def test_the_order_of_joining_does_not_matter(a: Coverage, b: Coverage) -> None:
    assert a.joined(b) == b.joined(a)


@given(coverages(), coverages(), coverages())
def test_nor_does_it_of_three(a: Coverage, b: Coverage, c: Coverage) -> None:
    assert a.joined(b).joined(c) == a.joined(b.joined(c))


@given(coverages(), coverages())
def test_joining_again_changes_nothing(a: Coverage, b: Coverage) -> None:
    assert a.joined(a) == a
    assert a.joined(b).joined(b) == a.joined(b).joined(a) == a.joined(b)


@given(coverages(), coverages())
def test_of_each_instant_the_better_is_known(a: Coverage, b: Coverage) -> None:
    joined = a.joined(b)

    assert [grade(joined, at) for at in range(-1, 32)] == [
        max(grade(a, at), grade(b, at)) for at in range(-1, 32)
    ]
    assert joined.window == Window(min(a.since_ms, b.since_ms), max(a.until_ms, b.until_ms))


@given(coverages(), coverages())
def test_gaps_are_in_order_and_apart_and_neighbours_differ(a: Coverage, b: Coverage) -> None:
    joined = a.joined(b)

    assert all(gap.start_ms < gap.end_ms for gap in joined.gaps)
    assert all(gap.window.common(joined.window) == gap.window for gap in joined.gaps)
    for one, next_one in pairwise(joined.gaps):
        assert one.end_ms <= next_one.start_ms
        assert (one.end_ms, one.resolution_ms) != (next_one.start_ms, next_one.resolution_ms)


@st.composite
def flapping(draw: st.DrawFn) -> Coverage:
    """As of a host that was down more often than is kept."""
    bits, shift = draw(st.integers(0, 2**90 - 1)), draw(st.integers(0, 2))
    resolutions = draw(st.lists(st.sampled_from(sorted(GRADES)), min_size=1, max_size=7))
    gaps = [
        Gap(3 * row + shift, 3 * row + shift + 2, resolutions[row % len(resolutions)])
        for row in range(90)
        if bits >> row & 1
    ]
    # Not by `of`, which would leave gaps out.
    return Coverage(0, 300, tuple(gaps))


@given(flapping(), flapping(), flapping())
def test_no_more_gaps_are_kept_than_fit_and_of_open_time_none_is_lost(
    a: Coverage, b: Coverage, c: Coverage
) -> None:
    # Which of the others are left out depends on the order in which more are joined than are kept.
    for joined in (a.joined(b).joined(c), c.joined(b.joined(a)), b.joined(a.joined(c))):
        assert len(joined.gaps) <= MOST_GAPS
        assert joined.window == Window(0, 300)
        for at in range(300):
            if max(grade(one, at) for one in (a, b, c)) == UNKNOWN:
                assert grade(joined, at) == UNKNOWN


def test_past_what_is_kept_the_oldest_gaps_that_are_not_open_are_forgotten() -> None:
    gaps = [Gap(10 * row, 10 * row + 5, OPEN if row % 2 else 60) for row in range(70)]

    kept = Coverage.of(Window(0, 1000), gaps).gaps

    assert kept == tuple(gap for gap in gaps if gap.resolution_ms == OPEN or gap.start_ms > 100)


def test_past_what_is_kept_open_gaps_become_one_with_what_lies_between() -> None:
    gaps = [Gap(10 * row, 10 * row + 5, OPEN) for row in range(66)]

    kept = Coverage.of(Window(0, 1000), gaps).gaps

    assert kept == (Gap(0, 25, OPEN), *gaps[3:])


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        # A run that goes on where the one before it ended.
        (Coverage(0, 60), Coverage(60, 90), Coverage(0, 90)),
        # One that reads again what is known.
        (Coverage(0, 60), Coverage(30, 90), Coverage(0, 90)),
        # One that was asked for only the newest, after an outage.
        (Coverage(0, 60), Coverage(80, 90), Coverage(0, 90, (Gap(60, 80, OPEN),))),
        # A repair with all samples, with coarser ones, and with none.
        (Coverage(0, 90, (Gap(60, 80, OPEN),)), Coverage(60, 80), Coverage(0, 90)),
        (
            Coverage(0, 90, (Gap(60, 80, OPEN),)),
            Coverage(60, 80, (Gap(60, 80, 5),)),
            Coverage(0, 90, (Gap(60, 80, 5),)),
        ),
        (
            Coverage(0, 90, (Gap(60, 80, OPEN),)),
            Coverage(70, 80, (Gap(70, 80, NOTHING),)),
            Coverage(0, 90, (Gap(60, 70, OPEN), Gap(70, 80, NOTHING))),
        ),
        # Finer samples that turn up later, of a part.
        (
            Coverage(0, 90, (Gap(60, 80, 20),)),
            Coverage(60, 70, (Gap(60, 70, 5),)),
            Coverage(0, 90, (Gap(60, 70, 5), Gap(70, 80, 20))),
        ),
        # Coarser ones change nothing.
        (
            Coverage(0, 90, (Gap(60, 80, 5),)),
            Coverage(50, 90, (Gap(50, 90, 20),)),
            Coverage(0, 90, (Gap(60, 80, 5),)),
        ),
        # What is known of a state that was stored before there was coverage: nothing before it.
        (Coverage(60, 60), Coverage(30, 90), Coverage(30, 90)),
        (Coverage(60, 60), Coverage(80, 90), Coverage(60, 90, (Gap(60, 80, OPEN),))),
    ],
)
def test_what_two_know_together(one: Coverage, other: Coverage, joined: Coverage) -> None:
    assert one.joined(other) == other.joined(one) == joined


def test_open_gaps_are_those_a_provider_may_still_fill() -> None:
    gaps = (Gap(0, 10, OPEN), Gap(10, 20, NOTHING), Gap(20, 30, 5), Gap(40, 50, OPEN))

    assert Coverage(0, 60, gaps).open == (gaps[0], gaps[3])


@pytest.mark.parametrize(
    ("times", "covered"),
    [
        ([], []),
        ([0, 10, 20], [Window(0, 30)]),
        # One sample left out is no hole, even if the next is late; two are.
        ([0, 20], [Window(0, 30)]),
        ([0, 29], [Window(0, 39)]),
        ([0, 30], [Window(0, 10), Window(30, 40)]),
        # Samples may come at odd times.
        ([3, 14, 24], [Window(3, 34)]),
    ],
)
def test_samples_cover_time_up_to_a_hole_of_two(times: list[int], covered: list[Window]) -> None:
    assert spans(times, 10) == covered
