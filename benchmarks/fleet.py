"""The fleet: which series of which resources the traces are replayed as, alike for every peer."""

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.traces import DAY_SAMPLES, STEP_SECONDS, Trace, by_host, replayed
from tributary.metrics import Metric, metric_named
from tributary.windows import HOUR_MS, SECOND_MS

# 2025-11-03T00:00:00Z, a Monday: long enough ago for every peer to believe it is over.
START_MS = 1_762_128_000_000
_HOUR_SAMPLES = 3600 // STEP_SECONDS
# Room for repetitions on a higher level.
_HIGHEST_SHARE = 0.9

# What a column's name says it measures, the first that fits, and the factor to the metric's unit.
_MEANINGS = (
    (r"cpu", "cpu.utilization", 0.01),
    (r"mem.*(pct|percent)", "memory.utilization", 0.01),
    (r"mem", "memory.usage", 1.0),
    (r"net.*(_in|rx|receive)", "network.receive", 1.0),
    (r"net.*(_out|tx|transmit)", "network.transmit", 1.0),
    (r"conn", "network.connections", 1.0),
    (r"disk.*read", "disk.read", 1.0),
    (r"disk.*write", "disk.write", 1.0),
    (r"disk.*(pct|percent)", "filesystem.utilization", 0.01),
    (r"disk", "filesystem.usage", 1.0),
    (r"request", "http.requests", 1.0),
)

# The ten of the queries, on five resources of each provider.
METRICS = (
    "cpu.utilization", "memory.utilization", "memory.usage", "network.receive", "network.transmit",
    "network.connections", "disk.read", "disk.write", "filesystem.usage", "http.requests",
)  # fmt: skip
RESOURCES = tuple(
    resource
    for number in range(5)
    for resource in (f"northflank/main/shop/services/api-{number}", f"hostup/main/vps_0{number}")
)


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance: a value every `step_ms` from `start_ms` on, in the metric's
    unit and precision."""

    resource: str
    metric: str
    instance: str
    start_ms: int
    step_ms: int
    values: array[float]

    @property
    def provider(self) -> str:
        """The first part of the resource's id."""
        return self.resource.partition("/")[0]

    @property
    def labels(self) -> Mapping[str, str]:
        """What names the series to a peer."""
        return {
            "provider": self.provider,
            "resource": self.resource,
            "metric": self.metric,
            "instance": self.instance,
        }

    @property
    def times(self) -> range:
        """The samples' times in milliseconds."""
        return range(self.start_ms, self.end_ms, self.step_ms)

    @property
    def end_ms(self) -> int:
        """When the last sample no longer holds."""
        return self.start_ms + len(self.values) * self.step_ms


def meaning(name: str) -> tuple[str, float]:
    """Metric and factor for a trace's name; what fits none stays its provider's own."""
    for pattern, metric, factor in _MEANINGS:
        if re.search(pattern, name, re.IGNORECASE):
            return metric, factor
    return f"northflank.{name}", 1.0


def hosts(traces: Sequence[Trace]) -> dict[str, list[Series]]:
    """Each host of the traces as one resource, for a day at least and in whole hours."""
    return {host: list(_host(host, found)) for host, found in by_host(traces).items()}


def day(traces: Sequence[Trace]) -> list[Series]:
    """A hundred series, ten metrics of ten resources, for a day at the traces' step."""
    return list(_fleet(traces, DAY_SAMPLES, STEP_SECONDS * SECOND_MS))


def year(traces: Sequence[Trace], days: int, step_ms: int) -> list[Series]:
    """The same hundred series for many days at a coarser step."""
    return list(_fleet(traces, days * 24 * HOUR_MS // step_ms, step_ms))


def _host(host: str, traces: Iterable[Trace]) -> Iterator[Series]:
    traces = list(traces)
    longest = max(DAY_SAMPLES, *(len(trace.values) for trace in traces))
    samples = longest // _HOUR_SAMPLES * _HOUR_SAMPLES
    taken: set[str] = set()
    for trace in traces:
        name, factor = meaning(trace.name)
        instance = trace.name if name in taken else "-"
        taken.add(name)
        values = replayed(trace, samples, seed=trace.name)
        kept = _kept(metric_named(name), [value * factor for value in values])
        yield Series(
            f"northflank/traces/{host}", name, instance, START_MS, STEP_SECONDS * SECOND_MS, kept
        )


def _fleet(traces: Sequence[Trace], samples: int, step_ms: int) -> Iterator[Series]:
    for number, resource in enumerate(RESOURCES):
        for name in METRICS:
            seed = f"{resource} {name}"
            trace, factor = _source(metric_named(name), traces, number)
            offset = Random(seed).randrange(len(trace.values))
            values = replayed(trace, samples, seed, offset)
            kept = _kept(metric_named(name), [value * factor for value in values])
            yield Series(resource, name, "-", START_MS, step_ms, kept)


def _source(metric: Metric, traces: Sequence[Trace], number: int) -> tuple[Trace, float]:
    """The trace that a resource's metric is made from: of those that measure it, or if there are
    none, any, as a share of about its maximum where the metric is a share."""
    fitting = [trace for trace in traces if meaning(trace.name)[0] == metric.name]
    if fitting:
        trace = fitting[number % len(fitting)]
        return trace, meaning(trace.name)[1]
    trace = traces[number % len(traces)]
    highest = max(map(abs, trace.values)) or 1.0
    return trace, _HIGHEST_SHARE / highest if metric.unit == "1" else 1.0


def _kept(metric: Metric, values: Sequence[float]) -> array[float]:
    return array("d", metric.quantise_all(values))
