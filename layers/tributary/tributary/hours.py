"""Hours: until when a shard is compacted and rolled up, which hours were written to after, and how
long its items are kept."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import Any

from tributary.packed import packed, unpacked
from tributary.registry import Shard
from tributary.retention import Retention
from tributary.stamps import Stamps
from tributary.table import Item, Key, Table
from tributary.windows import (
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    AnyTier,
    Window,
    ceil_to,
    floor_to,
    window_holding,
)

# An hour is old this long after its end: from then on its samples go straight into its hour
# chunk, since the compactor may have merged its raw chunks already.
OLD_AFTER_MS = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class DirtyMark:
    """A writer's word that it writes to hours of a resource that may be compacted already.

    [from_ms, to_ms) holds the hours, `at_ms` is when the writer said so.
    """

    resource: str
    from_ms: int
    to_ms: int
    at_ms: int

    @property
    def window(self) -> Window:
        """What is marked, in whole hours."""
        return Window(floor_to(HOUR_MS, self.from_ms), ceil_to(HOUR_MS, self.to_ms))

    def joined(self, other: "DirtyMark | None") -> "DirtyMark":
        """This mark over the hours of an earlier one too."""
        if other is None:
            return self
        from_ms, to_ms = min(self.from_ms, other.from_ms), max(self.to_ms, other.to_ms)
        return DirtyMark(self.resource, from_ms, to_ms, self.at_ms)


@dataclass(frozen=True, slots=True)
class ShardHours:
    """Everything before `closed_ms` is in hour chunks and rollups, but for the marks by writer.

    `stamps` are by the tier's letter; there are none before the first compaction.
    """

    closed_ms: int | None = None
    marks: Mapping[str, DirtyMark] = field(default_factory=dict)
    stamps: Mapping[str, Stamps] = field(default_factory=dict)

    def of(self, resource: str) -> "ResourceHours":
        """What holds for one resource."""
        dirty = sorted(mark.window for mark in self.marks.values() if mark.resource == resource)
        since = sorted((tier, one.from_ms) for tier, one in self.stamps.items() if one.from_ms)
        return ResourceHours(self.closed_ms or 0, tuple(dirty), tuple(since))


@dataclass(frozen=True, slots=True)
class ResourceHours:
    """Rollups may be believed before `closed_ms`, outside the dirty windows.

    `since` says of tiers, by letter, whose retention was raised, from when on there is what it
    says: what was older had expired.
    """

    closed_ms: int = 0
    dirty: tuple[Window, ...] = ()
    since: tuple[tuple[str, int], ...] = ()

    @property
    def raw_from_ms(self) -> int:
        """From where raw chunks may hold what hour chunks do not, with an hour to be safe.

        Dirty hours of a resource that was new, or failed to compact, have raw chunks as well.
        """
        return min([self.closed_ms, *(window.start_ms for window in self.dirty)]) - HOUR_MS

    def kept_from(self, tier: AnyTier, retention: Retention, now_ms: int) -> int:
        """The start of the oldest window whose item has not expired, under this retention or the
        one before."""
        since_ms = window_holding(tier, dict(self.since).get(tier.value, 0)).start_ms
        return max(since_ms, retention.kept_from(tier, now_ms))


NOTHING_CLOSED = ResourceHours()


class Hours:
    """Reads and changes what is known of each shard's hours."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, shard: Shard) -> ShardHours:
        """One shard's hours, as all writes so far left them."""
        return _hours(self._table.get(hours_key(shard.account, shard.number)))

    def of_shards(self, shards: Iterable[Shard]) -> dict[str, ResourceHours]:
        """By resource, as last read from the table; those of an unknown shard are open."""
        keys = {hours_key(shard.account, shard.number): shard for shard in shards}
        found = self._table.get_many(keys)
        return {
            resource: hours.of(resource)
            for key, shard in keys.items()
            for hours in [_hours(found.get(key))]
            for resource in shard.entries
        }

    def mark(self, account: str, number: int, writer: str, mark: DirtyMark) -> None:
        """Notes, before it happens, what is written to, with what the writer marked before."""
        key = hours_key(account, number)

        def marked(current: Item | None) -> Item | None:
            hours = _hours(current)
            joined = mark.joined(hours.marks.get(writer))
            return _item(key, replace(hours, marks={**hours.marks, writer: joined}))

        self._table.update(key, marked, self._table.get(key))

    def close(self, shard: Shard, until_ms: int, done: Mapping[str, DirtyMark]) -> ShardHours:
        """Notes that hours before `until_ms` are compacted, and clears marks that are still those
        of `done`: a mark that was renewed meanwhile stays."""
        key = hours_key(shard.account, shard.number)

        def closed(current: Item | None) -> Item | None:
            hours = _hours(current)
            left = {
                writer: mark for writer, mark in hours.marks.items() if done.get(writer) != mark
            }
            closed_ms = max(until_ms, hours.closed_ms or 0)
            item = _item(key, replace(hours, closed_ms=closed_ms, marks=left))
            return None if current and current.digest == item.digest else item

        return _hours(self._table.update(key, closed, self._table.get(key)))

    def stamp(
        self, shard: Shard, change: Callable[[Mapping[str, Stamps]], Mapping[str, Stamps]]
    ) -> Mapping[str, Stamps]:
        """Notes what `change` makes of the shard's stamps, as all writes so far left them."""
        key = hours_key(shard.account, shard.number)

        def stamped(current: Item | None) -> Item | None:
            hours = _hours(current)
            item = _item(key, replace(hours, stamps=change(hours.stamps)))
            return None if current and current.digest == item.digest else item

        return _hours(self._table.update(key, stamped, self._table.get(key))).stamps


