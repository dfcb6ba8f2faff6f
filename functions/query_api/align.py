"""Aligning: the samples and rollup points of one series, folded into the steps of a grid."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import mul
from typing import Literal

from functions.query_api.folds import HIDDEN_BY_AVERAGES, NOT_REPEATED, OVER, PERCENTILES
from functions.query_api.plan import Grid
from tributary.columns import Column
from tributary.points import Folded
from tributary.windows import FIVE_MINUTES_MS, MINUTE_MS, RollupTier

# No provider measures this seldom: samples as coarse are the host's own averages.
AVERAGES_FROM_MS = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Found:
    """What was read of one series: samples, coarser ones apart, and rollup points by tier."""

    columns: tuple[Column, ...] = ()
    rollups: tuple[tuple[RollupTier, Folded], ...] = ()

    def __bool__(self) -> bool:
        return self.samples + self.points > 0

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return sum(map(len, self.columns))

    @property
    def points(self) -> int:
        """How many rollup points there are."""
        return sum(len(points) for _, points in self.rollups)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A value for each step of the grid, None where there is nothing; `approximate` where extremes
    were taken from averages."""

    values: list[float | None]
    approximate: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """Rows that stand for `length_ms` each; those of step i are `bounds[i]` to `bounds[i + 1]`.

    `values` are what the fold is made of, `weights` how much each counts in an average, None for
    the same. `ends` orders rows of several levels. `spans` says that a row is about a step or
    more, and `hides` that what is folded can't be told from such rows.
    """

    length_ms: int
    times: Sequence[int]
    ends: Sequence[int]
    values: Sequence[float]
    weights: Sequence[float] | None
    bounds: Sequence[int]
    spans: bool
    hides: bool


# A level's rows of one step: from the first to before the last.
type _Piece = tuple[_Level, int, int]


def aligned(found: Found, grid: Grid, over: str, kind: Literal["gauge", "delta"]) -> Aligned:
    """What was found in the grid's steps.

    A sample belongs to the step that holds its time. A gauge holds for its resolution and no
    longer, so it is repeated in further steps that lie wholly inside that time and hold nothing
    themselves; a delta came once, and so do sums and numbers of samples.
    """
    levels = _levels(found, grid, over)
    repeated = kind == "gauge" and over not in NOT_REPEATED
    if len(levels) == 1:
        return Aligned(_of_one(levels[0], grid, over, repeated), levels[0].hides)
    shown = [_of_many(levels, step, grid, over, repeated) for step in range(grid.points)]
    return Aligned([value for value, _ in shown], any(hides for _, hides in shown))


def _levels(found: Found, grid: Grid, over: str) -> list[_Level]:
    """What was found by how fine it is, finest first."""
    levels = [
        _level_of_points(tier, points, grid, over) for tier, points in found.rollups if points
    ]
    levels += [
        _level_of_samples(resolution_ms, times, values, grid, over)
        for resolution_ms, (times, values) in _by_resolution(found.columns, grid).items()
    ]
    return sorted(levels, key=lambda level: level.length_ms if level.spans else 0)


def _level_of_points(tier: RollupTier, points: Folded, grid: Grid, over: str) -> _Level:
    spans, times = tier.point_ms > grid.step_ms, points.times.tolist()
    return _Level(
        tier.point_ms,
        times,
        points.ends,
        points.values.tolist(),
        points.weights,
        _bounds(times, grid),
        spans,
        over in PERCENTILES or (spans and over in HIDDEN_BY_AVERAGES),
    )


def _level_of_samples(
    resolution_ms: int, times: list[int], values: list[float], grid: Grid, over: str
) -> _Level:
    return _Level(
        resolution_ms,
        times,
        times,
        # The one fold that does not make of a single value that value.
        [1.0] * len(values) if over == "count" else values,
        None,
        _bounds(times, grid),
        resolution_ms >= grid.step_ms,
        over in HIDDEN_BY_AVERAGES and resolution_ms >= AVERAGES_FROM_MS,
    )


