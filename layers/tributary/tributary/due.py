"""Due: which hours of a shard are to be compacted, and which marks are then done with."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Self

from tributary.hours import OLD_AFTER_MS, DirtyMark, ShardHours
from tributary.registry import Shard
from tributary.windows import HOUR_MS, MINUTE_MS, Window, floor_to

# No invocation of Lambda outlives 15 minutes, and no thread its invocation: so long after an hour
# is old nobody writes raw chunks of it any more, and so long after a mark its writer is done.
WRITER_LIVES_MS = 15 * MINUTE_MS
CLOSED_AFTER_MS = OLD_AFTER_MS + WRITER_LIVES_MS


@dataclass(frozen=True, slots=True)
class Due:
    """A shard's work: `opened` is to be closed for all resources, `again` are hours closed before
    that were marked since, by resource."""

    resources: tuple[str, ...]
    opened: Window
    again: Mapping[str, list[Window]]
    hours: ShardHours
    now_ms: int

    @classmethod
    def of(cls, shard: Shard, hours: ShardHours, now_ms: int, kept_ms: int) -> Self:
        """What is due at `now_ms`, if hour chunks are kept for `kept_ms`: what has expired, or
        will within the hour, is past compacting."""
        oldest_ms = floor_to(HOUR_MS, now_ms - kept_ms) + HOUR_MS
        until_ms = floor_to(HOUR_MS, now_ms - CLOSED_AFTER_MS)
        known_ms = _first_ms(shard, until_ms) if hours.closed_ms is None else hours.closed_ms
        from_ms = min(until_ms, floor_to(HOUR_MS, max(known_ms, oldest_ms)))
        # A resource whose first run died is known by its mark alone.
        marked = {mark.resource for mark in hours.marks.values()}
        resources = tuple(sorted(marked | shard.entries.keys()))
        again = _marked(hours, Window(oldest_ms, from_ms))
        return cls(resources, Window(from_ms, until_ms), again, hours, now_ms)

    def done(self, closed_ms: int, failed: Container[str]) -> dict[str, DirtyMark]:
        """The marks by writer of which everything is compacted now and the writer surely gone."""
        return {
            writer: mark
            for writer, mark in self.hours.marks.items()
            if mark.window.end_ms <= closed_ms
            and mark.at_ms + WRITER_LIVES_MS <= self.now_ms
            and mark.resource not in failed
        }


def _first_ms(shard: Shard, otherwise_ms: int) -> int:
    instances = (one for entry in shard.entries.values() for one in entry.instances.values())
    return min((instance.first_ms for instance in instances), default=otherwise_ms)


def _marked(hours: ShardHours, within: Window) -> dict[str, list[Window]]:
    found: dict[str, list[Window]] = {}
    for mark in hours.marks.values():
        start_ms = max(mark.window.start_ms, within.start_ms)
        end_ms = min(mark.window.end_ms, within.end_ms)
        if start_ms < end_ms:
            found.setdefault(mark.resource, []).append(Window(start_ms, end_ms))
    return {resource: _united(windows) for resource, windows in found.items()}


def _united(windows: list[Window]) -> list[Window]:
    """The same hours, each once, in order."""
    united: list[Window] = []
    for window in sorted(windows):
        if united and window.start_ms <= united[-1].end_ms:
            last = united.pop()
            window = Window(last.start_ms, max(last.end_ms, window.end_ms))
        united.append(window)
    return united
