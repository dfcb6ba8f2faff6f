"""HostUp's metrics answers in Tributary's model: fields, factors, and what each sample stands for.

Source: https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import isfinite
from typing import NamedTuple, Self

from tributary.columns import Column, ColumnKey, Origin, column, merge
from tributary.errors import MalformedAnswerError, SettingsError
from tributary.metrics import metric_named
from tributary.provider import Json, Normalised
from tributary.windows import MINUTE_MS, SECOND_MS, parse_rfc3339

# Field of a sample → the model's metric, and the unit that the field's name ends in.
METRICS: Mapping[str, tuple[str, str]] = {
    "cpuUsagePercent": ("cpu.utilization", "Percent"),
    "memoryUsagePercent": ("memory.utilization", "Percent"),
    "diskReadMbPerSecond": ("disk.read", "MbPerSecond"),
    "diskWriteMbPerSecond": ("disk.write", "MbPerSecond"),
    "networkInboundKbPerSecond": ("network.receive", "KbPerSecond"),
    "networkOutboundKbPerSecond": ("network.transmit", "KbPerSecond"),
}

# Total of a summary, in Gb → the field whose samples should add up to it.
TOTALS: Mapping[str, str] = {
    "totalDiskReadGb": "diskReadMbPerSecond",
    "totalDiskWriteGb": "diskWriteMbPerSecond",
    "totalNetworkInboundGb": "networkInboundKbPerSecond",
    "totalNetworkOutboundGb": "networkOutboundKbPerSecond",
}

# What a sample stands for where no spacing tells, as of a single one.
DEFAULT_RESOLUTION_MS = MINUTE_MS
# A VPS is one instance.
INSTANCE = "-"

_TIME = "recordedAt"
_TOLERANCE = 0.05
# The documentation's totals have two decimals, so they may be off by half of the last one.
_ROUNDING_GB = 0.005
# Gaps are alike within this share of the first of them: samples are some milliseconds off their grid.
_ALIKE = 0.2
# So many gaps alike in succession are a step of the samples; fewer are samples that are missing.
_STEP_GAPS = 3


@dataclass(frozen=True, slots=True)
class UnitFactors:
    """How many bytes a Kb, Mb and Gb are, which HostUp doesn't document."""

    kb_bytes: float = 1000.0
    mb_bytes: float = 1_000_000.0
    gb_bytes: float = 1_000_000_000.0

    @classmethod
    def from_env(cls) -> Self:
        """HOSTUP_KB_BYTES, HOSTUP_MB_BYTES and HOSTUP_GB_BYTES; SettingsError if no number."""
        return cls(
            _positive("HOSTUP_KB_BYTES", cls().kb_bytes),
            _positive("HOSTUP_MB_BYTES", cls().mb_bytes),
            _positive("HOSTUP_GB_BYTES", cls().gb_bytes),
        )

    def ratios(self) -> Mapping[str, tuple[float, float]]:
        """By provider unit, what to multiply and then divide by to come to the model's unit."""
        return {
            "Percent": (1.0, 100.0),
            "KbPerSecond": (self.kb_bytes, 1.0),
            "MbPerSecond": (self.mb_bytes, 1.0),
        }


def normalise(answer: Json, vps: str, units: UnitFactors, seen_ms: int) -> Normalised:
    """The samples of a reply about one VPS, each with the resolution that the spacing tells.

    A sample or field that can't be read costs a warning and nothing else. An answer that is no
    object, has samples that are no list, or is about another VPS raises MalformedAnswerError.
    """
    samples = _samples_of(answer, vps)
    rows, unreadable = _rows(samples)
    warnings = []
    if unreadable:
        warnings.append(f"{unreadable} samples left out: no object with a readable {_TIME}")
    resolutions = resolutions_ms(sorted({row.time_ms for row in rows}))
    if len(resolutions) == 1:
        warnings.append(f"one sample alone: the default, {MINUTE_MS // SECOND_MS} s, is taken")
    fields = _Fields(rows, resolutions, units, seen_ms)
    columns = tuple(fields.column(name) for name in fields.names())
    summary = answer.get("summary") if isinstance(answer, dict) else None
    warnings += fields.unreadable()
    warnings += _mismatches(summary, columns, units)
    unknown = tuple(
        (origin.metric, origin.unit)
        for origin in (column.key.origin for column in columns)
        if origin.metric not in METRICS
    )
    instances: Mapping[str, Mapping[str, str]] = {INSTANCE: {}} if columns else {}
    return Normalised(columns, instances, unknown, tuple(warnings))
