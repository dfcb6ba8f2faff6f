"""Conversions: what the model calls each of a provider's metrics, written down beside the product.

By the provider's metric and unit: the model's metric, what one of the provider's unit is in the
model's, and the precision that is kept.
"""

from collections.abc import Mapping

type Conversions = Mapping[tuple[str, str], tuple[str, float, float]]

NORTHFLANK: Conversions = {
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
    ("http4xxResponses", "rps"): ("http.responses.4xx.rate", 1.0, 1e-3),
    ("http5xxResponses", "count"): ("http.responses.5xx", 1.0, 1e-3),
    ("http5xxResponses", "rps"): ("http.responses.5xx.rate", 1.0, 1e-3),
    ("bandwidth", "kbps"): ("network.bandwidth", 125.0, 1.0),
    ("bandwidthVolume", "mb"): ("network.transfer", 1e6, 1.0),
}
HOSTUP: Conversions = {
    ("cpuUsagePercent", "percent"): ("cpu.utilization", 0.01, 1e-5),
    ("memoryUsagePercent", "percent"): ("memory.utilization", 0.01, 1e-5),
    ("diskReadMbPerSecond", "MbPerSecond"): ("disk.read", 1e6, 1.0),
    ("diskWriteMbPerSecond", "MbPerSecond"): ("disk.write", 1e6, 1.0),
    ("networkInboundKbPerSecond", "KbPerSecond"): ("network.receive", 1e3, 1.0),
    ("networkOutboundKbPerSecond", "KbPerSecond"): ("network.transmit", 1e3, 1.0),
}
CONVERSIONS: Conversions = {**NORTHFLANK, **HOSTUP}
