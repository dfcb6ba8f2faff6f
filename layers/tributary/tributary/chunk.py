"""Chunks: the samples of one resource in one aligned window, all instances and metrics."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tributary.columns import Column, ColumnKey, Run, merge, news
from tributary.metrics import metric_named
from tributary.windows import Tier, Window, key_time, tier_for, window_holding

# What there is of a column, compressed: its key, and a number per row, as a float or an integer.
_KEY_BYTES = 32
_EXACT_BYTES, _SCALED_BYTES = 8, 2


@dataclass(frozen=True, slots=True)
class Chunk:
    """Columns of one resource in one window of one tier: never empty, one column per key."""

    resource: str
    tier: Tier
    window: Window
    columns: tuple[Column, ...]

    @property
    def sort_key(self) -> str:
        """`r#2026-11-22T10:05Z`: computed from the data, so that a rewrite meets the same item."""
        return f"{self.tier.value}#{key_time(self.window.start_ms)}"

    @property
    def samples(self) -> int:
        """How many samples the chunk holds."""
        return sum(map(len, self.columns))

    @property
    def weight_bytes(self) -> int:
        """About how many bytes the chunk takes, and never less for holding more samples.

        Its true bytes can be: columns whose gaps are filled share their times, and a sample of
        finer resolution may be the shorter number.
        """
        return sum(_weight_bytes(column) for column in self.columns)

    def merged_with(self, other: "Chunk") -> "Chunk":
        """Both chunks' samples; the order does not matter."""
        return _chunk(self.resource, self.tier, self.window, [*self.columns, *other.columns])

    def news_over(self, stored: "Chunk") -> "Chunk | None":
        """What this chunk adds to the stored one; None if that is nothing."""
        known = {column.key: column for column in stored.columns}
        fresh = [
            news(column, known[column.key]) if column.key in known else column
            for column in self.columns
        ]
        fresh = [column for column in fresh if column]
        return _chunk(self.resource, self.tier, self.window, fresh) if fresh else None


def split(resource: str, columns: Iterable[Column]) -> list[Chunk]:
    """Chunks, in order of time, that hold these columns of one resource."""
    # Most columns share their times with others, and so where they are cut.
    alike: defaultdict[tuple[bytes, tuple[Run, ...]], list[Column]] = defaultdict(list)
    for column in columns:
        alike[column.times.tobytes(), column.runs].append(column)
    parts: defaultdict[tuple[Tier, Window], list[Column]] = defaultdict(list)
    for sharing in alike.values():
        for tier, window, rows, times, runs in _pieces(sharing[0]):
            parts[tier, window] += (
                Column(column.key, times, column.values[rows], runs) for column in sharing
            )
    return [
        _chunk(resource, tier, window, found)
        for (tier, window), found in sorted(parts.items(), key=lambda item: item[0][1])
    ]


def hour_chunk(resource: str, hour: Window, columns: Iterable[Column]) -> Chunk:
    """What the columns hold, all within the hour, as a piece of its chunk."""
    return _chunk(resource, Tier.HOUR, hour, columns)


def in_hours(chunk: Chunk) -> Chunk:
    """A raw chunk's samples as a piece of their hour chunk."""
    hour = window_holding(Tier.HOUR, chunk.window.start_ms)
    return Chunk(chunk.resource, Tier.HOUR, hour, chunk.columns)


def by_instance(chunk: Chunk, part_of: Callable[[str], str]) -> dict[str, Chunk]:
    """The chunk split by the part that each instance belongs to."""
    parts: defaultdict[str, list[Column]] = defaultdict(list)
    for column in chunk.columns:
        parts[part_of(column.key.instance)].append(column)
    return {
        part: Chunk(chunk.resource, chunk.tier, chunk.window, tuple(columns))
        for part, columns in parts.items()
    }


class _Piece(NamedTuple):
    """Where the rows of one run and one window lie in a column, and what they share."""

    tier: Tier
    window: Window
    rows: slice
    times: array[int]
    runs: tuple[Run]


def _pieces(column: Column) -> Iterator[_Piece]:
    for first, last, run in column.spans():
        tier = tier_for(run.resolution_ms)
        # From sample to sample: a stray one from 1970 would make millions of windows between.
        while first < last:
            window = window_holding(tier, column.times[first])
            end = bisect_left(column.times, window.end_ms, first, last)
            rows = slice(first, end)
            part = Run(end - first, run.resolution_ms, run.seen_ms)
            yield _Piece(tier, window, rows, column.times[rows], (part,))
            first = end


def _chunk(resource: str, tier: Tier, window: Window, columns: Iterable[Column]) -> Chunk:
    alike: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
    for column in columns:
        alike[column.key].append(column)
    merged = tuple(merge(alike[key]) for key in sorted(alike))
    return Chunk(resource, tier, window, merged)


def _weight_bytes(column: Column) -> int:
    exact = metric_named(column.key.metric).decimals is None
    return _KEY_BYTES + len(column) * (_EXACT_BYTES if exact else _SCALED_BYTES)
