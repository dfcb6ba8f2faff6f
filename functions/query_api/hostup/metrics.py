"""Metrics: a VPS's tracks as HostUp answers them, row by row, and their summary.

Source: https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from functions.query_api.engine import Engine
from functions.query_api.hostup.query import MetricsQuery
from functions.query_api.hostup.vpses import Vps
from functions.query_api.routing import Asked
from functions.query_api.tracks import Sample, Track, points, samples, step_needed
from tributary.registry import Entry
from tributary.windows import SECOND_MS, Window, rfc3339_exact

FIELDS = (
    "cpuUsagePercent",
    "memoryUsagePercent",
    "diskReadMbPerSecond",
    "diskWriteMbPerSecond",
    "networkInboundKbPerSecond",
    "networkOutboundKbPerSecond",
)
_DIGITS = 6


class _Row(NamedTuple):
    """All six values of one instant, and how long they stand for."""

    time_ms: int
    length_ms: int
    values: Mapping[str, int | float]


class _Summed(NamedTuple):
    """One figure of the summary: its name, what of, and how it is made."""

    name: str
    field: str
    fold: str


SUMMARY = (
    _Summed("avgDiskReadMbPerSecond", "diskReadMbPerSecond", "avg"),
    _Summed("avgDiskWriteMbPerSecond", "diskWriteMbPerSecond", "avg"),
    _Summed("peakDiskReadMbPerSecond", "diskReadMbPerSecond", "peak"),
    _Summed("peakDiskWriteMbPerSecond", "diskWriteMbPerSecond", "peak"),
    _Summed("totalDiskReadGb", "diskReadMbPerSecond", "total"),
    _Summed("totalDiskWriteGb", "diskWriteMbPerSecond", "total"),
    _Summed("totalNetworkInboundGb", "networkInboundKbPerSecond", "total"),
    _Summed("totalNetworkOutboundGb", "networkOutboundKbPerSecond", "total"),
    _Summed("avgNetworkInboundKbPerSecond", "networkInboundKbPerSecond", "avg"),
    _Summed("avgNetworkOutboundKbPerSecond", "networkOutboundKbPerSecond", "avg"),
    _Summed("peakNetworkInboundKbPerSecond", "networkInboundKbPerSecond", "peak"),
    _Summed("peakNetworkOutboundKbPerSecond", "networkOutboundKbPerSecond", "peak"),
)


def metrics_document(
    engine: Engine, vps: Vps, query: MetricsQuery, gb_bytes: float, asked: Asked
) -> dict[str, Any]:
    """`{"id", "timeframe", "samples", "summary"}`, each value in the unit it came in.

    A sample has all six values, as HostUp's schema says: an instant that lacks one is left out.
    """
    names = frozenset(FIELDS)
    step_s = query.step_s or step_needed(engine, vps.known, names, query.window, asked.now_ms)
    if step_s is None:
        rows = _rows(samples(engine, vps.known, names, query.window))
    else:
        found = points(engine, vps.known, names, query.window, step_s, asked)
        past = query.window.common(Window(0, asked.now_ms))
        rows = [_held(row, past) for row in _rows(found)]
    timeframe = {"timeframe": query.timeframe} if query.timeframe else {}
    return {
        "id": vps.id,
        **timeframe,
        "samples": [{"recordedAt": rfc3339_exact(row.time_ms), **row.values} for row in rows],
        "summary": _summary(rows, vps.known.entry, gb_bytes),
    }


def _held(row: _Row, past: Window) -> _Row:
    """A row of averages, which counts no longer than its step is within the range and past."""
    step = Window(row.time_ms, row.time_ms + row.length_ms)
    return row._replace(length_ms=max(1, past.common(step).length_ms))


def _rows(tracks: Iterable[Track]) -> list[_Row]:
    by_time: dict[int, dict[str, Sample]] = {}
    for track in tracks:
        for sample in track.samples:
            by_time.setdefault(sample.time_ms, {})[track.metric] = sample
    return [
        _Row(
            time_ms,
            found[FIELDS[0]].length_ms,
            {field: found[field].value for field in FIELDS},
        )
        for time_ms, found in sorted(by_time.items())
        if len(found) == len(FIELDS)
    ]


def _summary(rows: Sequence[_Row], entry: Entry, gb_bytes: float) -> dict[str, int | float | None]:
    """The twelve figures over the rows, in which each counts as long as it stands for; null where
    there are no rows."""
    if not rows:
        return {one.name: None for one in SUMMARY}
    factors = {origin.metric: origin.factor for origin in entry.origins.values()}
    return {one.name: _figure(one, rows, factors.get(one.field, 0.0) / gb_bytes) for one in SUMMARY}


def _figure(one: _Summed, rows: Sequence[_Row], gb_in_unit: float) -> int | float:
    if one.fold == "peak":
        return max(row.values[one.field] for row in rows)
    amount = sum(row.values[one.field] * row.length_ms for row in rows)
    if one.fold == "avg":
        found = amount / sum(row.length_ms for row in rows)
    else:
        found = amount / SECOND_MS * gb_in_unit
    rounded = round(found, _DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
