"""Aligning: the samples and rollup points of one series, folded into the steps of a grid."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import mul
from typing import Literal

from functions.query_api.arithmetic import Arithmetic, Lists, Value
from functions.query_api.folds import HIDDEN_BY_AVERAGES, NOT_REPEATED, OVER, PERCENTILES
from functions.query_api.plan import Grid
from tributary.columns import Column
from tributary.points import Folded
from tributary.windows import FIVE_MINUTES_MS, MINUTE_MS, RollupTier

# No provider measures this seldom: samples as coarse are the host's own averages.
AVERAGES_FROM_MS = 30 * MINUTE_MS
_LISTS = Lists()


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
class Aligned[Values]:
    """A value for each step of the grid, null where there is nothing; `approximate` where what is
    folded can't be told from averages."""

    values: Values
    approximate: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """Rows that stand for `length_ms` each; those of step i are `bounds[i]` to `bounds[i + 1]`.

    `values` are what the fold is made of, `weights` how much each counts in an average, None for
    the same. `ends` orders rows of several levels. `spans` says that a row is about a step or
    more, and `hides` that what is folded can't be told from such rows.
    """

    length_ms: int
    times: array[int]
    ends: array[int]
    values: array[float]
    weights: array[int] | None
    bounds: array[int]
    spans: bool
    hides: bool

    def held(self, step: int, grid: Grid) -> Value:
        """The last value before the step, if it holds all through it."""
        row = self.bounds[step] - 1
        end_ms = grid.start_ms + (step + 1) * grid.step_ms
        holds = row >= 0 and self.times[row] + self.length_ms >= end_ms
        return self.values[row] if holds else None


# A level's rows of one step: from the first to before the last.
type _Piece = tuple[_Level, int, int]


class Aligner[Values]:
    """Aligns series to one grid by one fold.

    A sample belongs to the step that holds its time. A gauge holds for its resolution and no
    longer, so it is repeated in further steps that lie wholly inside that time and hold nothing
    themselves; a delta came once, and so do sums and numbers of samples.
    """

    def __init__(self, grid: Grid, arithmetic: Arithmetic[Values]) -> None:
        self._grid = grid
        self._arithmetic = arithmetic
        # Series of a resource mostly share their times: kept with them, whose id names them.
        self._bounds: dict[int, tuple[array[int], array[int]]] = {}

    def aligned(self, found: Found, over: str, kind: Literal["gauge", "delta"]) -> Aligned[Values]:
        """What was found, in the grid's steps."""
        levels = self._levels(found, over)
        repeated = kind == "gauge" and over not in NOT_REPEATED
        if len(levels) > 1:
            values, hidden = _of_several(levels, self._grid, over, repeated)
            return Aligned(self._arithmetic.taken(values), hidden)
        (level,) = levels
        if repeated and self._grid.step_ms < level.length_ms:
            values = _repeated(level, self._grid, over)
            return Aligned(self._arithmetic.taken(values), level.hides)
        folded = self._arithmetic.in_steps(level.values, level.weights, level.bounds, over)
        return Aligned(folded, level.hides)

    def _levels(self, found: Found, over: str) -> list[_Level]:
        """What was found by how fine it is, finest first."""
        levels = [self._of_points(tier, points, over) for tier, points in found.rollups if points]
        levels += [
            self._of_samples(resolution_ms, times, values, over)
            for resolution_ms, (times, values) in _by_resolution(found.columns, self._grid).items()
        ]
        return sorted(levels, key=lambda level: level.length_ms if level.spans else 0)

    def _of_points(self, tier: RollupTier, points: Folded, over: str) -> _Level:
        spans = tier.point_ms > self._grid.step_ms
        return _Level(
            tier.point_ms,
            points.times,
            points.axis.ends,
            points.values,
            points.axis.weights,
            self._bounds_of(points.times),
            spans,
            over in PERCENTILES or (spans and over in HIDDEN_BY_AVERAGES),
        )

    def _of_samples(
        self, resolution_ms: int, times: array[int], values: array[float], over: str
    ) -> _Level:
        return _Level(
            resolution_ms,
            times,
            times,
            # The one fold that does not make of a single value that value.
            array("d", [1.0]) * len(values) if over == "count" else values,
            None,
            self._bounds_of(times),
            resolution_ms >= self._grid.step_ms,
            over in HIDDEN_BY_AVERAGES and resolution_ms >= AVERAGES_FROM_MS,
        )

    def _bounds_of(self, times: array[int]) -> array[int]:
        if id(times) not in self._bounds:
            # A list, unlike an array, does not make a number anew each time it is looked at.
            listed = times.tolist()
            bounds = array("q", [bisect_left(listed, edge) for edge in self._grid.edges])
            self._bounds[id(times)] = (times, bounds)
        return self._bounds[id(times)][1]


