"""Aligning and aggregating: literal samples in, literal steps out."""

from typing import Literal

import pytest

from functions.query_api.aggregate import Line, aggregated
from functions.query_api.align import Aligned, Aligner, Found
from functions.query_api.arithmetic import Lists, Value
from functions.query_api.arrays import Arrays
from functions.query_api.folds import percentile
from functions.query_api.plan import Grid
from tributary.columns import Column, ColumnKey, Origin, as_one, column, merge
from tributary.metrics import CATALOGUE

type Values = list[Value]

KEY = ColumnKey("cpu.utilization", "-", Origin("", "", 1.0))
HALF_HOUR = 1800


def rows(samples: list[tuple[float, float]], resolution: int, key: ColumnKey = KEY) -> Column:
    """A column of samples (seconds, value)."""
    times = [(int(second * 1000), value) for second, value in samples]
    return column(key, times, resolution * 1000, 0)


def align(
    samples: Column,
    end: int,
    step: int,
    over: str = "avg",
    kind: Literal["gauge", "delta"] = "gauge",
    start: int = 0,
) -> Aligned[Values]:
    """What lists and arrays both make of it."""
    found, grid = Found((samples,)), Grid(start * 1000, end * 1000, step * 1000)
    by_lists = Aligner(grid, Lists()).aligned(found, over, kind)
    by_arrays = Aligner(grid, Arrays()).aligned(found, over, kind)
    listed = Arrays().listed(by_arrays.values)
    assert listed == pytest.approx(by_lists.values)
    assert by_arrays.approximate == by_lists.approximate
    return by_lists


FOUR = rows([(0, 4.0), (10, 1.0), (20, 3.0), (60, 8.0)], 10)


@pytest.mark.parametrize(
    ("over", "values"),
    [
        ("avg", [8 / 3, 8.0, None]),
        ("min", [1.0, 8.0, None]),
        ("max", [4.0, 8.0, None]),
        ("sum", [8.0, 8.0, None]),
        ("count", [3.0, 1.0, None]),
        ("last", [3.0, 8.0, None]),
        ("p50", [3.0, 8.0, None]),
        ("p75", [3.5, 8.0, None]),
        ("p99", [3.98, 8.0, None]),
    ],
)
def test_over_folds_the_samples_of_each_step(over: str, values: list[float | None]) -> None:
    assert align(FOUR, 180, 60, over).values == pytest.approx(values)


def test_a_sample_belongs_to_the_step_that_holds_its_time() -> None:
    samples = rows([(59.999, 1.0), (60, 2.0), (119.5, 4.0)], 10)

    assert align(samples, 120, 60).values == [1.0, 3.0]


@pytest.mark.parametrize("over", ["avg", "min", "max", "last", "p50"])
def test_a_gauge_is_repeated_in_finer_steps_while_it_holds(over: str) -> None:
    samples = rows([(0, 1.0), (60, 2.0)], 60)

    assert align(samples, 160, 20, over).values == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, None, None]


@pytest.mark.parametrize("over", ["sum", "count"])
def test_sums_and_numbers_of_samples_are_not_repeated(over: str) -> None:
    samples = rows([(0, 1.0), (60, 1.0)], 60)

    assert align(samples, 120, 30, over).values == [1.0, None, 1.0, None]


@pytest.mark.parametrize("over", ["sum", "avg", "last"])
def test_a_delta_is_not_repeated(over: str) -> None:
    samples = rows([(0, 1.0), (60, 1.0)], 60)

    assert align(samples, 120, 30, over, "delta").values == [1.0, None, 1.0, None]


def test_a_gauge_holds_no_longer_than_its_resolution() -> None:
    samples = rows([(5, 1.0)], 60)

    assert align(samples, 100, 20).values == [1.0, 1.0, 1.0, None, None]


def test_a_gauge_from_before_the_range_holds_into_it() -> None:
    samples = rows([(0, 1.0)], 60)

    assert align(samples, 80, 20, start=20).values == [1.0, 1.0, None]


MIXED = merge([rows([(0, 5.0)], HALF_HOUR), rows([(600, 1.0), (610, 3.0)], 10)])


def test_a_coarse_sample_shows_only_where_there_is_no_finer_one() -> None:
    values = align(MIXED, 2400, 300).values

    assert values == [5.0, 5.0, 2.0, 5.0, 5.0, 5.0, None, None]


def test_a_coarse_sample_gives_way_in_its_own_step() -> None:
    samples = merge([rows([(0, 5.0)], HALF_HOUR), rows([(10, 1.0)], 10)])

    assert align(samples, 1200, 600).values == [1.0, 5.0]


