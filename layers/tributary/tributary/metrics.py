"""The metric catalogue: provider-neutral names, units, meanings, and how exactly each is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Literal

Kind = Literal["gauge", "delta"]
Scope = Literal["instance", "resource"]

# Integers up to here are exact in a float64; scaled values beyond are kept as float64 themselves.
LARGEST_SCALED = 2**53

# A number under 2^51 has no room for a fraction once this is added to it, so that the processor
# rounds it to the nearest integer, half to even, as `round` does at five times the price.
_ROUNDER = 1.5 * 2**52
_LARGEST_ADDED = 2**50


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that can be measured on any host.

    `unit` is a UCUM code. A gauge holds from its sample's time for the sample's resolution; a
    delta is an amount that came together in that time. A metric of scope `resource` is a total
    over the resource whatever instance it arrives under, so it is never added up over instances.
    `decimals` is how many digits after the point are kept; None keeps every bit of the number.
    """

    name: str
    unit: str
    kind: Kind
    scope: Scope
    decimals: int | None
    opentelemetry: str
    prometheus: str
    description: str

    def quantise(self, value: float) -> float:
        """The number that is stored for `value`: rounded to this metric's precision."""
        if self.decimals is None:
            return value + 0.0  # Of the two zeros the positive one, so that equal values are alike.
        scale = 10.0**self.decimals
        scaled = value * scale
        if abs(scaled) > LARGEST_SCALED:
            return value
        return round(scaled) / scale

    def quantise_all(self, values: Sequence[float]) -> Sequence[float]:
        """What `quantise` makes of each value, at a fraction of the price."""
        if self.decimals is None or not values:
            return [value + 0.0 for value in values]
        scale = 10.0**self.decimals
        numbers = scaled(values, scale)
        if numbers is None:
            return list(map(self.quantise, values))
        return numbers if scale == 1.0 else [number / scale for number in numbers]


def converted(values: Sequence[float], multiply: float, divide: float) -> Sequence[float]:
    """Each value x `multiply` / `divide`, of which one is 1 more often than not."""
    if multiply != 1.0:
        values = [value * multiply for value in values]
    if divide != 1.0:
        values = [value / divide for value in values]
    return values


def scaled(values: Sequence[float], scale: float) -> list[float] | None:
    """Each value x `scale` as the nearest integer, half to even; None where one is too large."""
    # The root of the sum of their squares is no less than any, and sooner found than the largest.
    if hypot(*values) * scale <= _LARGEST_ADDED:
        return [value * scale + _ROUNDER - _ROUNDER for value in values]
    if max(max(values), -min(values)) * scale <= LARGEST_SCALED:
        return [float(round(value * scale)) for value in values]
    return None


# OpenTelemetry names: https://opentelemetry.io/docs/specs/semconv/system/ and /http/; "rate of" and
# "sum of" where OpenTelemetry counts what the providers serve as a rate or an amount.
_METRICS = (
    Metric(
        "cpu.utilization", "1", "gauge", "instance", 5,
        "system.cpu.utilization", "cpu_utilization_ratio",
        "Share of the CPU the instance may use that it is using, 0 to 1.",
    ),
    Metric(
        "cpu.usage", "{cpu}", "gauge", "instance", 4,
        "container.cpu.usage", "cpu_usage_cpus",
        "CPUs kept busy.",
    ),
    Metric(
        "memory.utilization", "1", "gauge", "instance", 5,
        "system.memory.utilization", "memory_utilization_ratio",
        "Share of the memory the instance may use that it is using, 0 to 1.",
    ),
    Metric(
        "memory.usage", "By", "gauge", "instance", 0,
        "container.memory.usage", "memory_usage_bytes",
        "Memory in use.",
    ),
    Metric(
        "network.receive", "By/s", "gauge", "instance", 0,
        "rate of container.network.io {network.io.direction=receive}",
        "network_receive_bytes_per_second",
        "Bytes received per second.",
    ),
    Metric(
        "network.transmit", "By/s", "gauge", "instance", 0,
        "rate of container.network.io {network.io.direction=transmit}",
        "network_transmit_bytes_per_second",
        "Bytes sent per second.",
    ),
    Metric(
        "network.connections", "{connection}", "gauge", "instance", 0,
        "system.network.connection.count", "network_connections",
        "TCP connections open.",
    ),
    Metric(
        "disk.read", "By/s", "gauge", "instance", 0,
        "rate of system.disk.io {disk.io.direction=read}", "disk_read_bytes_per_second",
        "Bytes read from disk per second.",
    ),
    Metric(
        "disk.write", "By/s", "gauge", "instance", 0,
        "rate of system.disk.io {disk.io.direction=write}", "disk_write_bytes_per_second",
        "Bytes written to disk per second.",
    ),
    Metric(
        "filesystem.usage", "By", "gauge", "instance", 0,
        "system.filesystem.usage", "filesystem_usage_bytes",
        "Bytes a volume holds.",
    ),
    Metric(
        "filesystem.utilization", "1", "gauge", "instance", 5,
        "system.filesystem.utilization", "filesystem_utilization_ratio",
        "Share of a volume that is filled, 0 to 1.",
    ),
    Metric(
        "http.requests", "{request}/s", "gauge", "resource", 3,
        "rate of http.server.request.duration (count)", "http_requests_per_second",
        "HTTP requests served per second.",
    ),
    Metric(
        "http.responses.4xx", "{response}", "delta", "resource", 3,
        "sum of http.server.request.duration (count) {http.response.status_code=4xx}",
        "http_responses_4xx",
        "HTTP responses with a client error.",
    ),
    Metric(
        "http.responses.5xx", "{response}", "delta", "resource", 3,
        "sum of http.server.request.duration (count) {http.response.status_code=5xx}",
        "http_responses_5xx",
        "HTTP responses with a server error.",
    ),
    Metric(
        "http.responses.4xx.rate", "{response}/s", "gauge", "resource", 3,
        "rate of http.server.request.duration (count) {http.response.status_code=4xx}",
        "http_responses_4xx_per_second",
        "HTTP responses with a client error per second.",
    ),
    Metric(
        "http.responses.5xx.rate", "{response}/s", "gauge", "resource", 3,
        "rate of http.server.request.duration (count) {http.response.status_code=5xx}",
        "http_responses_5xx_per_second",
        "HTTP responses with a server error per second.",
    ),
    Metric(
        "network.bandwidth", "By/s", "gauge", "resource", 0,
        "rate of system.network.io", "network_bandwidth_bytes_per_second",
        "Bytes the resource exchanges with the outside per second.",
    ),
    Metric(
        "network.transfer", "By", "delta", "resource", 0,
        "sum of system.network.io", "network_transfer_bytes",
        "Bytes the resource exchanged with the outside.",
    ),
)  # fmt: skip

CATALOGUE: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}


def metric_named(name: str, unit: str = "") -> Metric:
    """The catalogue's metric, or for a provider's own name one that keeps every bit of it.

    A provider's own metric (`northflank.networkIngress`) has the provider's own unit (`pct`).
    """
    return CATALOGUE.get(name) or Metric(
        name, unit, "gauge", "instance", None, "", "", "A provider's own metric, kept as it came."
    )
