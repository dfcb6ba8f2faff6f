"""The store: a resource's samples as chunks in the table, written by merging, read as columns."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Self

from tributary.chunk import Chunk, by_instance, in_hours
from tributary.codec import decode, encode
from tributary.columns import Column, ColumnKey, merge
from tributary.errors import ContendedError, FatalError
from tributary.table import ChangedError, Item, Key, Table
from tributary.windows import (
    DAY_MS,
    MINUTE_MS,
    SECOND_MS,
    Tier,
    Window,
    key_time,
    window_holding,
)

# An hour is old this long after its end: from then on its samples go straight into its hour
# chunk, since the compactor may have merged its raw chunks already.
OLD_AFTER_MS = 30 * MINUTE_MS
PARTED_ABOVE_BYTES = 64 * 1024
_LARGEST_ITEM_BYTES = 390 * 1024
_PARTED_DIGEST = b"in parts"
_ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Retention:
    """How many milliseconds after a window's end its chunk is kept, by tier."""

    by_tier: Mapping[Tier, int]

    @classmethod
    def of_days(cls, raw: float, hour: float, coarse: float) -> Self:
        """Days for five-minute chunks, for hour chunks, and for those of coarser samples."""
        days = {Tier.RAW: raw, Tier.HOUR: hour, Tier.DAY: coarse, Tier.MONTH: coarse}
        return cls({tier: int(length * DAY_MS) for tier, length in days.items()})

    @classmethod
    def from_env(cls) -> Self:
        """RAW_RETENTION_DAYS, HOUR_RETENTION_DAYS and COARSE_RETENTION_DAYS."""
        return cls.of_days(
            float(os.environ.get("RAW_RETENTION_DAYS", "7")),
            float(os.environ.get("HOUR_RETENTION_DAYS", "60")),
            float(os.environ.get("COARSE_RETENTION_DAYS", "1825")),
        )

    def end_of(self, tier: Tier, window: Window) -> int:
        """When a chunk expires, in milliseconds since the epoch."""
        return window.end_ms + self.by_tier[tier]


class Store:
    """Writes chunks and reads columns; writing anything twice changes nothing."""

    def __init__(
        self, table: Table, retention: Retention, clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._retention = retention
        self._clock = clock

    @classmethod
    def from_env(cls) -> Self:
        """The table and retention that the environment names."""
        return cls(Table.from_env(), Retention.from_env())

    def forgotten_ms(self) -> int:
        """Until when there are no samples of what is collected often: later ones are kept."""
        return self._oldest_kept(Tier.HOUR)

    def write_all(self, chunks: Iterable[Chunk], newest_ms: int) -> int:
        """Writes chunks of one resource, whose newest stored sample is given, as `write` does.

        What belongs into one old hour is put once, for each put costs the whole hour's size.
        """
        hours: dict[Window, Chunk] = {}
        written = 0
        for chunk in chunks:
            if self._is_old(chunk):
                piece = in_hours(chunk)
                known = hours.get(piece.window)
                hours[piece.window] = known.merged_with(piece) if known else piece
            else:
                written += self.write(chunk, expected=chunk.window.start_ms <= newest_ms)
        return written + sum(self.write(hour, expected=True) for hour in hours.values())

    def write(self, chunk: Chunk, *, expected: bool) -> int:
        """Merges the chunk into what is stored and returns how many samples were news.

        `expected` says that something is probably stored already, so that it is read first: a
        put that fails its condition costs as much as one that succeeds.
        """
        if self._is_old(chunk):
            chunk, expected = in_hours(chunk), True
        if self._retention.end_of(chunk.tier, chunk.window) <= self._now_ms():
            return 0
        key = Key(chunk.resource, chunk.sort_key)
        return self._merge_into(key, chunk, self._table.get(key) if expected else None)

    def read(
        self,
        resource: str,
        start_ms: int,
        end_ms: int,
        wanted: Callable[[ColumnKey], bool] | None = None,
        tiers: Iterable[Tier] = tuple(Tier),
    ) -> list[Column]:
        """The resource's samples in [start, end), each once: one column per key, in key order."""
        found: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
        for tier in tiers:
            for item in self._items(resource, tier, start_ms, end_ms):
                for column in decode(item.data, wanted):
                    if rows := column.between(start_ms, end_ms):
                        found[column.key].append(rows)
        return [merge(found[key]) for key in sorted(found)]

    def _items(self, resource: str, tier: Tier, start_ms: int, end_ms: int) -> Iterator[Item]:
        start_ms = max(start_ms, self._oldest_kept(tier))
        if start_ms >= end_ms:
            return
        first = f"{tier.value}#{key_time(window_holding(tier, start_ms).start_ms)}"
        # "~" sorts after the "#" that parts of a chunk add to its key.
        last = f"{tier.value}#{key_time(end_ms - 1)}~"
        for item in self._table.query(resource, first, last):
            if not item.parted:
                yield item

    def _is_old(self, chunk: Chunk) -> bool:
        hour = window_holding(Tier.HOUR, chunk.window.start_ms)
        return chunk.tier is Tier.RAW and hour.end_ms + OLD_AFTER_MS <= self._now_ms()

    def _oldest_kept(self, tier: Tier) -> int:
        return self._now_ms() - self._retention.by_tier[tier]

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)

    def _merge_into(self, key: Key, chunk: Chunk, current: Item | None) -> int:
        for _ in range(_ATTEMPTS):
            if current and current.parted:
                return self._merge_into_parts(key, chunk)
            news, merged = _merged(chunk, current)
            if merged is None:
                return 0
            item = self._item(key, merged)
            if len(item.data) > PARTED_ABOVE_BYTES and not _is_part(key):
                # The parts first: a reader who comes between sees some samples twice, which
                # merging mends, and none missing.
                self._merge_into_parts(key, merged)
                item = replace(item, data=b"", digest=_PARTED_DIGEST, parted=True)
            _check_size(item, merged)
            try:
                self._table.put(item, current.digest if current else None)
            except ChangedError as failure:
                current = failure.current
            else:
                return news
        raise ContendedError(f"{key.pk} {key.sk}: changed by others {_ATTEMPTS} times in a row")

    def _merge_into_parts(self, key: Key, chunk: Chunk) -> int:
        written = 0
        for part, piece in by_instance(chunk, _part_of).items():
            part_key = Key(key.pk, f"{key.sk}#{part}")
            written += self._merge_into(part_key, piece, self._table.get(part_key))
        return written

    def _item(self, key: Key, chunk: Chunk) -> Item:
        data, digest = encode(chunk.columns)
        return Item(key, data, digest, self._retention.end_of(chunk.tier, chunk.window) // 1000)


def _merged(chunk: Chunk, current: Item | None) -> tuple[int, Chunk | None]:
    """How many samples are news to the stored item, and all together; None if none are."""
    if current is None:
        return chunk.samples, chunk
    stored = replace(chunk, columns=decode(current.data))
    news = chunk.news_over(stored)
    return (news.samples, stored.merged_with(news)) if news else (0, None)


def _check_size(item: Item, chunk: Chunk) -> None:
    if len(item.data) > _LARGEST_ITEM_BYTES:
        raise FatalError(
            f"{item.key.pk} {item.key.sk}: {chunk.samples} samples take {len(item.data)} bytes, "
            "more than a DynamoDB item holds; leave out some of its containers"
        )


def _is_part(key: Key) -> bool:
    return key.sk.count("#") > 1


def _part_of(instance: str) -> str:
    return blake2b(instance.encode()).hexdigest()[0]
