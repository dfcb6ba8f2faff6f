"""Compaction: raw chunks of hours that are long over become hour chunks, and those rollups."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

from tributary.codec import CorruptChunkError
from tributary.consumed import Consumed
from tributary.due import Due
from tributary.errors import OutOfTimeError, TributaryError
from tributary.hours import DirtyMark, Hours
from tributary.registry import Registry, Shard
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.store import Store
from tributary.table import Table
from tributary.windows import DAY_MS, SECOND_MS, Tier, Window, split_at, window_holding

_THREADS = 8


@dataclass(slots=True)
class CompactionReport:
    """What one compaction did: `samples` are those that were news to their hour chunks,
    `behind_seconds` is how much of what could be closed is open still, `restamped` are items that
    a raised retention reached, and `consumed` is what DynamoDB charged."""

    shards: int = 0
    resources: int = 0
    samples: int = 0
    behind_seconds: float = 0.0
    restamped: int = 0
    consumed: Consumed = field(default_factory=Consumed)
    errors: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def failed(self, error: Exception, what: str) -> None:
        """Counts an error by kind and keeps its message."""
        self.errors[error.kind if isinstance(error, TributaryError) else "corrupt_chunk"] += 1
        self.messages.append(f"{what}: {error}")

    def fields(self) -> dict[str, Any]:
        """The report as one structured log line's fields."""
        return {
            "shards": self.shards,
            "resources": self.resources,
            "samples": self.samples,
            "secondsBehind": round(self.behind_seconds, 3),
            "restamped": self.restamped,
            "readUnits": self.consumed.read_units,
            "writeUnits": self.consumed.write_units,
            "errors": dict(self.errors),
            "messages": self.messages,
        }


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one resource."""

    samples: int = 0
    error: Exception | None = None

    @property
    def in_time(self) -> bool:
        return not isinstance(self.error, OutOfTimeError)


@dataclass(frozen=True, slots=True)
class Compaction:
    """Closes hours. It deletes nothing: stopped anywhere, repeated, or run twice at once, it ends
    in the state that one undisturbed run ends in."""

    registry: Registry
    hours: Hours
    store: Store
    rollups: Rollups
    retention: Retention
    table: Table
    clock: Callable[[], float] = time.time
    threads: int = _THREADS

    @classmethod
    def on(cls, table: Table, retention: Retention, clock: Callable[[], float] = time.time) -> Self:
        """The compaction of a table under a retention."""
        store = Store(table, retention, clock)
        rollups = Rollups(table, store, retention, clock)
        return cls(Registry(table), Hours(table), store, rollups, retention, table, clock)

    def run(self, deadline: float) -> CompactionReport:
        """Compacts what is due until an instant of `time.monotonic`, the shard furthest behind
        first; what fails is counted, not raised."""
        now_ms, report = int(self.clock() * SECOND_MS), CompactionReport()
        before = self.table.consumed
        kept_ms = self.retention.by_tier[Tier.HOUR]
        # What is known of a shard's hours is from before any of its chunks is read.
        due = [
            (shard, Due.of(shard, self.hours.get(shard), now_ms, kept_ms))
            for shard in self.registry.shards()
        ]
        for shard, work in sorted(due, key=lambda one: one[1].opened):
            closed_ms = work.opened.start_ms
            try:
                closed_ms = self._close(shard, work, report, deadline)
            except TributaryError as error:
                report.failed(error, shard.name)
            behind_seconds = (work.opened.end_ms - closed_ms) / SECOND_MS
            report.behind_seconds = max(report.behind_seconds, behind_seconds)
            report.shards += 1
            report.resources += len(work.resources)
        report.consumed = self.table.consumed - before
        return report

    def _close(self, shard: Shard, due: Due, report: CompactionReport, deadline: float) -> int:
        """Compacts open hours, then again those that were marked; returns until when all is
        closed."""
        failed: set[str] = set()
        closed_ms = due.opened.start_ms
        for piece in split_at(DAY_MS, due.opened):
            windows = {resource: [piece] for resource in due.resources}
            if not self._compact_all(shard, windows, piece.end_ms, failed, report, deadline):
                return closed_ms
            closed_ms = piece.end_ms
            self.hours.close(shard, closed_ms, {})
        self._compact_all(shard, due.again, closed_ms, failed, report, deadline)
        self.hours.close(shard, closed_ms, due.done(closed_ms, failed))
        return closed_ms

    def _compact_all(
        self,
        shard: Shard,
        windows: Mapping[str, Sequence[Window]],
        over_ms: int,
        failed: set[str],
        report: CompactionReport,
        deadline: float,
    ) -> bool:
        """Compacts resources side by side, days until `over_ms` as days that are over; False if
        the deadline came before all were done.

        One that fails is marked, so that readers do without what should have been made of it, the
        next compaction comes back to it, and it holds up no other.
        """
        entries = shard.entries

        def compact(resource: str, windows: Sequence[Window]) -> _Outcome:
            # A resource whose first run died is in no registry yet.
            brief = entries[resource].brief if resource in entries else {}
            return self._compact(resource, windows, over_ms, brief, deadline)

        with ThreadPoolExecutor(self.threads) as pool:
            outcomes = list(pool.map(compact, windows, windows.values()))
        for resource, outcome in zip(windows, outcomes, strict=True):
            report.samples += outcome.samples
            if outcome.error:
                failed.add(resource)
                if outcome.in_time:
                    report.failed(outcome.error, resource)
                    self._mark(shard, resource, windows[resource])
        return all(outcome.in_time for outcome in outcomes)

    def _compact(
        self,
        resource: str,
        windows: Sequence[Window],
        over_ms: int,
        brief: Mapping[str, Window],
        deadline: float,
    ) -> _Outcome:
        samples = 0
        try:
            for window in windows:
                for piece in split_at(DAY_MS, window):
                    samples += self._compact_hours(resource, piece, deadline)
                    day = window_holding(Tier.DAY, piece.start_ms)
                    if day.end_ms <= over_ms:
                        passing = {name for name, one in brief.items() if one == day}
                        self.rollups.renew_day(resource, day, passing)
        except (TributaryError, CorruptChunkError) as error:
            return _Outcome(samples, error)
        return _Outcome(samples)

    def _compact_hours(self, resource: str, window: Window, deadline: float) -> int:
        samples = 0
        for piece in self.store.raw_hours(resource, window):
            _check_time(deadline)
            samples += self.store.write(piece, expected=True).samples
        _check_time(deadline)
        self.rollups.renew_hours(resource, window)
        return samples

    def _mark(self, shard: Shard, resource: str, windows: Sequence[Window]) -> None:
        now_ms = int(self.clock() * SECOND_MS)
        mark = DirtyMark(resource, windows[0].start_ms, windows[-1].end_ms, now_ms)
        self.hours.mark(shard.account, shard.number, f"compactor@{resource}", mark)


def _check_time(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise OutOfTimeError("the deadline came before all hours were compacted")
