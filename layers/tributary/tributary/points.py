"""Points: samples rolled up to even lengths of time, such that folding them folds the samples."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from tributary.columns import Column
from tributary.metrics import LARGEST_SCALED, metric_named
from tributary.windows import floor_to

# The instance under which a resource's instances are rolled up together; no real one has no name.
WHOLE = ""


class SeriesKey(NamedTuple):
    """A metric of an instance, or of the WHOLE resource, wherever its numbers came from."""

    metric: str
    instance: str


@dataclass(frozen=True, slots=True)
class Points:
    """Rollup points of one series, in order of time; lists of equal length.

    A point is about the time from `times` (in ms) on. `count` is how many samples it was made of
    and `covered_ms` how long they stand for together; `last_ms` is the last one's time. The others
    are numbers n with value = n / `scale`, integers wherever the metric's precision allows, so that
    sums are exact: the extremes, the last, the sum, and in `weighted` the sum of each n times
    its sample's resolution in ms.
    """

    scale: float
    times: Sequence[int]
    count: Sequence[int]
    covered_ms: Sequence[int]
    last_ms: Sequence[int]
    least: Sequence[float]
    greatest: Sequence[float]
    last: Sequence[float]
    total: Sequence[float]
    weighted: Sequence[float]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def averages(self) -> list[float]:
        """Each point's average, in which a sample counts as long as it stands for."""
        scale = self.scale
        return [
            weighted / covered / scale
            for weighted, covered in zip(self.weighted, self.covered_ms, strict=True)
        ]

    def values(self, field: str) -> list[float]:
        """A field's numbers in the metric's unit."""
        return [number / self.scale for number in getattr(self, field)]

    def unscaled(self) -> "Points":
        """The same points with plain values for numbers."""
        return Points(
            1.0, self.times, self.count, self.covered_ms, self.last_ms,
            *(self.values(name) for name in _NUMBERS),
        )  # fmt: skip

    def between(self, start_ms: int, end_ms: int) -> "Points":
        """The points that start in [start, end), which may be none."""
        first, last = bisect_left(self.times, start_ms), bisect_left(self.times, end_ms)
        if (first, last) == (0, len(self)):
            return self
        return Points(self.scale, *(getattr(self, name)[first:last] for name in FIELDS))


class PointAxis(NamedTuple):
    """Where points lie, which series of a resource mostly share; arrays of equal length.

    `times` is where each starts, `ends` its last sample's time, and `weights` how long, in ms, its
    samples stand for together.
    """

    times: array[int]
    ends: array[int]
    weights: array[int]


@dataclass(frozen=True, slots=True)
class Folded:
    """What one fold makes of rollup points, in order of time; `values` are in the metric's unit."""

    axis: PointAxis
    values: array[float]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> array[int]:
        """Where each point starts."""
        return self.axis.times

    def between(self, start_ms: int, end_ms: int) -> "Folded":
        """The points that start in [start, end), which may be none."""
        times = self.axis.times
        if times and start_ms <= times[0] and times[-1] < end_ms:
            return self
        rows = slice(bisect_left(times, start_ms), bisect_left(times, end_ms))
        return Folded(PointAxis(*(numbers[rows] for numbers in self.axis)), self.values[rows])


