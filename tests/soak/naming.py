"""The model's names and units for what the simulators measure, written down beside the product."""

from collections.abc import Mapping

from local.providers.ledger import ServedSample, ServedSeries
from tests.soak.clock import START
from tests.soak.fleets import REMADE_AT
from tests.soak.obtainable import Series
from tributary.windows import rfc3339

# A provider's metric and unit: the model's metric, what to multiply by, and its precision.
CONVERSIONS: Mapping[tuple[str, str], tuple[str, float, float]] = {
    ("cpuUsagePercent", "percent"): ("cpu.utilization", 0.01, 1e-5),
    ("memoryUsagePercent", "percent"): ("memory.utilization", 0.01, 1e-5),
    ("diskReadMbPerSecond", "MbPerSecond"): ("disk.read", 1e6, 1.0),
    ("diskWriteMbPerSecond", "MbPerSecond"): ("disk.write", 1e6, 1.0),
    ("networkInboundKbPerSecond", "KbPerSecond"): ("network.receive", 1e3, 1.0),
    ("networkOutboundKbPerSecond", "KbPerSecond"): ("network.transmit", 1e3, 1.0),
    ("cpu", "pct"): ("cpu.utilization", 0.01, 1e-5),
    ("cpu", "vCPU"): ("cpu.usage", 1.0, 1e-4),
    ("memory", "pct"): ("memory.utilization", 0.01, 1e-5),
    ("memory", "mb"): ("memory.usage", 1e6, 1.0),
    ("networkIngress", "kbps"): ("network.receive", 125.0, 1.0),
    ("networkEgress", "kbps"): ("network.transmit", 125.0, 1.0),
    ("tcpConnectionsOpen", "count"): ("network.connections", 1.0, 1.0),
    ("diskUsage", "pct"): ("filesystem.utilization", 0.01, 1e-5),
    ("diskUsage", "mb"): ("filesystem.usage", 1e6, 1.0),
    ("requests", "rps"): ("http.requests", 1.0, 1e-3),
    ("http4xxResponses", "count"): ("http.responses.4xx", 1.0, 1e-3),
    ("http5xxResponses", "count"): ("http.responses.5xx", 1.0, 1e-3),
    ("bandwidth", "kbps"): ("network.bandwidth", 125.0, 1.0),
    ("bandwidthVolume", "mb"): ("network.transfer", 1e6, 1.0),
}

_REMADE_MS = (START + REMADE_AT) * 1000


def series_of(provider: str, sample: ServedSample) -> Series:
    """Whose sample it is; of the slug that was re-made, by the container that had it."""
    served = sample.series
    resource = f"{provider}/main/{served.resource}".removesuffix("-again")
    if (served.container or "").startswith("web-2"):
        resource += f"~{rfc3339(_REMADE_MS)}"
    instance = served.container or "-"
    instance = f"{instance}/{served.volume}" if served.volume else instance
    return Series(resource, instance, _conversion(served)[0], served.resolution_seconds * 1000)


def value_of(sample: ServedSample) -> tuple[float, float]:
    """The sample's value in the model's unit, and the precision that it is kept with."""
    _, factor, precision = _conversion(sample.series)
    return sample.value * factor, precision


def _conversion(series: ServedSeries) -> tuple[str, float, float]:
    return CONVERSIONS[series.metric, series.unit]
