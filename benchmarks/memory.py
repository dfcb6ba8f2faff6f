"""Memory: one collector run over a thousand services, as Lambda's smallest sensible size allows."""

import math
import time
from collections.abc import Iterator
from functools import partial
from itertools import batched

from benchmarks.alone import alone, peak_bytes
from benchmarks.deployment import Deployment
from benchmarks.dynalite import dynalite
from benchmarks.many_services import (
    CONTAINERS,
    METRICS,
    PROJECTS,
    SERVICES_EACH,
    containers_of,
    many_services,
)
from benchmarks.row import Row
from functions.northflank_collector.provider import DIALECT, Northflank
from tributary.client import Client
from tributary.provider import Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Instance, Registry, Shard
from tributary.state import Collected, ShardState, States
from tributary.windows import FIVE_MINUTES_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Window

_MOST_MEGABYTES = 512.0
# 2026-11-25T10:06:00Z: the run brings the five minutes from 10:00.
_SLOT_MS = 1795601160_000
_START_MS = _SLOT_MS - MINUTE_MS - FIVE_MINUTES_MS
_RESOLUTION_MS = 10 * SECOND_MS
_SERVICES = PROJECTS * SERVICES_EACH
_SAMPLES = _SERVICES * CONTAINERS * len(METRICS) * FIVE_MINUTES_MS // _RESOLUTION_MS


def rows() -> Iterator[Row]:
    """One row; raises Failure."""
    with dynalite() as endpoint, many_services() as url:
        alone(_stopped_five_minutes_ago, endpoint, url)
        seconds, peak = alone(_run, endpoint, url)
    megabytes = peak / 2**20
    yield Row(
        "memory",
        f"one run over {_SERVICES:,} services, {_SAMPLES:,} samples",
        f"{megabytes:.0f} MB, {seconds:.0f} s",
        figure=megabytes,
        most=_MOST_MEGABYTES,
    )


def _northflank(url: str) -> Northflank:
    return Northflank(Client(url, "a-token", DIALECT, deadline=math.inf), "main")


def _stopped_five_minutes_ago(endpoint: str, url: str) -> None:
    """Leaves every service known and collected until the run's five minutes, with its containers
    and nothing older to be had, else each would be asked for the hour and the days before."""
    deployment, northflank = Deployment(endpoint), _northflank(url)
    # The run asks for three samples before the newest again: with them there are five minutes'.
    newest_ms = _START_MS + 3 * _RESOLUTION_MS
    asked = Window(_START_MS - HOUR_MS, newest_ms + _RESOLUTION_MS)
    collected = Collected(newest_ms, _RESOLUTION_MS, imported=100).after(asked)
    for number, resources in enumerate(
        batched(northflank.discover(), RESOURCES_PER_SHARD, strict=False)
    ):
        shard = Shard("northflank/main", number, {one.id: _entry(one) for one in resources})
        Registry(deployment.table).save(shard, partial(_instead, shard))
        States(deployment.table).join(
            ShardState(shard.account, number, dict.fromkeys(shard.entries, collected))
        )


def _entry(resource: Resource) -> Entry:
    service = resource.native.rpartition("/")[2]
    instances = {name: Instance({}, {}, _START_MS - HOUR_MS) for name in containers_of(service)}
    return Entry(resource.id, resource.attributes, instances)


def _instead(shard: Shard, _: Shard) -> Shard:
    return shard


def _run(endpoint: str, url: str) -> tuple[float, int]:
    """Seconds and the peak of a process that does nothing else."""
    deployment, northflank = Deployment(endpoint), _northflank(url)
    started = time.perf_counter()
    report = deployment.collect(northflank, _SLOT_MS)
    seconds = time.perf_counter() - started
    assert not report.errors, report.fields()
    assert (report.resources, report.samples) == (_SERVICES, _SAMPLES), report.fields()
    return seconds, peak_bytes()


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what}: {row.ours} (at most {row.most:g} MB)")
