"""Re-stamping: a raised retention reaches the items that were put under a lower one.

Only `ttl` is changed, on condition that the item is still there and expires sooner: its content and
digest stay, so that whoever read it can put it all the same. Done again, or by two at once, it
comes to the same.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from tributary.compaction import CompactionReport
from tributary.errors import OutOfTimeError, TributaryError
from tributary.hours import Hours
from tributary.registry import Registry, Shard
from tributary.retention import Retention
from tributary.stamps import LET_GO_MS, Raise, Stamps
from tributary.table import Item, Table
from tributary.windows import (
    DAY_MS,
    SECOND_MS,
    WEEK_MS,
    AnyTier,
    RollupTier,
    Tier,
    Window,
    key_time,
    parse_rfc3339,
    window_holding,
)

# Few: a table on demand may take no more than 4000 write units a second at first, and collecting
# goes on meanwhile.
_THREADS = 4

# What is done for all resources of a shard before it is noted, in the time that windows start:
# some dozens of items of each, and some hundreds of raw chunks, which are small.
STRETCHES_MS: Mapping[AnyTier, int] = {
    Tier.RAW: DAY_MS,
    Tier.HOUR: DAY_MS,
    Tier.DAY: 30 * DAY_MS,
    Tier.MONTH: 1000 * DAY_MS,
    RollupTier.FIVE_MINUTES: DAY_MS,
    RollupTier.HOUR: 26 * WEEK_MS,
    RollupTier.DAY: 1000 * DAY_MS,
}


@dataclass(frozen=True, slots=True)
class _Pending:
    """A raise under way in one tier of a shard, whose items are kept for `least_ms` at least."""

    shard: Shard
    tier: AnyTier
    least_ms: int
    raised: Raise

    @property
    def expires_ms(self) -> int:
        """When what comes next expires, at the earliest."""
        return self.raised.reached_ms + self.least_ms

    @property
    def stretch(self) -> Window:
        """What comes next: windows that start in it."""
        return stretch_from(self.tier, self.raised.reached_ms, self.raised.settled_ms)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How many of a resource's items were re-stamped, and what ended that early."""

    restamped: int = 0
    error: TributaryError | None = None


