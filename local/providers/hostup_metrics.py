"""HostUp's answers to `GET /api/v2/vps/{id}/metrics`: a rolling window's averages, a summary."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local.providers.hostup_fleet import Vps
from local.providers.hostup_timeframes import Step, Timeframe
from local.providers.ledger import Ledger, ServedSample, ServedSeries
from local.providers.load import Signal
from local.providers.settling import Settling
from local.providers.timeline import Timeline
from local.providers.times import written

type Sample = dict[str, float]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a sample: its signal, the signal's units in one of the field's, its decimals."""

    name: str
    unit: str
    signal: Signal
    divisor: float
    digits: int


# What Kb and Mb are is not documented; here, as by Tributary's defaults, 10^3 and 10^6 bytes.
FIELDS = (
    Field("cpuUsagePercent", "percent", Signal.CPU, 1, 3),
    Field("memoryUsagePercent", "percent", Signal.MEMORY, 1, 3),
    Field("diskReadMbPerSecond", "MbPerSecond", Signal.DISK_READ, 1e6, 6),
    Field("diskWriteMbPerSecond", "MbPerSecond", Signal.DISK_WRITE, 1e6, 6),
    Field("networkInboundKbPerSecond", "KbPerSecond", Signal.NETWORK_RECEIVE, 1e3, 3),
    Field("networkOutboundKbPerSecond", "KbPerSecond", Signal.NETWORK_TRANSMIT, 1e3, 3),
)
# The fields that a summary covers: its spelling of them, and their units in a Gb.
SUMMARISED = (
    ("diskReadMbPerSecond", "DiskRead", "MbPerSecond", 1e3),
    ("diskWriteMbPerSecond", "DiskWrite", "MbPerSecond", 1e3),
    ("networkInboundKbPerSecond", "NetworkInbound", "KbPerSecond", 1e6),
    ("networkOutboundKbPerSecond", "NetworkOutbound", "KbPerSecond", 1e6),
)


@dataclass(frozen=True, slots=True)
class Metering:
    """What metrics are taken from, and how the newest of them settle."""

    timeline: Timeline
    settling: Settling

    def answer(
        self, vps: Vps, timeframe: Timeframe, now: float, served: Ledger | None = None
    ) -> dict[str, Any]:
        """`{"id", "timeframe", "samples", "summary"}` at a time (Unix seconds).

        Its samples are noted in the ledger, if one is given.
        """
        rows = list(self._rows(vps, timeframe.steps(now), now))
        if served is not None:
            for series, values in _series(vps, rows).items():
                served.record(series, values)
        return {
            "id": vps.id,
            "timeframe": timeframe.name,
            "samples": [{"recordedAt": written(row.ts), **row.sample} for row in rows],
            "summary": _summary(rows),
        }

    def samples(self, vps: Vps, steps: Iterable[Step], now: float) -> Iterator[ServedSample]:
        """What an answer with these steps at a time (Unix seconds) would hold."""
        for series, values in _series(vps, list(self._rows(vps, steps, now))).items():
            for ts, value in values.items():
                yield ServedSample(series, ts, value)

    def _rows(self, vps: Vps, steps: Iterable[Step], now: float) -> "Iterator[_Row]":
        """A sample of each step, timed by its start."""
        for start, step in steps:
            # a step is known that is known by half, as Proxmox's files have it (xff):
            # https://oss.oetiker.ch/rrdtool/doc/rrdcreate.en.html
            if 2 * vps.seconds_on(start, start + step) <= step:
                continue
            row = self._row(vps, start, step, now)
            if row is not None:
                yield row

    def _row(self, vps: Vps, start: int, step: int, now: float) -> "_Row | None":
        """None if it is late, or if nothing was measured, since all six fields are required."""
        host, times = vps.share.host, (start * 1000, (start + step) * 1000, int(now * 1000))
        if not self.settling.is_there(host, *times):
            return None
        sample = {}
        for field in FIELDS:
            average = self.timeline.average(vps.share, field.signal, start, step)
            if average is None:
                return None
            settled = self.settling.value(average, field.signal, host, *times)
            sample[field.name] = round(settled / field.divisor, field.digits)
        return _Row(start * 1000, step, sample)


@dataclass(frozen=True, slots=True)
class _Row:
    """A sample of all fields: its time (ms) and what it stands for."""

    ts: int
    step_seconds: int
    sample: Sample


def _series(vps: Vps, rows: Sequence[_Row]) -> dict[ServedSeries, dict[int, float]]:
    return {
        ServedSeries(vps.id, None, None, field.name, field.unit, step): {
            row.ts: row.sample[field.name] for row in rows if row.step_seconds == step
        }
        for step in sorted({row.step_seconds for row in rows})
        for field in FIELDS
    }


def _summary(rows: Sequence[_Row]) -> dict[str, float | None]:
    summary: dict[str, float | None] = {}
    for name, spelling, unit, units_per_gb in SUMMARISED:
        values = [row.sample[name] for row in rows]
        total = sum(row.sample[name] * row.step_seconds for row in rows)
        summary[f"avg{spelling}{unit}"] = round(sum(values) / len(values), 6) if rows else None
        summary[f"peak{spelling}{unit}"] = max(values, default=None)
        summary[f"total{spelling}Gb"] = round(total / units_per_gb, 6) if rows else None
    return summary
