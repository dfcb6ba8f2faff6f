"""Timeframe: one of HostUp's rolling windows, which end when they are asked for.

Source: https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

from dataclasses import dataclass

from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, Window

# The most that passes between planning a request and the answer, with what clocks differ by.
UNTIL_ASKED_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A window that goes back for `length_ms` in samples of at most `step_ms`."""

    name: str
    length_ms: int
    step_ms: int

    @property
    def reach_ms(self) -> int:
        """How much before now it speaks for: by the time that it is asked for, the oldest samples
        may have left it, and the first that is left may begin a step later."""
        return self.length_ms - UNTIL_ASKED_MS - self.step_ms

    def reached(self, now_ms: int) -> int:
        """From when on it speaks."""
        return now_ms - self.reach_ms


# How far apart samples are is not documented, and was changed more than once. These are the
# coarsest that Proxmox VE, which answers behind HostUp, has had; those of an hour, a minute apart,
# are within what is left for the asking.
# https://github.com/proxmox/pve-cluster/blob/master/src/PVE/RRD.pm
TIMEFRAMES = (
    Timeframe("hour", HOUR_MS, 0),
    Timeframe("day", DAY_MS, 30 * MINUTE_MS),
    Timeframe("week", 7 * DAY_MS, 3 * HOUR_MS),
    Timeframe("month", 30 * DAY_MS, 12 * HOUR_MS),
    Timeframe("year", 365 * DAY_MS, 7 * DAY_MS),
)
HOUR, YEAR = TIMEFRAMES[0], TIMEFRAMES[-1]


def newest_of(gap: Window, now_ms: int) -> tuple[Timeframe, Window]:
    """The smallest timeframe that reaches any of a gap, and the part of it that it speaks for.

    A year speaks for all before it as well, since nothing reaches further.
    """
    for timeframe in TIMEFRAMES[:-1]:
        if timeframe.reached(now_ms) < gap.end_ms:
            return timeframe, gap.common(Window(timeframe.reached(now_ms), gap.end_ms))
    return YEAR, gap


def before(before_ms: int, now_ms: int) -> tuple[Timeframe, Window] | None:
    """The smallest timeframe that reaches further back than an instant, and the time before it
    that it speaks for; None if none does by more than passes until it is asked for."""
    for timeframe in TIMEFRAMES:
        if timeframe.reached(now_ms) < before_ms - UNTIL_ASKED_MS:
            return timeframe, Window(timeframe.reached(now_ms), before_ms)
    return None
