"""Growth: how time, memory and units rise from ten to ten thousand resources of one account."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from benchmarks import peers
from benchmarks.alone import alone, peak_bytes
from benchmarks.capacity import Consumed
from benchmarks.deployment import Deployment
from benchmarks.dynalite import dynalite
from benchmarks.founding import founded
from benchmarks.row import Row
from benchmarks.services import Services
from functions.query_api.parameters import parse_query
from functions.query_api.plan import planned
from functions.query_api.series import Extent, matched_series
from tributary.matching import matcher
from tributary.windows import HOUR_MS, MINUTE_MS

SIZES = (10, 100, 1_000, 10_000)
# 2026-11-25T10:00:00Z, a Wednesday
HOUR_START_MS = 1795600800_000
_LAST_SLOT_MS = HOUR_START_MS + HOUR_MS + MINUTE_MS
_COMPACTED_AT_MS = HOUR_START_MS + HOUR_MS + 50 * MINUTE_MS
_KEPT = peers.FOLDER / "growth.json"
_MATCHED_UNITS = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one thing took: wall time, peak memory of its process, DynamoDB's units."""

    seconds: float
    peak_bytes: int
    read_units: float
    write_units: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:.3g} s, {self.peak_bytes / 2**20:.0f} MB, "
            f"{self.write_units:,.0f} write units, {self.read_units:,.1f} read units"
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """One size: a collector's run, the compaction of its hour, and matching on a warm function."""

    resources: int
    run: Cost
    compaction: Cost
    matching: Cost


def rows(sizes: Iterable[int] = SIZES) -> Iterator[Row]:
    """A row for each size and part; raises Failure."""
    growths = []
    for growth in measured(sizes):
        growths.append(growth)
        named = f"{growth.resources:,} resources"
        yield Row("growth", f"collector run, {named}", str(growth.run))
        yield Row("growth", f"compaction of an hour, {named}", str(growth.compaction))
        yield Row(
            "growth",
            f"matching on a warm function, {named}",
            str(growth.matching),
            figure=growth.matching.read_units,
            most=_MATCHED_UNITS,
        )
    _KEPT.write_text(json.dumps([asdict(growth) for growth in growths]))


def kept() -> list[Growth]:
    """What was measured last, for the plot; FileNotFoundError if nothing was."""
    return [
        Growth(
            growth["resources"],
            *(Cost(**growth[part]) for part in ("run", "compaction", "matching")),
        )
        for growth in json.loads(_KEPT.read_text())
    ]


def measured(sizes: Iterable[int] = SIZES) -> Iterator[Growth]:
    """Each size on an empty table of its own, each part in a process of its own."""
    for resources in sizes:
        with dynalite() as endpoint:
            alone(_found, endpoint, resources)
            yield Growth(
                resources,
                alone(_run, endpoint, resources),
                alone(_compaction, endpoint, resources),
                alone(_matching, endpoint, resources),
            )


def _found(endpoint: str, resources: int) -> None:
    founded(Deployment(endpoint), Services(resources), HOUR_START_MS)


def _run(endpoint: str, resources: int) -> Cost:
    """The run that brings the hour's last five minutes."""
    deployment, services = Deployment(endpoint), Services(resources)

    def work() -> None:
        report = deployment.collect(services, _LAST_SLOT_MS)
        assert not report.errors, report.fields()
        assert (report.resources, report.samples) == (resources, resources * 300)

    return _cost(work, deployment.meter.taken)


def _compaction(endpoint: str, resources: int) -> Cost:
    deployment = Deployment(endpoint)

    def work() -> None:
        report = deployment.compact(_COMPACTED_AT_MS)
        assert not report.errors, report.fields()
        assert (report.resources, report.samples) == (resources, resources * 3600)

    return _cost(work, deployment.meter.taken)


def _matching(endpoint: str, resources: int) -> Cost:
    """One of all resources found by its attribute, by a function that was asked before."""
    deployment = Deployment(endpoint)
    now_ms = deployment.now_ms = _COMPACTED_AT_MS
    deployment.registry.shards()
    deployment.meter.taken()
    raw = f"metric=cpu.utilization&where=name:service-{resources - 1:05}&start=-1h&step=60"
    query = parse_query(raw, now_ms)

    def work() -> None:
        entries = [e for shard in deployment.registry.shards() for e in shard.entries.values()]
        extent = Extent(query.start_ms, query.end_ms, now_ms)
        found = matched_series(entries, query.metrics, extent, matcher(query.where))
        planned(query, found)
        assert len(found) == 1

    return _cost(work, deployment.meter.taken)


def _cost(work: Callable[[], None], taken: Callable[[], Consumed]) -> Cost:
    started = time.perf_counter()
    work()
    seconds, consumed = time.perf_counter() - started, taken()
    assert not consumed.failed, "a put failed its condition, and its units are not counted"
    return Cost(seconds, peak_bytes(), consumed.read_units, consumed.write_units)


if __name__ == "__main__":
    for row in rows(map(int, sys.argv[1:]) if len(sys.argv) > 1 else SIZES):
        print(f"{row.what}: {row.ours}", flush=True)