@dataclass(frozen=True, slots=True)
class Restamping:
    """Brings raises of the retention to what there is, what expires soonest first."""

    registry: Registry
    hours: Hours
    table: Table
    retention: Retention
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic
    threads: int = _THREADS

    def run(self, report: CompactionReport, deadline: float) -> None:
        """Re-stamps until an instant of the timer and counts in the report; what fails is
        counted too, and is the next run's."""
        before = self.table.consumed
        pending = [one for shard in self.registry.shards() for one in self._noticed(shard, report)]
        while pending and self.timer() < deadline:
            first = min(pending, key=lambda one: one.expires_ms)
            pending.remove(first)
            if self._done(first, report, deadline):
                pending += self._noted(first, report)
        report.consumed += self.table.consumed - before

    def _noticed(self, shard: Shard, report: CompactionReport) -> Iterator[_Pending]:
        """The raises of a shard under the retention in force, which is noted where it is news."""
        now_ms = self._now_ms()
        first_ms = _first_ms(shard, now_ms)

        def noticed(known: Mapping[str, Stamps]) -> dict[str, Stamps]:
            # Of a shard seen for the first time all items are put under this retention.
            return {
                tier.value: known.get(tier.value, Stamps(kept_ms, kept_ms)).under(
                    kept_ms, now_ms, first_ms
                )
                for tier, kept_ms in self.retention.by_tier.items()
            }

        return self._pending(shard, self.retention.by_tier, noticed, report)

    def _noted(self, done: _Pending, report: CompactionReport) -> Iterator[_Pending]:
        """What is left of a raise once its next stretch is noted to be done."""
        letter, until_ms = done.tier.value, done.stretch.end_ms

        def noted(known: Mapping[str, Stamps]) -> Mapping[str, Stamps]:
            # A collector from before there were stamps knows none, and leaves none.
            before = known.get(letter)
            return {**known, letter: before.after(done.raised, until_ms)} if before else known

        return self._pending(done.shard, [done.tier], noted, report)

    def _pending(
        self,
        shard: Shard,
        tiers: Iterable[AnyTier],
        change: Callable[[Mapping[str, Stamps]], Mapping[str, Stamps]],
        report: CompactionReport,
    ) -> Iterator[_Pending]:
        """The raises of these tiers that can be gone about after a change to a shard's stamps."""
        try:
            stamps = self.hours.stamp(shard, change)
        except TributaryError as error:
            report.failed(error, shard.name)
            return
        for tier in tiers:
            known = stamps.get(tier.value)
            # Another retention is that of a compactor which saw the stack updated meanwhile.
            if (
                known
                and known.raised
                and known.raised.to_ms == self.retention.by_tier[tier]
                and known.raised.settled_ms <= self._now_ms()
            ):
                yield _Pending(shard, tier, known.least_ms, known.raised)

    def _done(self, one: _Pending, report: CompactionReport, deadline: float) -> bool:
        """Re-stamps a stretch for all resources, side by side; whether that was done in full."""
        restamped = partial(self._restamped, pending=one, deadline=deadline)
        with ThreadPoolExecutor(self.threads) as pool:
            outcomes = list(pool.map(restamped, one.shard.entries))
        for resource, outcome in zip(one.shard.entries, outcomes, strict=True):
            report.restamped += outcome.restamped
            if outcome.error and not isinstance(outcome.error, OutOfTimeError):
                report.failed(outcome.error, resource)
        return not any(outcome.error for outcome in outcomes)

    def _restamped(self, resource: str, pending: _Pending, deadline: float) -> _Outcome:
        tier, kept_ms, count = pending.tier, pending.raised.to_ms, 0
        try:
            self._check_time(deadline)
            for item in items_in(self.table, resource, tier, pending.stretch):
                self._check_time(deadline)
                expires_s = extended_s(item, tier, kept_ms, self._now_ms())
                if expires_s is not None:
                    count += self.table.extend(item.key, expires_s)
        except TributaryError as error:
            return _Outcome(count, error)
        return _Outcome(count)

    def _check_time(self, deadline: float) -> None:
        if self.timer() >= deadline:
            raise OutOfTimeError("the deadline came before all items were re-stamped")

    def _now_ms(self) -> int:
        return int(self.clock() * SECOND_MS)


def stretch_from(tier: AnyTier, start_ms: int, end_ms: int) -> Window:
    """The tier's stretch at an instant, to the start of a window or the end."""
    following = window_holding(tier, start_ms + STRETCHES_MS[tier])
    return Window(start_ms, min(following.start_ms, end_ms))


def items_in(table: Table, resource: str, tier: AnyTier, stretch: Window) -> Iterator[Item]:
    """A resource's items, and parts of them, whose windows overlap the stretch."""
    first = f"{tier.value}#{key_time(window_holding(tier, stretch.start_ms).start_ms)}"
    # "~" sorts after the "#" that parts add to their item's key.
    last = f"{tier.value}#{key_time(stretch.end_ms - 1)}~"
    return table.query(resource, first, last)


def extended_s(item: Item, tier: AnyTier, kept_ms: int, now_ms: int) -> int | None:
    """When an item expires under a raised retention, in Unix seconds; None where that is no later,
    or the item about to expire."""
    start_ms = parse_rfc3339(item.key.sk.split("#")[1])
    expires_s = (window_holding(tier, start_ms).end_ms + kept_ms) // SECOND_MS
    if item.expires_s is None or item.expires_s >= expires_s:
        return None
    return expires_s if item.expires_s * SECOND_MS > now_ms + LET_GO_MS else None


def _first_ms(shard: Shard, otherwise_ms: int) -> int:
    """The time of the first sample of any resource that the shard knows, or knew instances of."""
    known = (
        one
        for entry in shard.entries.values()
        for one in (*entry.instances.values(), entry.past)
        if one
    )
    return min((one.first_ms for one in known), default=otherwise_ms)
