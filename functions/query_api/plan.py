"""Plan: the steps that a query is answered in, and whether one answer can hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from functions.query_api.parameters import Query
from functions.query_api.problems import TooMuchError
from functions.query_api.series import Series
from functions.query_api.times import DAY_S, HOUR_S, MINUTE_S, length_text
from tributary.windows import SECOND_MS, floor_to

DEFAULT_STEPS_S = (10, MINUTE_S, 5 * MINUTE_S, HOUR_S, DAY_S)
POINTS_BY_DEFAULT = 500
MOST_POINTS = 11_000
# Each value is held in memory while it is aggregated, and most of a million fit into 6 MB deflated.
MOST_VALUES = 1_000_000
# What one function reads and aligns in its memory and the 30 seconds that the HTTP API waits.
MOST_SAMPLES = 5_000_000

_ROUND_STEPS_S = (
    1, 2, 5, 10, 15, 20, 30, MINUTE_S, 2 * MINUTE_S, 5 * MINUTE_S, 10 * MINUTE_S, 15 * MINUTE_S,
    20 * MINUTE_S, 30 * MINUTE_S, HOUR_S, 2 * HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps: multiples of `step_ms` since the epoch, from `start_ms` to `end_ms` exclusive."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def points(self) -> int:
        """How many steps there are."""
        return (self.end_ms - self.start_ms) // self.step_ms

    @property
    def edges(self) -> range:
        """Where steps start, and where the last one ends."""
        return range(self.start_ms, self.end_ms + 1, self.step_ms)


def grid_over(start_ms: int, end_ms: int, step_s: int) -> Grid:
    """The steps that overlap [start, end): start floored, end ceiled."""
    step_ms = step_s * SECOND_MS
    return Grid(floor_to(step_ms, start_ms), -floor_to(step_ms, -end_ms), step_ms)


def check_points(query: Query) -> None:
    """TooMuchError if a series of the query alone passes the limit, from its parameters alone."""
    if query.step_s is None:
        default_step(query, 0)
    else:
        _within_points(grid_over(query.start_ms, query.end_ms, query.step_s))


def planned(query: Query, series: Sequence[Series]) -> Grid:
    """The steps that the query is answered in; TooMuchError if its series do not fit."""
    coarsest_ms = max((one.resolution_ms for one in series), default=0)
    step_s = query.step_s or default_step(query, coarsest_ms)
    grid = grid_over(query.start_ms, query.end_ms, step_s)
    _within_values(grid, len(series))
    return grid


def default_step(query: Query, coarsest_ms: int) -> int:
    """Seconds of the smallest step that gives few enough points and is not finer than the series;
    of the largest there is if none does."""
    for step_s in DEFAULT_STEPS_S:
        fits = grid_over(query.start_ms, query.end_ms, step_s).points <= POINTS_BY_DEFAULT
        if fits and step_s * SECOND_MS >= coarsest_ms:
            return step_s
    _within_points(grid_over(query.start_ms, query.end_ms, DEFAULT_STEPS_S[-1]))
    return DEFAULT_STEPS_S[-1]


def step_for(grid: Grid, points: int) -> int:
    """Seconds of the smallest round step that covers the grid's range in so many points."""
    days = (days * DAY_S for days in count(1))
    for steps in (_ROUND_STEPS_S, days):
        for step_s in steps:
            if grid_over(grid.start_ms, grid.end_ms, step_s).points <= points:
                return step_s
    raise AssertionError("days are counted without end")


def _within_points(grid: Grid) -> None:
    if grid.points > MOST_POINTS:
        fitting = length_text(step_for(grid, MOST_POINTS))
        raise TooMuchError(
            "step",
            f"{grid.points} points per series are more than {MOST_POINTS}: send step={fitting} "
            "or more, or a shorter range.",
        )


def _within_values(grid: Grid, series: int) -> None:
    if grid.points * series <= MOST_VALUES:
        return
    if series > MOST_VALUES:
        raise TooMuchError(
            "where",
            f"{series} series match, more than {MOST_VALUES}: match fewer with where.",
        )
    fitting = length_text(step_for(grid, MOST_VALUES // series))
    raise TooMuchError(
        "step",
        f"{series} series of {grid.points} points are more than {MOST_VALUES} values: send "
        f"step={fitting} or more, a shorter range, or match fewer series with where.",
    )