def test_the_average_weights_each_sample_by_its_resolution() -> None:
    samples = merge([rows([(0, 5.0)], HALF_HOUR), rows([(1800, 1.0), (2400, 3.0)], 600)])

    assert align(samples, 3600, 3600).values == [(5.0 * 1800 + 1.0 * 600 + 3.0 * 600) / 3000]


@pytest.mark.parametrize(
    ("over", "value"), [("min", 1.0), ("max", 5.0), ("last", 3.0), ("count", 3.0), ("sum", 9.0)]
)
def test_other_folds_take_samples_of_all_resolutions_in_order(over: str, value: float) -> None:
    samples = merge([rows([(0, 5.0)], HALF_HOUR), rows([(1800, 1.0), (2400, 3.0)], 600)])

    assert align(samples, 3600, 3600, over).values == [value]


@pytest.mark.parametrize(
    ("over", "approximate"),
    [("min", True), ("max", True), ("p95", True), ("avg", False), ("last", False)],
)
def test_extremes_of_averages_are_approximate(over: str, approximate: bool) -> None:
    assert align(MIXED, 2400, 300, over).approximate is approximate
    assert align(FOUR, 60, 60, over).approximate is False


def test_averages_that_finer_samples_hide_make_nothing_approximate() -> None:
    samples = merge([rows([(0, 5.0)], HALF_HOUR), rows([(10, 1.0), (70, 2.0)], 60)])

    assert align(samples, 120, 60, "max") == Aligned([1.0, 2.0], approximate=False)


def test_percentiles_interpolate_linearly() -> None:
    assert percentile([10.0], 99) == 10.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([0.0, 10.0, 20.0, 30.0, 40.0], 90) == 36.0


def line(values: Values, metric: str = "cpu.utilization", **attributes: str) -> Line[Values]:
    return Line(CATALOGUE[metric], attributes, values)


def put_together(lines: list[Line[Values]], by: list[str], agg: str | None) -> list[Line[Values]]:
    """What lists and arrays both make of the lines."""
    by_lists = aggregated(lines, by, agg, Lists())
    taken = [Line(one.metric, one.attributes, Arrays().taken(one.values)) for one in lines]
    by_arrays = aggregated(taken, by, agg, Arrays())
    assert [Arrays().listed(one.values) for one in by_arrays] == [one.values for one in by_lists]
    return by_lists


LINES = [
    line([1.0, None, None], provider="northflank", name="api"),
    line([2.0, 4.0, None], provider="hostup", name="vps"),
    line([6.0, None, None], provider="northflank", name="web"),
]


@pytest.mark.parametrize(
    ("agg", "values"),
    [
        ("avg", [3.0, 4.0, None]),
        ("min", [1.0, 4.0, None]),
        ("max", [6.0, 4.0, None]),
        ("sum", [9.0, 4.0, None]),
        ("count", [3.0, 1.0, 0.0]),
        ("p50", [2.0, 4.0, None]),
    ],
)
def test_agg_folds_each_step_over_series_and_skips_nulls(
    agg: str, values: list[float | None]
) -> None:
    [found] = put_together(LINES, [], agg)

    assert (found.attributes, found.values) == ({}, values)


def test_by_keeps_its_attributes_apart() -> None:
    found = put_together(LINES, ["provider"], None)

    assert [(one.attributes, one.values) for one in found] == [
        ({"provider": "northflank"}, [3.5, None, None]),
        ({"provider": "hostup"}, [2.0, 4.0, None]),
    ]


def test_deltas_add_up_and_metrics_never_mix() -> None:
    found = put_together(
        [
            line([1.0], "http.responses.5xx", name="api"),
            line([2.0], "http.responses.5xx", name="web"),
            line([4.0], "http.responses.4xx", name="web"),
        ],
        ["provider"],
        None,
    )

    assert [(one.metric.name, one.attributes, one.values) for one in found] == [
        ("http.responses.5xx", {}, [3.0]),
        ("http.responses.4xx", {}, [4.0]),
    ]


def test_a_resources_total_is_the_maximum_of_each_instant_over_instances() -> None:
    def requests(instance: str, seen: int, samples: list[tuple[int, float]]) -> Column:
        key = ColumnKey("http.requests", instance, Origin("requests", "rps", 1.0))
        return column(key, samples, 60_000, seen)

    found = as_one(
        [requests("a", 9, [(0, 1.0), (60_000, 5.0)]), requests("b", 7, [(0, 2.0), (60_000, 3.0)])]
    )

    assert found is not None
    assert (list(found.times), list(found.values)) == ([0, 60_000], [2.0, 5.0])