def _by_resolution(
    columns: Sequence[Column], grid: Grid
) -> dict[int, tuple[array[int], array[float]]]:
    """Times and values by resolution."""
    if len(columns) == 1 and len({run.resolution_ms for run in columns[0].runs}) == 1:
        (column,) = columns
        return {column.runs[0].resolution_ms: (column.times, column.values)}
    parts: dict[int, tuple[array[int], array[float]]] = {}
    for resolution_ms, rows in (part for column in columns for part in column.of_runs()):
        times, values = parts.setdefault(resolution_ms, (array("q"), array("d")))
        times.extend(rows.times)
        values.extend(rows.values)
    if len(parts) > 1 and FIVE_MINUTES_MS in parts and grid.step_ms % FIVE_MINUTES_MS == 0:
        parts[FIVE_MINUTES_MS] = _not_told_finer(parts)
    return parts


def _not_told_finer(
    parts: dict[int, tuple[array[int], array[float]]],
) -> tuple[array[int], array[float]]:
    """The five-minute samples that show where no finer ones are, as in points of five minutes."""
    finer = {
        time_ms // FIVE_MINUTES_MS
        for resolution_ms, (times, _) in parts.items()
        if resolution_ms < FIVE_MINUTES_MS
        for time_ms in times
    }
    rows = zip(*parts[FIVE_MINUTES_MS], strict=True)
    kept = [row for row in rows if row[0] // FIVE_MINUTES_MS not in finer]
    return array("q", [time_ms for time_ms, _ in kept]), array("d", [value for _, value in kept])


def _repeated(level: _Level, grid: Grid, over: str) -> list[Value]:
    """One level whose rows may hold beyond the step they lie in."""
    values = _LISTS.in_steps(level.values, level.weights, level.bounds, over)
    return [level.held(step, grid) if value is None else value for step, value in enumerate(values)]


def _of_several(
    levels: Sequence[_Level], grid: Grid, over: str, repeated: bool
) -> tuple[list[Value], bool]:
    """The values, and whether any is hidden by what it was made of."""
    short = [level for level in levels if not level.spans]
    spanning = len(short) < len(levels)
    alone = [_LISTS.in_steps(one.values, one.weights, one.bounds, over) for one in short]
    values: list[Value] = []
    hidden = any(level.hides and len(level.values) for level in short)
    for step, row in enumerate(zip(*alone, strict=True) if alone else ((),) * grid.points):
        present = [value for value in row if value is not None]
        if len(present) == 1 or not (present or spanning):
            # Nearly always: one tier ends where another begins.
            values.append(present[0] if present else None)
        else:
            value, hides = _of_many(levels, step, grid, over, repeated)
            values.append(value)
            hidden = hidden or hides
    return values, hidden


def _of_many(
    levels: Sequence[_Level], step: int, grid: Grid, over: str, repeated: bool
) -> tuple[Value, bool]:
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
        elif level.spans and repeated and (value := level.held(step, grid)) is not None:
            return value, level.hides
    if not found:
        return None, False
    return _folded(found, over), any(level.hides for level, _, _ in found)


def _folded(found: list[_Piece], over: str) -> float:
    if over == "avg":
        return _weighted(found)
    if over == "last":
        return max((level.ends[last - 1], level.values[last - 1]) for level, _, last in found)[1]
    fold = OVER["sum" if over == "count" else over]
    return fold(list(chain.from_iterable(level.values[first:last] for level, first, last in found)))


def _weighted(found: list[_Piece]) -> float:
    """The average in which each sample counts as long as it stands for."""
    total = weight = 0.0
    for level, first, last in found:
        if level.weights is None:
            total += sum(level.values[first:last]) * level.length_ms
            weight += (last - first) * level.length_ms
        else:
            total += sum(map(mul, level.values[first:last], level.weights[first:last]))
            weight += sum(level.weights[first:last])
    return total / weight
