"""How Northflank's metrics come from the signals of a host, by metric and unit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.providers.load import GRID_SECONDS, Signal
from local.providers.northflank_fleet import Plan


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
