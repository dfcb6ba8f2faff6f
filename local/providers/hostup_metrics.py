"""HostUp's answers to `GET /api/v2/vps/{id}/metrics`: rolling windows of averages, and a summary.

Steps and counts are those of Proxmox VE 9, on which HostUp seems to run, but for `day`, which is
made of half-hours so that coarse samples really occur:
https://github.com/proxmox/pve-cluster/blob/7091d92e/src/PVE/RRD.pm
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.providers.answer import Refused
from local.providers.hostup_fleet import Vps
from local.providers.ledger import Ledger, ServedSeries
from local.providers.load import Signal
from local.providers.timeline import Timeline
from local.providers.times import written

type Sample = dict[str, float]


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A rolling window: so many samples, each the average of a step."""

    name: str
    step_seconds: int
    samples: int


TIMEFRAMES = (
    Timeframe("hour", 60, 60),
    Timeframe("day", 1800, 48),
    Timeframe("week", 1800, 336),
    Timeframe("month", 6 * 3600, 121),
    Timeframe("year", 6 * 3600, 1140),
)
ALIASES: Mapping[str, str] = {
    "1h": "hour",
    "24h": "day",
    "1d": "day",
    "7d": "week",
    "30d": "month",
    "1y": "year",
}


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


def timeframe_named(text: str) -> Timeframe:
    """The timeframe of that name or alias; Refused with 400 if there is none."""
    name = ALIASES.get(text, text)
    for timeframe in TIMEFRAMES:
        if timeframe.name == name:
            return timeframe
    names = ", ".join(timeframe.name for timeframe in TIMEFRAMES)
    detail = f"`timeframe` must be one of {names}, not {text!r}."
    raise Refused(400, "invalid_request", detail, "timeframe")


def metrics_answer(
    vps: Vps, timeframe: Timeframe, timeline: Timeline, started: int, now: float, served: Ledger
) -> dict[str, Any]:
    """`{"id", "timeframe", "samples", "summary"}` up to now, its samples noted in the ledger.

    `started` (the simulator's start) and `now` are Unix seconds.
    """
    stopped = vps.stopped_seconds_before_start
    end = int(now) if stopped is None else started - stopped
    samples = dict(_samples(vps, timeframe, timeline, now, end))
    for field in FIELDS if samples else ():
        series = ServedSeries(vps.id, None, None, field.name, field.unit, timeframe.step_seconds)
        served.record(series, {ts: sample[field.name] for ts, sample in samples.items()})
    return {
        "id": vps.id,
        "timeframe": timeframe.name,
        "samples": [{"recordedAt": written(ts), **sample} for ts, sample in samples.items()],
        "summary": _summary(list(samples.values()), timeframe.step_seconds),
    }


def _samples(
    vps: Vps, timeframe: Timeframe, timeline: Timeline, now: float, end: int
) -> Iterator[tuple[int, Sample]]:
    """Samples by time (ms), oldest first: whole steps that have ended, timed by their start."""
    step = timeframe.step_seconds
    window_end = int(now) // step * step
    for start in range(
        window_end - timeframe.samples * step, min(window_end, end - step + 1), step
    ):
        sample = {}
        for field in FIELDS:
            average = timeline.average(vps.share, field.signal, start, step)
            if average is not None:
                sample[field.name] = round(average / field.divisor, field.digits)
        # a step in which nothing was measured is left out, since all six fields are required
        if len(sample) == len(FIELDS):
            yield start * 1000, sample


def _summary(samples: Sequence[Sample], step_seconds: int) -> dict[str, float | None]:
    summary: dict[str, float | None] = {}
    for name, spelling, unit, units_per_gb in SUMMARISED:
        values = [sample[name] for sample in samples]
        total = sum(values)
        summary[f"avg{spelling}{unit}"] = round(total / len(values), 6) if values else None
        summary[f"peak{spelling}{unit}"] = max(values, default=None)
        summary[f"total{spelling}Gb"] = (
            round(total * step_seconds / units_per_gb, 6) if values else None
        )
    return summary
