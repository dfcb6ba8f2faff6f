"""Aligning: the samples of one series, folded into the steps of a grid."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Literal

from functions.query_api.folds import HIDDEN_BY_AVERAGES, NOT_REPEATED, OVER
from functions.query_api.plan import Grid
from tributary.columns import Column
from tributary.windows import MINUTE_MS

# No provider measures this seldom: samples as coarse are the host's own averages.
AVERAGES_FROM_MS = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Aligned:
    """A value for each step of the grid, None where there is nothing; `approximate` where extremes
    were taken from averages."""

    values: list[float | None]
    approximate: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """The rows of one resolution; those of step i are `bounds[i]` to `bounds[i + 1]`."""

    resolution_ms: int
    times: Sequence[int]
    values: Sequence[float]
    bounds: list[int]


def aligned(column: Column, grid: Grid, over: str, kind: Literal["gauge", "delta"]) -> Aligned:
    """The column in the grid's steps.

    A sample belongs to the step that holds its time. A gauge holds for its resolution and no
    longer, so it is repeated in further steps that lie wholly inside that time and hold nothing
    themselves; a delta came once, and so do sums and numbers of samples.
    """
    levels = _levels(column, grid)
    repeated = kind == "gauge" and over not in NOT_REPEATED
    if len(levels) == 1:
        values = _of_one(levels[0], grid, over, repeated)
        coarsest_ms = levels[0].resolution_ms
    else:
        found = [_of_many(levels, step, grid, over, repeated) for step in range(grid.points)]
        values = [value for value, _ in found]
        coarsest_ms = max(resolution_ms for _, resolution_ms in found)
    return Aligned(values, over in HIDDEN_BY_AVERAGES and coarsest_ms >= AVERAGES_FROM_MS)


def _levels(column: Column, grid: Grid) -> list[_Level]:
    """The column by resolution, finest first."""
    parts: defaultdict[int, list[Column]] = defaultdict(list)
    if len({run.resolution_ms for run in column.runs}) == 1:
        parts[column.runs[0].resolution_ms].append(column)
    else:
        for resolution_ms, rows in column.of_runs():
            parts[resolution_ms].append(rows)
    levels = []
    for resolution_ms, found in sorted(parts.items(), key=itemgetter(0)):
        times, values = found[0].times[:], found[0].values[:]
        for rows in found[1:]:
            times.extend(rows.times)
            values.extend(rows.values)
        # A list, unlike an array, does not make a number anew each time it is looked at.
        listed = times.tolist()
        bounds = [bisect_left(listed, edge) for edge in grid.edges]
        levels.append(_Level(resolution_ms, listed, values.tolist(), bounds))
    return levels


def _of_one(level: _Level, grid: Grid, over: str, repeated: bool) -> list[float | None]:
    """One resolution throughout, which is nearly always: nothing to choose and to weight."""
    fold, rows = OVER[over], level.values
    if over == "count":
        # The one fold that does not make of a single value that value.
        rows = [1.0] * len(rows)
        fold = OVER["sum"]
    values: list[float | None] = [
        (rows[first] if last - first == 1 else fold(rows[first:last])) if last > first else None
        for first, last in pairwise(level.bounds)
    ]
    if repeated and grid.step_ms < level.resolution_ms:
        for step, value in enumerate(values):
            if value is None:
                values[step] = _held(level, step, grid)
    return values


def _of_many(
    levels: list[_Level], step: int, grid: Grid, over: str, repeated: bool
) -> tuple[float | None, int]:
    """The value, and the coarsest resolution that it was made of.

    Samples finer than the step count together; one that spans whole steps shows only where there
    is no finer one.
    """
    found: list[tuple[_Level, int, int]] = []
    for level in levels:
        spans = level.resolution_ms >= grid.step_ms
        if spans and found:
            break
        first, last = level.bounds[step], level.bounds[step + 1]
        if last > first:
            found.append((level, first, last))
        elif spans and repeated and (value := _held(level, step, grid)) is not None:
            return value, level.resolution_ms
    return (_folded(found, over), found[-1][0].resolution_ms) if found else (None, 0)


def _held(level: _Level, step: int, grid: Grid) -> float | None:
    """The last value before the step, if it holds all through it."""
    row = level.bounds[step] - 1
    end_ms = grid.start_ms + (step + 1) * grid.step_ms
    holds = row >= 0 and level.times[row] + level.resolution_ms >= end_ms
    return level.values[row] if holds else None


def _folded(found: list[tuple[_Level, int, int]], over: str) -> float:
    if over == "avg":
        return _weighted(found)
    rows = sorted(
        (level.times[row], level.values[row])
        for level, first, last in found
        for row in range(first, last)
    )
    return OVER[over]([value for _, value in rows])


def _weighted(found: list[tuple[_Level, int, int]]) -> float:
    """The average in which each sample counts as long as it stands for."""
    if len(found) == 1:
        level, first, last = found[0]
        return OVER["avg"](level.values[first:last])
    total = sum(sum(level.values[first:last]) * level.resolution_ms for level, first, last in found)
    return total / sum((last - first) * level.resolution_ms for level, first, last in found)
