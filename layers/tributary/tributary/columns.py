"""Columns: the samples of one metric of one instance that came from one provider metric."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from struct import pack
from typing import NamedTuple

# What a sample is compared by: resolution, negated, then `seen`, then value.
type _Rank = tuple[int, int, float]


class Origin(NamedTuple):
    """Where numbers came from: canonical value = provider's value x `factor`."""

    metric: str
    unit: str
    factor: float


_ANY_ORIGIN = Origin("", "", 1.0)


class ColumnKey(NamedTuple):
    """What makes a column one of its own within a resource."""

    metric: str
    instance: str
    origin: Origin


class Run(NamedTuple):
    """So many rows in succession that share a resolution and the scheduled time of their fetch."""

    rows: int
    resolution_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Column:
    """Samples in order of time.

    `times` holds milliseconds since the epoch, ascending and each once; `values` holds as many
    numbers in the metric's unit; the rows of `runs` add up to as many.
    """

    key: ColumnKey
    times: array[int]
    values: array[float]
    runs: tuple[Run, ...]

    def __len__(self) -> int:
        return len(self.times)

    def spans(self) -> Iterator[tuple[int, int, Run]]:
        """First row, row after the last, and tag of each run."""
        first = 0
        for run in self.runs:
            yield first, first + run.rows, run
            first += run.rows

    def between(self, start_ms: int, end_ms: int) -> "Column":
        """The rows of [start, end), which may be none."""
        first, last = bisect_left(self.times, start_ms), bisect_left(self.times, end_ms)
        return self if (first, last) == (0, len(self)) else self._rows(first, last)

    def of_runs(self) -> Iterator[tuple[int, "Column"]]:
        """Resolution in milliseconds and rows of each run."""
        for first, last, run in self.spans():
            yield run.resolution_ms, self._rows(first, last)

    def _rows(self, first: int, last: int) -> "Column":
        runs = tuple(
            Run(min(last, stop) - max(first, start), run.resolution_ms, run.seen_ms)
            for start, stop, run in self.spans()
            if start < last and stop > first
        )
        return Column(self.key, self.times[first:last], self.values[first:last], runs)


def values_array(values: Sequence[float]) -> array[float]:
    """What array("d", values) is, in half the time: that converts each by a format of its own."""
    return array("d", pack(f"{len(values)}d", *values))


def column(
    key: ColumnKey, samples: Iterable[tuple[int, float]], resolution_ms: int, seen_ms: int
) -> Column:
    """A column of samples (milliseconds, value) in any order; of one instant the larger stays."""
    ordered = sorted(samples)
    latest = dict(ordered)
    times, values = array("q", latest), array("d", latest.values())
    return Column(key, times, values, (Run(len(times), resolution_ms, seen_ms),) if times else ())


