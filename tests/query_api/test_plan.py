"""Planning: the steps of a range, and what is refused before anything is read."""

import pytest

from functions.query_api.parameters import Query, parse_query
from functions.query_api.plan import Grid, check_points, grid_over, planned, step_for
from functions.query_api.problems import TooMuchError
from functions.query_api.series import Series
from tributary.metrics import CATALOGUE
from tributary.windows import DAY_MS, Window

DAY = 86_400


def query(seconds: int, step: int | None = None) -> Query:
    given = f"&step={step}" if step else ""
    return parse_query(f"metric=cpu.utilization&start=0&end={seconds}{given}", DAY * 1000)


def series(resolution: int) -> Series:
    metric = CATALOGUE["cpu.utilization"]
    return Series(metric, "hostup/a/b", ("-",), {}, resolution * 1000, Window(0, DAY_MS))


def test_steps_are_multiples_since_the_epoch() -> None:
    grid = grid_over(61_000, 180_001, 60)

    assert grid == Grid(60_000, 240_000, 60_000)
    assert grid.points == 3
    assert list(grid.edges) == [60_000, 120_000, 180_000, 240_000]


@pytest.mark.parametrize(
    ("range_seconds", "resolution", "step"),
    [
        (3600, 10, 10),
        (5000, 10, 10),
        (5010, 10, 60),
        (3600, 60, 60),
        (3600, 30, 60),
        (DAY, 10, 300),
        (DAY, 1800, 3600),
        (7 * DAY, 10, 3600),
        (400 * DAY, 10, DAY),
        (3600, 7 * DAY, DAY),
        (2000 * DAY, 10, DAY),
    ],
)
def test_the_default_step_gives_few_points_and_is_not_finer_than_the_samples(
    range_seconds: int, resolution: int, step: int
) -> None:
    assert planned(query(range_seconds), [series(resolution)]).step_ms == step * 1000


def test_points_are_checked_from_parameters_alone() -> None:
    check_points(query(11_000, 1))
    with pytest.raises(TooMuchError, match=r"11001 points .* send step=2s or more"):
        check_points(query(11_001, 1))
    with pytest.raises(TooMuchError, match="send step=2d or more"):
        check_points(query(12_000 * DAY))


def test_values_are_checked_against_the_series_that_match() -> None:
    planned(query(10_000, 10), [series(3600)] * 1000)
    with pytest.raises(TooMuchError, match=r"1001 series of 1000 points .* step=15s or more"):
        planned(query(10_000, 10), [series(3600)] * 1001)


def test_the_step_that_fits_is_the_smallest_round_one() -> None:
    week = Grid(0, 7 * DAY * 1000, 1000)

    assert [step_for(week, points) for points in (100_000, 10_000, 168, 7, 3)] == [
        10, 120, 3600, DAY, 3 * DAY,
    ]  # fmt: skip
