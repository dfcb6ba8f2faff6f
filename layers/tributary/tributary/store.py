"""The store: a resource's samples as chunks in the table, written by merging, read as columns."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

from tributary.chunk import Chunk, by_instance, hour_chunk, in_hours
from tributary.codec import decode, encode
from tributary.columns import Axes, Column, ColumnKey, merge
from tributary.decoded import Decoded, everything
from tributary.errors import ContendedError, FatalError
from tributary.hours import NOTHING_CLOSED, OLD_AFTER_MS, ResourceHours
from tributary.retention import Retention
from tributary.table import ChangedError, Item, Key, Table
from tributary.windows import (
    SECOND_MS,
    Tier,
    Window,
    key_time,
    window_holding,
)

PARTED_ABOVE_BYTES = 64 * 1024
LARGEST_ITEM_BYTES = 390 * 1024
PARTED_DIGEST = b"in parts"
_ATTEMPTS = 12


class Written(NamedTuple):
    """How many samples were news to the store, and the time of the first; None if none were."""

    samples: int
    first_ms: int | None

    def and_(self, other: "Written") -> "Written":
        """Those of two writes."""
        firsts = [one.first_ms for one in (self, other) if one.first_ms is not None]
        return Written(self.samples + other.samples, min(firsts, default=None))


NOTHING_WRITTEN = Written(0, None)


def _nobody_told(window: Window) -> None:
    """Tells nobody that an hour is about to change: for whoever needs no marks."""


class Store:
    """Writes chunks and reads columns; writing anything twice changes nothing."""

    def __init__(
        self, table: Table, retention: Retention, clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._retention = retention
        self._clock = clock
        self._decoded = Decoded(_by_key)

    def forgotten_ms(self) -> int:
        """Until when there are no samples of what is collected often: later ones are kept."""
        return self._oldest_kept(Tier.HOUR)

    def write_all(
        self,
        chunks: Iterable[Chunk],
        newest_ms: int,
        before_old: Callable[[Window], None] = _nobody_told,
    ) -> Written:
        """Writes chunks of one resource, whose newest stored sample is given, as `write` does.

        What belongs into one old hour is put once, for each put costs the whole hour's size.
        """
        hours: dict[Window, Chunk] = {}
        written = NOTHING_WRITTEN
        for chunk in chunks:
            if chunk.tier is Tier.RAW and self._is_old(chunk):
                piece = in_hours(chunk)
                known = hours.get(piece.window)
                hours[piece.window] = known.merged_with(piece) if known else piece
            else:
                expected = chunk.window.start_ms <= newest_ms
                written = written.and_(self.write(chunk, expected=expected, before_old=before_old))
        for hour in hours.values():
            written = written.and_(self.write(hour, expected=True, before_old=before_old))
        return written

    def write(
        self,
        chunk: Chunk,
        *,
        expected: bool,
        before_old: Callable[[Window], None] = _nobody_told,
    ) -> Written:
        """Merges the chunk into what is stored and returns which samples were news.

        `expected` says that something is probably stored already, so that it is read first: a
        put that fails its condition costs as much as one that succeeds. `before_old` is called
        with an old hour before its chunk is changed, so that its rollups are made anew.
        """
        old = self._is_old(chunk)
        if old:
            chunk, expected = in_hours(chunk), True
        if self._retention.end_of(chunk.tier, chunk.window) <= self._now_ms():
            return NOTHING_WRITTEN
        key = Key(chunk.resource, chunk.sort_key)
        current = self._table.get(key) if expected else None
        before_put = partial(before_old if old else _nobody_told, chunk.window)
        return self._merge_into(key, chunk, current, before_put)

    def read(
        self,
        resource: str,
        start_ms: int,
        end_ms: int,
        wanted: Callable[[ColumnKey], bool] = everything,
        tiers: Iterable[Tier] = tuple(Tier),
        hours: ResourceHours = NOTHING_CLOSED,
    ) -> list[Column]:
        """The resource's samples in [start, end), each once: one column per key, in key order.

        `hours`, read before, spare the raw chunks of what is compacted.
        """
        found: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
        axes = Axes()
        for tier in tiers:
            from_ms = max(start_ms, hours.raw_from_ms) if tier is Tier.RAW else start_ms
            for item in self._items(resource, tier, from_ms, end_ms):
                for key, column in self._decoded.series(item, wanted).items():
                    if rows := axes.between(column, start_ms, end_ms):
                        found[key].append(rows)
        return [merge(found[key], axes) for key in sorted(found)]

    def raw_hours(self, resource: str, window: Window) -> Iterator[Chunk]:
        """The raw chunks of the window, read strongly, as a piece of each hour's chunk."""
        items = self._items(resource, Tier.RAW, window.start_ms, window.end_ms, consistent=True)
        # `r#2026-11-22T10:05Z` up to its minutes says which hour's it is.
        for _, raws in groupby(items, lambda item: item.key.sk.rpartition(":")[0]):
            columns = [column for item in raws for column in decode(item.data)]
            yield hour_chunk(resource, window_holding(Tier.HOUR, columns[0].times[0]), columns)

    def compacted_hours(
        self, resource: str, window: Window
    ) -> Iterator[tuple[Window, list[Column]]]:
        """What the hour chunks of the window hold, read strongly, hour by hour."""
        items = self._items(resource, Tier.HOUR, window.start_ms, window.end_ms, consistent=True)
        # Parts of one chunk have its key before a digit of their own.
        for _, parts in groupby(items, lambda item: item.key.sk.rpartition("Z")[0]):
            columns = [column for item in parts for column in decode(item.data)]
            yield window_holding(Tier.HOUR, columns[0].times[0]), columns

    def _items(
        self, resource: str, tier: Tier, start_ms: int, end_ms: int, *, consistent: bool = False
    ) -> Iterator[Item]:
        start_ms = max(start_ms, self._oldest_kept(tier))
        if start_ms >= end_ms:
            return
        first = f"{tier.value}#{key_time(window_holding(tier, start_ms).start_ms)}"
        # "~" sorts after the "#" that parts of a chunk add to its key.
        last = f"{tier.value}#{key_time(end_ms - 1)}~"
        for item in self._table.query(resource, first, last, consistent=consistent):
            if not item.parted:
                yield item

    def _is_old(self, chunk: Chunk) -> bool:
        hour = window_holding(Tier.HOUR, chunk.window.start_ms)
        in_hour = chunk.tier in (Tier.RAW, Tier.HOUR)
        return in_hour and hour.end_ms + OLD_AFTER_MS <= self._now_ms()

    def _oldest_kept(self, tier: Tier) -> int:
        return self._now_ms() - self._retention.by_tier[tier]

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)

    def _merge_into(
        self, key: Key, chunk: Chunk, current: Item | None, before_put: Callable[[], None]
    ) -> Written:
        for _ in range(_ATTEMPTS):
            if current and current.parted:
                return self._merge_into_parts(key, chunk, before_put)
            news, merged = _merged(chunk, current)
            if merged is None:
                return NOTHING_WRITTEN
            before_put()
            item = self._item(key, merged)
            if _comes_apart(item, merged):
                # The parts first: a reader who comes between sees some samples twice, which
                # merging mends, and none missing.
                self._merge_into_parts(key, merged, before_put)
                item = replace(item, data=b"", digest=PARTED_DIGEST, parted=True)
            _check_size(item, merged)
            try:
                self._table.put(item, current.digest if current else None)
            except ChangedError as failure:
                current = failure.current
            else:
                return news
        raise ContendedError(f"{key.pk} {key.sk}: changed by others {_ATTEMPTS} times in a row")

    def _merge_into_parts(self, key: Key, chunk: Chunk, before_put: Callable[[], None]) -> Written:
        written = NOTHING_WRITTEN
        for part, piece in by_instance(chunk, part_of).items():
            part_key = Key(key.pk, f"{key.sk}#{part}")
            current = self._table.get(part_key)
            written = written.and_(self._merge_into(part_key, piece, current, before_put))
        return written

    def _item(self, key: Key, chunk: Chunk) -> Item:
        data, digest = encode(chunk.columns)
        return Item(key, data, digest, self._retention.end_of(chunk.tier, chunk.window) // 1000)


def _by_key(data: bytes, wanted: Callable[[ColumnKey], bool]) -> dict[ColumnKey, Column]:
    return {column.key: column for column in decode(data, wanted)}


def _merged(chunk: Chunk, current: Item | None) -> tuple[Written, Chunk | None]:
    """Which samples are news to the stored item, and all together; None if none are."""
    if current is None:
        return _written(chunk), chunk
    stored = replace(chunk, columns=decode(current.data))
    news = chunk.news_over(stored)
    return (_written(news), stored.merged_with(news)) if news else (NOTHING_WRITTEN, None)


def _written(news: Chunk) -> Written:
    return Written(news.samples, min(column.times[0] for column in news.columns))


def _comes_apart(item: Item, chunk: Chunk) -> bool:
    # By its weight, so that whatever order samples are written in, they end in the same items. Its
    # bytes alone would do that only if they always grew.
    too_large = chunk.weight_bytes > PARTED_ABOVE_BYTES or len(item.data) > LARGEST_ITEM_BYTES
    return too_large and not _is_part(item.key)


def _check_size(item: Item, chunk: Chunk) -> None:
    if len(item.data) > LARGEST_ITEM_BYTES:
        raise FatalError(
            f"{item.key.pk} {item.key.sk}: {chunk.samples} samples take {len(item.data)} bytes, "
            "more than a DynamoDB item holds; leave out some of its containers"
        )


def _is_part(key: Key) -> bool:
    return key.sk.count("#") > 1


def part_of(instance: str) -> str:
    return blake2b(instance.encode()).hexdigest()[0]