class Axes:
    """Times and runs that columns share, cut and joined once for all of them.

    Columns that were decoded from one chunk mostly have the same arrays of times; what is made of
    these is the same array for all of them again.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], tuple[Sequence[Column], array[int], tuple[Run, ...]]] = {}

    def between(self, column: Column, start_ms: int, end_ms: int) -> Column:
        """As Column.between."""
        times = column.times
        if times and start_ms <= times[0] and times[-1] < end_ms:
            return column
        key = (id(times), id(column.runs), start_ms, end_ms)
        first = bisect_left(times, start_ms)
        if key not in self._made:
            cut = column.between(start_ms, end_ms)
            self._made[key] = ((column,), cut.times, cut.runs)
        _, times, runs = self._made[key]
        return Column(column.key, times, column.values[first : first + len(times)], runs)

    def joined(self, parts: Sequence[Column]) -> Column:
        """Columns of one key that follow on each other in time, as one."""
        key = tuple(name for part in parts for name in (id(part.times), id(part.runs)))
        if key not in self._made:
            times, runs = array("q"), _Runs()
            for part in parts:
                times.extend(part.times)
                runs.follow(part.runs)
            self._made[key] = (parts, times, runs.done())
        _, times, shared = self._made[key]
        values = array("d")
        for part in parts:
            values.extend(part.values)
        return Column(parts[0].key, times, values, shared)


def merge(columns: Iterable[Column], axes: Axes | None = None) -> Column:
    """All samples of columns of one key: per instant the finer resolution, then the later
    `seen`, then the larger value.

    The order of the columns does not matter, and merging again changes nothing.
    """
    parts = [part for part in columns if part.times]
    if len(parts) == 1:
        return parts[0]
    parts.sort(key=lambda part: part.times[0])
    if all(a.times[-1] < b.times[0] for a, b in pairwise(parts)):
        return (axes or Axes()).joined(parts)
    best: dict[int, _Rank] = {}
    for time_ms, rank in _ranked(parts):
        if time_ms not in best or rank > best[time_ms]:
            best[time_ms] = rank
    return _from_ranked(parts[0].key, best)


def as_one(columns: Iterable[Column], axes: Axes | None = None) -> Column | None:
    """The samples of one metric wherever they came from: what one provider metric or another, in
    one unit or another, said of the same instant is one sample.

    Of several instances (metrics of scope resource) the maximum per instant, never the sum.
    """
    found: defaultdict[str, list[Column]] = defaultdict(list)
    for part in columns:
        found[part.key.instance].append(_rekeyed(part, part.key.instance))
    merged = [merge(alike, axes) for alike in found.values()]
    if len(merged) > 1:
        # When each was fetched does not matter between instances: of one instant the finer
        # resolution stays, then the larger value.
        merged = [merge(_unseen(_rekeyed(part, "-")) for part in merged)]
    return merged[0] if merged else None


def news(incoming: Column, stored: Column) -> Column:
    """The incoming rows that tell something new: not those that merging would give up, nor those
    stored alike, to resolution and value.

    A refetch confirms what is stored far more often than it changes it, and a confirmation is
    not worth a write.
    """
    known = dict(_ranked([stored]))
    fresh = {
        time_ms: rank
        for time_ms, rank in _ranked([incoming])
        if time_ms not in known or _adds(rank, known[time_ms])
    }
    return incoming if len(fresh) == len(incoming) else _from_ranked(incoming.key, fresh)


def _rekeyed(column: Column, instance: str) -> Column:
    key = ColumnKey(column.key.metric, instance, _ANY_ORIGIN)
    return Column(key, column.times, column.values, column.runs)


def _unseen(column: Column) -> Column:
    return replace(column, runs=tuple(run._replace(seen_ms=0) for run in column.runs))


def _adds(rank: _Rank, known: _Rank) -> bool:
    return rank > known and (rank[0], rank[2]) != (known[0], known[2])


def _ranked(columns: Iterable[Column]) -> Iterator[tuple[int, _Rank]]:
    """Each sample's time and what it is compared by: what is greater wins."""
    for part in columns:
        for first, last, run in part.spans():
            for row in range(first, last):
                yield part.times[row], (-run.resolution_ms, run.seen_ms, part.values[row])


def _from_ranked(key: ColumnKey, samples: dict[int, _Rank]) -> Column:
    times, values, runs = array("q", sorted(samples)), array("d"), _Runs()
    for time_ms in times:
        negated_resolution_ms, seen_ms, value = samples[time_ms]
        values.append(value)
        runs.add(1, -negated_resolution_ms, seen_ms)
    return Column(key, times, values, runs.done())


class _Runs:
    """Runs as they are put together: neighbours alike become one, so equal rows have equal runs."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def add(self, rows: int, resolution_ms: int, seen_ms: int) -> None:
        last = self._runs[-1] if self._runs else None
        if last and (last.resolution_ms, last.seen_ms) == (resolution_ms, seen_ms):
            self._runs[-1] = last._replace(rows=last.rows + rows)
        else:
            self._runs.append(Run(rows, resolution_ms, seen_ms))

    def follow(self, runs: Sequence[Run]) -> None:
        """Adds neighbours none of which are alike."""
        self.add(*runs[0])
        self._runs += runs[1:]

    def done(self) -> tuple[Run, ...]:
        return tuple(self._runs)
