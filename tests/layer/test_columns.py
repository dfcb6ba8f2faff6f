"""Merging: per instant the finer resolution, then the later seen, then the larger value."""

from array import array
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layer.samples import CPU, SEEN, TEN, points, rows
from tributary.columns import Column, Run, column, merge, news

NEAR = st.integers(0, 8).map(lambda step: TEN + step * 10_000)
SAMPLE = st.tuples(NEAR, st.sampled_from([0.0, 0.25, 0.5]))


@st.composite
def columns(draw: st.DrawFn) -> Column:
    """A column such as merging leaves: any instants of a few, in runs of different tags."""
    made = st.builds(
        lambda samples, resolution, seen: column(CPU, samples, resolution, seen),
        st.lists(SAMPLE, min_size=1, max_size=5),
        st.sampled_from([10_000, 30_000]),
        st.sampled_from([SEEN, SEEN + 300_000]),
    )
    return merge(draw(st.lists(made, min_size=1, max_size=3)))


@given(columns(), columns())
def test_merging_does_not_depend_on_the_order(one: Column, other: Column) -> None:
    assert merge([one, other]) == merge([other, one])


@given(columns(), columns(), columns())
def test_merging_does_not_depend_on_what_is_merged_first(a: Column, b: Column, c: Column) -> None:
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c])


@given(columns(), columns())
def test_merging_again_changes_nothing(one: Column, other: Column) -> None:
    merged = merge([one, other])

    assert merge([one, one]) == one
    assert merge([merged, one]) == merge([merged, other]) == merged


@given(columns(), columns())
def test_news_are_what_merging_would_change(stored: Column, incoming: Column) -> None:
    fresh = news(incoming, stored)
    merged = merge([stored, fresh]) if fresh else stored
    before = {(time, value, resolution) for _, time, value, resolution, _ in points([stored])}
    after = {(time, value, resolution) for _, time, value, resolution, _ in points([merged])}

    assert len(after - before) == len(fresh)
    # Once the news are in, they are none: a second writing puts nothing.
    assert not news(incoming, merged)


def test_finer_resolution_wins_though_it_was_seen_earlier_and_is_smaller() -> None:
    coarse = rows([(0, 0.9)], resolution=30, seen=SEEN + 300_000)
    fine = rows([(0, 0.1)], resolution=10, seen=SEEN)

    assert merge([coarse, fine]) == fine


def test_of_one_resolution_the_later_seen_wins_though_it_is_smaller() -> None:
    revised = rows([(0, 0.1)], seen=SEEN + 300_000)

    assert merge([revised, rows([(0, 0.9)])]) == revised


def test_of_one_seen_the_larger_value_wins() -> None:
    assert merge([rows([(0, 0.1)]), rows([(0, 0.9)])]) == rows([(0, 0.9)])


def test_merging_in_any_order_gives_the_same_rows() -> None:
    parts = [
        rows([(0, 0.1), (10, 0.2), (20, 0.3)]),
        rows([(10, 0.25), (20, 0.3), (30, 0.4)], seen=SEEN + 300_000),
        rows([(0, 0.15), (30, 0.5)], resolution=30, seen=SEEN + 600_000),
    ]
    expected = Column(
        CPU,
        array("q", [TEN, TEN + 10_000, TEN + 20_000, TEN + 30_000]),
        array("d", [0.1, 0.25, 0.3, 0.4]),
        (Run(1, 10_000, SEEN), Run(3, 10_000, SEEN + 300_000)),
    )

    assert {str(merge(order)) for order in permutations(parts)} == {str(expected)}


def test_columns_one_after_the_other_are_joined_and_runs_alike_become_one() -> None:
    joined = merge([rows([(20, 0.3)]), rows([(0, 0.1), (10, 0.2)])])

    assert joined == rows([(0, 0.1), (10, 0.2), (20, 0.3)])
    assert joined.runs == (Run(3, 10_000, SEEN),)


def test_samples_in_any_order_and_twice_become_a_column_in_order() -> None:
    made = rows([(20, 0.3), (0, 0.1), (20, 0.35), (10, 0.2)])

    assert list(made.times) == [TEN, TEN + 10_000, TEN + 20_000]
    assert list(made.values) == [0.1, 0.2, 0.35]
    assert made.runs == (Run(3, 10_000, SEEN),)


def test_no_samples_are_an_empty_column() -> None:
    assert not rows([])


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (0, 30_000, [0, 10_000, 20_000]),
        (0, 20_000, [0, 10_000]),
        (1, 20_001, [10_000, 20_000]),
        (30_000, 60_000, []),
        (-60_000, 0, []),
    ],
)
def test_rows_between_hold_the_start_and_not_the_end(
    start: int, end: int, times: list[int]
) -> None:
    found = rows([(0, 0.1), (10, 0.2), (20, 0.3)]).between(TEN + start, TEN + end)

    assert [time - TEN for time in found.times] == times
    assert sum(run.rows for run in found.runs) == len(times)


def test_rows_between_keep_the_tags_of_their_runs() -> None:
    both = merge([rows([(0, 0.1), (10, 0.2)]), rows([(20, 0.3), (30, 0.4)], seen=SEEN + 1)])

    assert both.between(TEN + 10_000, TEN + 30_000).runs == (
        Run(1, 10_000, SEEN),
        Run(1, 10_000, SEEN + 1),
    )


def test_runs_come_apart_by_resolution() -> None:
    both = merge([rows([(0, 0.1), (10, 0.2)]), rows([(60, 0.3)], resolution=60)])

    assert list(both.of_runs()) == [
        (10_000, rows([(0, 0.1), (10, 0.2)])),
        (60_000, rows([(60, 0.3)], resolution=60)),
    ]


def test_news_leave_out_what_is_stored_alike() -> None:
    stored = rows([(0, 0.1), (10, 0.2)])
    refetched = rows([(0, 0.1), (10, 0.25), (20, 0.3)], seen=SEEN + 1)

    assert news(refetched, stored) == rows([(10, 0.25), (20, 0.3)], seen=SEEN + 1)


def test_a_confirmation_is_no_news() -> None:
    assert not news(rows([(0, 0.1)], seen=SEEN + 300_000), rows([(0, 0.1)]))


@pytest.mark.parametrize(
    "late",
    [
        rows([(0, 0.9)], seen=SEEN - 300_000),
        rows([(0, 0.9)], resolution=30, seen=SEEN + 300_000),
        rows([(0, 0.05)]),
    ],
    ids=["seen earlier", "coarser", "smaller"],
)
def test_what_merging_would_not_take_is_no_news(late: Column) -> None:
    assert not news(late, rows([(0, 0.1)]))


@given(st.lists(SAMPLE, min_size=1, max_size=20))
@settings(max_examples=50)
def test_spans_cover_every_row_once(samples: list[tuple[int, float]]) -> None:
    made = column(CPU, samples, 10_000, SEEN)

    assert [row for first, last, _ in made.spans() for row in range(first, last)] == list(
        range(len(made))
    )