def _by_resolution(
    columns: Sequence[Column], grid: Grid
) -> dict[int, tuple[list[int], list[float]]]:
    """Times and values by resolution, as lists: unlike an array, a list does not make a number
    anew each time it is looked at."""
    parts: dict[int, tuple[list[int], list[float]]] = {}
    for column in columns:
        if len({run.resolution_ms for run in column.runs}) == 1:
            alike = [(column.runs[0].resolution_ms, column)]
        else:
            alike = list(column.of_runs())
        for resolution_ms, rows in alike:
            times, values = parts.setdefault(resolution_ms, ([], []))
            times.extend(rows.times)
            values.extend(rows.values)
    if len(parts) > 1 and FIVE_MINUTES_MS in parts and grid.step_ms % FIVE_MINUTES_MS == 0:
        parts[FIVE_MINUTES_MS] = _not_told_finer(parts)
    return parts


def _not_told_finer(
    parts: dict[int, tuple[list[int], list[float]]],
) -> tuple[list[int], list[float]]:
    """The five-minute samples that show where no finer ones are, as in points of five minutes."""
    finer = {
        time_ms // FIVE_MINUTES_MS
        for resolution_ms, (times, _) in parts.items()
        if resolution_ms < FIVE_MINUTES_MS
        for time_ms in times
    }
    rows = zip(*parts[FIVE_MINUTES_MS], strict=True)
    kept = [row for row in rows if row[0] // FIVE_MINUTES_MS not in finer]
    return [time_ms for time_ms, _ in kept], [value for _, value in kept]


def _bounds(times: Sequence[int], grid: Grid) -> list[int]:
    return [bisect_left(times, edge) for edge in grid.edges]


def _of_one(level: _Level, grid: Grid, over: str, repeated: bool) -> list[float | None]:
    """One level throughout, which is nearly always: nothing to choose."""
    fold, rows, weights = _FOLDS[over], level.values, level.weights
    values: list[float | None]
    if weights is None or over != "avg":
        values = [
            (rows[first] if last - first == 1 else fold(rows[first:last])) if last > first else None
            for first, last in pairwise(level.bounds)
        ]
    else:
        values = [
            _weighted([(level, first, last)]) if last > first else None
            for first, last in pairwise(level.bounds)
        ]
    if repeated and grid.step_ms < level.length_ms:
        for step, value in enumerate(values):
            if value is None:
                values[step] = _held(level, step, grid)
    return values


def _of_many(
    levels: Iterable[_Level], step: int, grid: Grid, over: str, repeated: bool
) -> tuple[float | None, bool]:
    """The value, and whether it is hidden by what it was made of.

    Rows finer than the step count together; one that spans whole steps shows only where there
    is no finer one.
    """
    found: list[_Piece] = []
    for level in levels:
        if level.spans and found:
            break
        first, last = level.bounds[step], level.bounds[step + 1]
        if last > first:
            found.append((level, first, last))
        elif level.spans and repeated and (value := _held(level, step, grid)) is not None:
            return value, level.hides
    return (
        (_folded(found, over), any(piece[0].hides for piece in found)) if found else (None, False)
    )


def _held(level: _Level, step: int, grid: Grid) -> float | None:
    """The last value before the step, if it holds all through it."""
    row = level.bounds[step] - 1
    end_ms = grid.start_ms + (step + 1) * grid.step_ms
    holds = row >= 0 and level.times[row] + level.length_ms >= end_ms
    return level.values[row] if holds else None


def _folded(found: list[_Piece], over: str) -> float:
    if over == "avg":
        return _weighted(found)
    if over == "last":
        return max((level.ends[last - 1], level.values[last - 1]) for level, _, last in found)[1]
    return _FOLDS[over](
        list(chain.from_iterable(level.values[first:last] for level, first, last in found))
    )


def _weighted(found: list[_Piece]) -> float:
    """The average in which each sample counts as long as it stands for."""
    if len(found) == 1:
        level, first, last = found[0]
        if last - first == 1:
            return level.values[first]
        if level.weights is None:
            return OVER["avg"](level.values[first:last])
    total = weight = 0.0
    for level, first, last in found:
        if level.weights is None:
            total += sum(level.values[first:last]) * level.length_ms
            weight += (last - first) * level.length_ms
        else:
            total += sum(map(mul, level.values[first:last], level.weights[first:last]))
            weight += sum(level.weights[first:last])
    return total / weight


# How values of rows become one: numbers of samples, unlike the samples, add up.
_FOLDS = {**OVER, "count": OVER["sum"]}
