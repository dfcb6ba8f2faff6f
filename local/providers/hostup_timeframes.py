"""HostUp's timeframes: rolling windows of samples, each the average of a step.

Steps and counts are those of Proxmox VE, on which HostUp seems to run:
https://github.com/proxmox/pve-cluster/blob/7091d92e/src/PVE/RRD.pm
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.providers.answer import Refused

# Its start (Unix seconds) and its length.
type Step = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Older:
    """The steps of samples from before a time (Unix seconds), as after an upgrade of Proxmox,
    which answers from the old file for what the new one does not hold yet."""

    step_seconds: int
    until: int


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A rolling window: so many samples, each the average of a step."""

    name: str
    step_seconds: int
    samples: int
    older: Older | None = None

    def steps(self, now: float) -> Iterator[Step]:
        """Start and length of each step in the window that has ended by now, oldest first."""
        step = self.step_seconds
        end = int(now) // step * step
        start = end - self.samples * step
        if self.older is not None and start < self.older.until:
            length = self.older.step_seconds
            last = min(self.older.until, int(now)) // length * length
            for first in range(-(-start // length) * length, last, length):
                yield first, length
            start = max(start, -(-self.older.until // step) * step)
        for first in range(start, end, step):
            yield first, step


# What is answered by default: as PROXMOX_9, but for `day`, which is made of half-hours so that
# coarse samples really occur.
TIMEFRAMES = (
    Timeframe("hour", 60, 60),
    Timeframe("day", 1800, 48),
    Timeframe("week", 1800, 336),
    Timeframe("month", 6 * 3600, 121),
    Timeframe("year", 6 * 3600, 1140),
)
PROXMOX_9 = (
    Timeframe("hour", 60, 60),
    Timeframe("day", 60, 1440),
    Timeframe("week", 1800, 336),
    Timeframe("month", 6 * 3600, 121),
    Timeframe("year", 6 * 3600, 1140),
)
PROXMOX_8 = (
    Timeframe("hour", 60, 70),
    Timeframe("day", 1800, 70),
    Timeframe("week", 3 * 3600, 70),
    Timeframe("month", 12 * 3600, 70),
    Timeframe("year", 7 * 24 * 3600, 70),
)
ALIASES: Mapping[str, str] = {
    "1h": "hour",
    "24h": "day",
    "1d": "day",
    "7d": "week",
    "30d": "month",
    "1y": "year",
}


def upgraded(at: int) -> tuple[Timeframe, ...]:
    """PROXMOX_9 upgraded from PROXMOX_8 at a time (Unix seconds): replies around it mix steps."""
    return tuple(
        Timeframe(new.name, new.step_seconds, new.samples, Older(old.step_seconds, at))
        for new, old in zip(PROXMOX_9, PROXMOX_8, strict=True)
    )


def timeframe_named(text: str, timeframes: Sequence[Timeframe]) -> Timeframe:
    """The timeframe of that name or alias; Refused with 400 if there is none."""
    name = ALIASES.get(text, text)
    for timeframe in timeframes:
        if timeframe.name == name:
            return timeframe
    names = ", ".join(timeframe.name for timeframe in timeframes)
    detail = f"`timeframe` must be one of {names}, not {text!r}."
    raise Refused(400, "invalid_request", detail, "timeframe")