class Marker:
    """Marks what one run over a shard writes to, each resource's hours once.

    Its threads mark one after the other, since all marks of a shard are in one item.
    """

    def __init__(
        self,
        hours: Hours,
        shard: Shard,
        slot_ms: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hours = hours
        self._shard = shard
        self._slot_ms = slot_ms
        self._clock = clock
        self._marked: dict[str, DirtyMark] = {}
        self._lock = Lock()

    def before_first(self, resource: str, window: Window) -> None:
        """Marks the window if the registry does not list the resource, for then the compactor
        learns of its chunks by the mark alone."""
        if resource not in self._shard.entries:
            self._mark(resource, window)

    def before_old(self, resource: str, hour: Window) -> None:
        """Marks an old hour, and with it all later ones that are old: a run goes forward."""
        old_until_ms = floor_to(HOUR_MS, self._now_ms() - OLD_AFTER_MS)
        self._mark(resource, Window(hour.start_ms, max(hour.end_ms, old_until_ms)))

    def _mark(self, resource: str, window: Window) -> None:
        mark = DirtyMark(resource, window.start_ms, window.end_ms, self._now_ms())
        with self._lock:
            known = self._marked.get(resource)
            if known and known.from_ms <= mark.from_ms and known.to_ms >= mark.to_ms:
                return
            writer = f"{resource}@{self._slot_ms}"
            self._hours.mark(self._shard.account, self._shard.number, writer, mark)
            self._marked[resource] = mark.joined(known)

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)


def hours_key(account: str, number: int) -> Key:
    """The item that holds the hours of a registry shard."""
    return Key(f"acc#{account}", f"hours#{number}")


def _hours(item: Item | None) -> ShardHours:
    if item is None:
        return ShardHours()
    document: dict[str, Any] = unpacked(item)
    marks = {writer: DirtyMark(**mark) for writer, mark in document["marks"].items()}
    # What was closed before there were rollups has none: it is closed again.
    closed_ms = document["closed_ms"] if document.get("rolled_up") else None
    # There were none before retention could be raised.
    stamps = {tier: Stamps.of(known) for tier, known in document.get("stamps", {}).items()}
    return ShardHours(closed_ms, marks, stamps)


def _item(key: Key, hours: ShardHours) -> Item:
    return packed(key, {**asdict(hours), "rolled_up": True})
