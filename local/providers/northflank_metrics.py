"""The samples in Northflank's answers: which series a query selects, their values and units."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.providers.ledger import Ledger, ServedSeries
from local.providers.load import GRID_SECONDS, Signal
from local.providers.northflank_fleet import Plan, Workload
from local.providers.northflank_query import METRIC_TYPES, MetricsQuery
from local.providers.timeline import Share, Timeline
from local.providers.times import written

# How long Northflank keeps metrics is not documented; the simulator has a day.
RETENTION_MS = 24 * 3600 * 1000
GRID_MS = GRID_SECONDS * 1000

TOTALS = frozenset(METRIC_TYPES[METRIC_TYPES.index("requests") :])
# Required by the schema, yet missing in the printed example: so some replies have it, some not.
WITHOUT_METRIC_ID = frozenset({"memory", "networkEgress", "diskUsage", "bandwidth"})
EVERY_SEVENTH = 7


@dataclass(frozen=True, slots=True)
class Measure:
    """How a metric in a unit comes from a signal, to so many decimals; None for whole numbers."""

    signal: Signal
    convert: Callable[[float, Plan], float]
    digits: int | None = 3


def _unchanged(value: float, _: Plan) -> float:
    return value


def _per_second(count: float, _: Plan) -> float:
    return count / GRID_SECONDS


def _kilobits(bytes_per_second: float, _: Plan) -> float:
    return bytes_per_second * 8 / 1000


def _megabytes(bytes_per_second: float, _: Plan) -> float:
    return bytes_per_second * GRID_SECONDS / 1e6


MEASURES: Mapping[tuple[str, str], Measure] = {
    ("cpu", "pct"): Measure(Signal.CPU, _unchanged),
    ("cpu", "vCPU"): Measure(Signal.CPU, lambda pct, plan: pct / 100 * plan.vcpus, digits=4),
    ("memory", "pct"): Measure(Signal.MEMORY, _unchanged),
    ("memory", "mb"): Measure(Signal.MEMORY, lambda pct, plan: pct / 100 * plan.memory_mb),
    ("networkIngress", "kbps"): Measure(Signal.NETWORK_RECEIVE, _kilobits),
    ("networkEgress", "kbps"): Measure(Signal.NETWORK_TRANSMIT, _kilobits),
    ("tcpConnectionsOpen", "count"): Measure(Signal.CONNECTIONS, _unchanged, digits=None),
    ("diskUsage", "pct"): Measure(Signal.DISK_USED, _unchanged),
    ("diskUsage", "mb"): Measure(Signal.DISK_USED, lambda pct, plan: pct / 100 * plan.disk_mb),
    ("requests", "rps"): Measure(Signal.REQUESTS, _per_second),
    ("http4xxResponses", "count"): Measure(Signal.CLIENT_ERRORS, _unchanged, digits=None),
    ("http4xxResponses", "rps"): Measure(Signal.CLIENT_ERRORS, _per_second),
    ("http5xxResponses", "count"): Measure(Signal.SERVER_ERRORS, _unchanged, digits=None),
    ("http5xxResponses", "rps"): Measure(Signal.SERVER_ERRORS, _per_second),
    ("bandwidth", "kbps"): Measure(Signal.NETWORK_TRANSMIT, _kilobits),
    ("bandwidthVolume", "mb"): Measure(Signal.NETWORK_TRANSMIT, _megabytes),
}


@dataclass(frozen=True, slots=True)
class Metering:
    """What metrics are taken from, the simulator's start (Unix s), and the ledger of answers."""

    timeline: Timeline
    started: int
    served: Ledger

    def answer(
        self, query: MetricsQuery, resource: str, workload: Workload, now: int
    ) -> dict[str, Any]:
        """`{"data": {metric type: {"metricInfo", "values"}}}` at a time (ms)."""
        answer: dict[str, Any] = {}
        for metric in query.metric_types:
            values = []
            for origin in self._origins(query, workload, metric):
                samples = dict(self._samples(query, origin, workload, metric, now))
                if samples:
                    self.served.record(_series(origin, resource, workload, metric), samples)
                    values.append(_entry(origin, samples, workload.numeric_strings))
            answer[metric] = {"metricInfo": _metric_info(metric, workload), "values": values}
        return {"data": answer}

    def _origins(self, query: MetricsQuery, workload: Workload, metric: str) -> "Iterator[_Origin]":
        if metric in TOTALS:
            if workload.front is not None and query.selects_totals:
                # which containerId the real one gives a total is not documented
                yield _Origin(workload.front, workload.id, None, offset_ms=0, since=0)
            return
        for container in filter(query.selects, workload.containers):
            volume = container.volume if metric == "diskUsage" else None
            if metric == "diskUsage" and volume is None:
                continue
            since = (self.started - container.created_seconds_before_start) * 1000
            until = None
            if container.ended_seconds_before_start is not None:
                until = (self.started - container.ended_seconds_before_start) * 1000
            yield _Origin(
                container.share, container.name, volume, container.offset_ms, since, until
            )

    def _samples(
        self, query: MetricsQuery, origin: "_Origin", workload: Workload, metric: str, now: int
    ) -> Iterator[tuple[int, float]]:
        measure = MEASURES[metric, workload.units[metric]]
        times = range(
            origin.first_sample(max(query.start, origin.since, now - RETENTION_MS)),
            min(query.end, now + 1, origin.until or query.end),
            GRID_MS,
        )
        for ts in reversed(times) if query.newest_only else times:
            instant = ts // GRID_MS * GRID_SECONDS
            value = self.timeline.value(origin.share, measure.signal, instant)
            if value is not None:
                yield ts, round(measure.convert(value, workload.plan), measure.digits)
                if query.newest_only:
                    return


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whose samples one entry of `values` holds; they exist from `since` until `until` (ms)."""

    share: Share
    container: str
    volume: str | None
    offset_ms: int
    since: int
    until: int | None = None

    def first_sample(self, start: int) -> int:
        """The time of the first sample at or after a time, both in milliseconds."""
        return start + (self.offset_ms - start) % GRID_MS


def _series(origin: _Origin, resource: str, workload: Workload, metric: str) -> ServedSeries:
    unit = workload.units[metric]
    return ServedSeries(resource, origin.container, origin.volume, metric, unit, GRID_SECONDS)


def _entry(origin: _Origin, samples: dict[int, float], numeric_strings: bool) -> dict[str, Any]:
    metadata = {"containerId": origin.container}
    if origin.volume is not None:
        metadata["volumeId"] = origin.volume
    data = [
        {"value": str(value) if numeric_strings and _is_seventh(ts) else value, "ts": written(ts)}
        for ts, value in samples.items()
    ]
    return {"metadata": metadata, "data": data}


def _is_seventh(ts: int) -> bool:
    return ts // GRID_MS % EVERY_SEVENTH == 0


def _metric_info(metric: str, workload: Workload) -> dict[str, Any]:
    info: dict[str, Any] = {"metricUnit": workload.units[metric], "metricResolution": GRID_SECONDS}
    return info if metric in WITHOUT_METRIC_ID else {"metricId": metric} | info