class PointAxes:
    """Axes that series share, joined once for all of them."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], tuple[Sequence[Folded], PointAxis]] = {}

    def joined(self, parts: Sequence[Folded]) -> Folded:
        """Points of one series and fold, in parts that follow on each other in time."""
        if len(parts) == 1:
            return parts[0]
        key = tuple(id(part.axis) for part in parts)
        if key not in self._made:
            axis = PointAxis(array("q"), array("q"), array("q"))
            for part in parts:
                for whole, numbers in zip(axis, part.axis, strict=True):
                    whole.extend(numbers)
            self._made[key] = (parts, axis)
        values = array("d")
        for part in parts:
            values.extend(part.values)
        return Folded(self._made[key][1], values)


FIELDS = tuple(field.name for field in fields(Points) if field.name != "scale")
_NUMBERS = FIELDS[FIELDS.index("least") :]


def rolled_up(column: Column, length_ms: int) -> Points:
    """The column's samples in points of `length_ms`.

    Samples that are shorter than a point count together, each as long as it stands for; one that
    is as long or longer shows only where there is none that is finer.
    """
    scale, numbers = _scaled(column)
    rows = []
    for time_ms, pieces in _by_point(column, length_ms):
        found = [numbers[first:last] for first, last, _ in pieces]
        values = found[0] if len(found) == 1 else list(chain.from_iterable(found))
        last_row = max(last for _, last, _ in pieces) - 1
        rows.append(
            (
                time_ms,
                len(values),
                sum((last - first) * resolution_ms for first, last, resolution_ms in pieces),
                column.times[last_row],
                min(values),
                max(values),
                numbers[last_row],
                sum(values),
                sum(sum(part) * piece[2] for part, piece in zip(found, pieces, strict=True)),
            )
        )
    return _points(scale, rows)


def gathered(points: Iterable[Points], length_ms: int) -> Points:
    """Points put together to points of `length_ms`: of several times, or of several series."""
    parts = _alike(list(points))
    by_point: defaultdict[int, list[Sequence[float]]] = defaultdict(list)
    for part in parts:
        for row in zip(*(getattr(part, name) for name in FIELDS), strict=True):
            by_point[floor_to(length_ms, row[0])].append(row)
    rows = []
    for time_ms, found in sorted(by_point.items(), key=itemgetter(0)):
        _, count, covered_ms, last_ms, least, greatest, last, total, weighted = zip(
            *found, strict=True
        )
        newest_ms, newest = max(zip(last_ms, last, strict=True))
        rows.append(
            (
                time_ms, sum(count), sum(covered_ms), newest_ms,
                min(least), max(greatest), newest, sum(total), sum(weighted),
            )
        )  # fmt: skip
    return _points(parts[0].scale if parts else 1.0, rows)


def joined(points: Iterable[Points]) -> Points:
    """Points of one series and one length that follow on each other in time."""
    parts = _alike([part for part in points if part])
    if len(parts) == 1:
        return parts[0]
    lists = (list(chain.from_iterable(getattr(part, name) for part in parts)) for name in FIELDS)
    return Points(parts[0].scale if parts else 1.0, *lists)


def _by_point(column: Column, length_ms: int) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    """Each point's start, and the pieces (first row, row after the last, resolution) it shows."""
    times = column.times.tolist()
    pieces = _stretches(column)
    first, at = 0, 0
    while first < len(times):
        start_ms = floor_to(length_ms, times[first])
        last = bisect_left(times, start_ms + length_ms, first)
        while pieces[at][1] <= first:
            at += 1
        inside, piece = [], at
        while piece < len(pieces) and pieces[piece][0] < last:
            begin, end, resolution_ms = pieces[piece]
            inside.append((max(begin, first), min(end, last), resolution_ms))
            piece += 1
        yield start_ms, _shown(inside, length_ms) if len(inside) > 1 else inside
        first = last


def _stretches(column: Column) -> list[tuple[int, int, int]]:
    """First row, row after the last and resolution of neighbours alike, whoever fetched them."""
    found: list[tuple[int, int, int]] = []
    for first, last, run in column.spans():
        if found and found[-1][2] == run.resolution_ms:
            first = found.pop()[0]
        found.append((first, last, run.resolution_ms))
    return found


def _shown(pieces: list[tuple[int, int, int]], length_ms: int) -> list[tuple[int, int, int]]:
    shorter = [piece for piece in pieces if piece[2] < length_ms]
    if shorter:
        return shorter
    finest_ms = min(resolution_ms for _, _, resolution_ms in pieces)
    return [piece for piece in pieces if piece[2] == finest_ms]


def _scaled(column: Column) -> tuple[float, list[float]]:
    """Scale and numbers: integers where they give every value back exactly, else the values."""
    values: list[float] = column.values.tolist()
    decimals = metric_named(column.key.metric).decimals
    if decimals is None:
        return 1.0, values
    scale = 10.0**decimals
    if max(map(abs, values), default=0.0) * scale > LARGEST_SCALED:
        return 1.0, values
    numbers: list[float] = [round(value * scale) for value in values]
    exact = [number / scale for number in numbers] == values
    return (scale, numbers) if exact else (1.0, values)


def _alike(points: list[Points]) -> list[Points]:
    """The same points with one scale: where those differ, as plain values."""
    if len({part.scale for part in points}) <= 1:
        return points
    return [part.unscaled() for part in points]


def _points(scale: float, rows: Sequence[Sequence[float]]) -> Points:
    columns = [list(field) for field in zip(*rows, strict=True)] or [[] for _ in FIELDS]
    return Points(scale, *columns)
