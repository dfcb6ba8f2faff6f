"""What the compactor's tests have in common: a table, one resource in it, and a clock."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

import boto3

from tests.dynamodb import TABLE
from tributary.chunk import split
from tributary.columns import Column, ColumnKey, Origin, column
from tributary.compaction import Compaction, CompactionReport
from tributary.hours import Hours, Marker, ResourceHours
from tributary.points import Points, SeriesKey, joined
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.retention import Retention
from tributary.rollup_codec import decode
from tributary.rollups import Rollups
from tributary.store import Store
from tributary.table import Table
from tributary.windows import RollupTier, Tier, Window

ACCOUNT = "northflank/main"
API = "northflank/main/shop/services/api"

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# 2026-11-22T10:00:00Z, a Sunday
TEN = 1795341600_000
ELEVEN = TEN + HOUR


class World:
    """One service with one container since 10:00; the clock stands at 10:58."""

    def __init__(self) -> None:
        self.now = (TEN + 58 * MINUTE) / 1000
        self.client = boto3.client("dynamodb")
        self.table = Table(self.client, TABLE, self.clock)
        self.retention = Retention.of_days(7, 60, 1825)
        self.store = Store(self.table, self.retention, self.clock)
        self.rollups = Rollups(self.table, self.store, self.retention, self.clock)
        self.registry = Registry(self.table)
        self.hours = Hours(self.table)
        self.register(API, {"api-1": Instance({}, {"cpu.utilization": 10_000}, TEN)})

    def clock(self) -> float:
        return self.now

    def at(self, milliseconds: int) -> None:
        """Sets the clock."""
        self.now = milliseconds / 1000

    def register(self, resource: str, instances: Mapping[str, Instance]) -> None:
        """Adds a resource to the account's first shard, or changes it there."""
        entry = Entry(resource, {}, instances)

        def added(stored: Shard) -> Shard:
            return Shard(stored.account, 0, {**stored.entries, resource: entry})

        self.registry.save(Shard(ACCOUNT, 0, {}), added)

    def shard(self) -> Shard:
        """The account's first shard as it is registered."""
        return self.registry.shards_of(ACCOUNT)[0]

    def collect(self, *columns: Column, resource: str = API, shard: Shard | None = None) -> int:
        """Writes columns as a collector's run does at this time; returns how many were news."""
        marker = Marker(self.hours, shard or self.shard(), int(self.now * 1000), self.clock)
        return write(self.store, marker, columns, resource)

    def compact(self, seconds: float = 60) -> CompactionReport:
        """Runs a compaction, with a registry that remembers nothing."""
        compaction = Compaction.on(self.table, self.retention, self.clock)
        return compaction.run(time.monotonic() + seconds)

    def known(self, resource: str = API) -> ResourceHours:
        """What readers learn of the resource's hours."""
        return self.hours.of_shards([self.shard()])[resource]

    def compacted(self, start: int = TEN, end: int = ELEVEN, resource: str = API) -> list[Column]:
        """What hour chunks hold."""
        return self.store.read(resource, start, end, tiers=(Tier.HOUR,))

    def keys(self, prefix: str, resource: str = API) -> list[str]:
        """The sort keys of a resource's items, those of one tier."""
        return [item.key.sk for item in self.table.query(resource, prefix, f"{prefix}~")]


def emptied(world: World) -> World:
    """A new world in an empty table: each example of a property has its own."""
    for page in world.client.get_paginator("scan").paginate(TableName=TABLE):
        for item in page["Items"]:
            world.client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    return World()


def write(store: Store, marker: Marker, columns: Iterable[Column], resource: str = API) -> int:
    """Writes columns of a resource as a run does."""
    written = 0
    for chunk in split(resource, columns):
        marker.before_first(resource, chunk.window)
        written += store.write(
            chunk,
            expected=True,
            before_old=lambda hour: marker.before_old(resource, hour),
        ).samples
    return written


def samples(
    values: Iterable[tuple[int, float]],
    seconds: int = 10,
    metric: str = "cpu.utilization",
    instance: str = "api-1",
    seen: int = 1,
    start: int = TEN,
) -> Column:
    """A column of samples (seconds after 10:00, or `start`; value), each for so many seconds."""
    key = ColumnKey(metric, instance, Origin("cpu", "pct", 0.01))
    rows = [(start + second * 1000, value) for second, value in values]
    return column(key, rows, seconds * 1000, seen)


def steady(value: float, first: int = 0, last: int = 3600, seconds: int = 10) -> Column:
    """A column of one value throughout [first, last) seconds after 10:00."""
    return samples([(at, value) for at in range(first, last, seconds)], seconds)


def values(columns: Iterable[Column]) -> list[tuple[int, float]]:
    """The rows of all columns as (seconds after 10:00, value)."""
    return [
        ((at - TEN) // 1000, value)
        for each in columns
        for at, value in zip(each.times, each.values, strict=True)
    ]


def rollup_points(
    table: Table, resource: str, tier: RollupTier, window: Window
) -> dict[SeriesKey, Points]:
    """A resource's points of a tier that start in the window, as they are stored."""
    found: defaultdict[SeriesKey, list[Points]] = defaultdict(list)
    for item in table.query(resource, f"{tier.value}#", f"{tier.value}#~", consistent=True):
        if not item.parted:
            for key, points in decode(item.data).items():
                found[key].append(points.between(window.start_ms, window.end_ms))
    return {key: points for key, parts in found.items() if (points := joined(parts))}
