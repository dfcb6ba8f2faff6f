"""Windows: half-open spans of time aligned to the clock, and the tier a sample is kept in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
FIVE_MINUTES_MS = 5 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
# 1970-01-05T00:00Z: weeks begin on Mondays.
_FIRST_MONDAY_MS = 4 * DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Tier(Enum):
    """How long a chunk's window is; the value is the first letter of its sort key."""

    RAW = "r"
    HOUR = "h"
    DAY = "d"
    MONTH = "m"


class RollupTier(Enum):
    """How long a rollup point is; the value is the first letter of its item's sort key."""

    FIVE_MINUTES = "5"
    HOUR = "H"
    DAY = "D"

    @property
    def point_ms(self) -> int:
        """The time that one point is about."""
        return _POINT_LENGTHS[self]


type AnyTier = Tier | RollupTier

_POINT_LENGTHS = {
    RollupTier.FIVE_MINUTES: FIVE_MINUTES_MS,
    RollupTier.HOUR: HOUR_MS,
    RollupTier.DAY: DAY_MS,
}

# Resolutions up to the bound are kept in chunks of the tier; anything coarser in months.
_TIER_BOUNDS = (
    (30 * SECOND_MS, Tier.RAW),
    (FIVE_MINUTES_MS, Tier.HOUR),
    (HOUR_MS, Tier.DAY),
)
_WINDOW_LENGTHS: dict[AnyTier, int] = {
    Tier.RAW: FIVE_MINUTES_MS,
    Tier.HOUR: HOUR_MS,
    Tier.DAY: DAY_MS,
    RollupTier.FIVE_MINUTES: HOUR_MS,
}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """[start, end) in milliseconds since the epoch."""

    start_ms: int
    end_ms: int

    def __contains__(self, time_ms: int) -> bool:
        return self.start_ms <= time_ms < self.end_ms

    def common(self, other: "Window") -> "Window":
        """What both hold; no time at all, so [t, t), where that is nothing."""
        start_ms = max(self.start_ms, other.start_ms)
        return Window(start_ms, max(start_ms, min(self.end_ms, other.end_ms)))

    @property
    def length_ms(self) -> int:
        """From start to end."""
        return self.end_ms - self.start_ms


def tier_for(resolution_ms: int) -> Tier:
    """The tier whose chunks hold samples of this resolution."""
    for bound_ms, tier in _TIER_BOUNDS:
        if resolution_ms <= bound_ms:
            return tier
    return Tier.MONTH


def window_holding(tier: AnyTier, time_ms: int) -> Window:
    """The tier's aligned window, what one item is about, that holds the instant."""
    if tier in (Tier.MONTH, RollupTier.DAY):
        return _month_holding(time_ms)
    if tier is RollupTier.HOUR:
        start_ms = floor_to(WEEK_MS, time_ms - _FIRST_MONDAY_MS) + _FIRST_MONDAY_MS
        return Window(start_ms, start_ms + WEEK_MS)
    length_ms = _WINDOW_LENGTHS[tier]
    start_ms = time_ms - time_ms % length_ms
    return Window(start_ms, start_ms + length_ms)


def windows_over(tier: AnyTier, start_ms: int, end_ms: int) -> Iterator[Window]:
    """The tier's windows that overlap [start, end), in order."""
    while start_ms < end_ms:
        window = window_holding(tier, start_ms)
        yield window
        start_ms = window.end_ms


def floor_to(length_ms: int, time_ms: int) -> int:
    """The last multiple of `length_ms` since the epoch that is not after the instant."""
    return time_ms - time_ms % length_ms


def ceil_to(length_ms: int, time_ms: int) -> int:
    """The first multiple of `length_ms` since the epoch that is not before the instant."""
    return -floor_to(length_ms, -time_ms)


def without(windows: Iterable[Window], holes: Iterable[Window]) -> list[Window]:
    """What the windows hold outside of the holes, in pieces."""
    left = list(windows)
    for hole in holes:
        left = [
            piece
            for one in left
            for piece in (
                Window(one.start_ms, min(one.end_ms, hole.start_ms)),
                Window(max(one.start_ms, hole.end_ms), one.end_ms),
            )
            if piece.start_ms < piece.end_ms
        ]
    return left


def split_at(length_ms: int, window: Window) -> Iterator[Window]:
    """The window in pieces that end at multiples of `length_ms`, such as days at midnight UTC."""
    start_ms = window.start_ms
    while start_ms < window.end_ms:
        end_ms = min(window.end_ms, floor_to(length_ms, start_ms) + length_ms)
        yield Window(start_ms, end_ms)
        start_ms = end_ms


def key_time(time_ms: int) -> str:
    """An instant as it stands in sort keys, to the minute: `2026-11-22T10:05Z`."""
    return _utc(time_ms).strftime("%Y-%m-%dT%H:%MZ")


def rfc3339(time_ms: int) -> str:
    """An instant as the API writes it, with milliseconds only where there are any."""
    spec = "milliseconds" if time_ms % SECOND_MS else "seconds"
    return _utc(time_ms).isoformat(timespec=spec).replace("+00:00", "Z")


def rfc3339_exact(time_ms: int) -> str:
    """The same with milliseconds always."""
    return _utc(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_or_none(time_ms: int | None) -> str | None:
    """The same where there is an instant."""
    return None if time_ms is None else rfc3339(time_ms)


def parse_rfc3339(text: str) -> int:
    """An RFC 3339 time in milliseconds since the epoch, floored; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: add Z or an offset such as +01:00")
    return (moment - _EPOCH) // _MILLISECOND


def parse_all_rfc3339(texts: Iterable[str]) -> list[int]:
    """What `parse_rfc3339` makes of each, at half the price; ValueError or TypeError if one is
    none."""
    spans = [moment - _EPOCH for moment in map(datetime.fromisoformat, texts)]
    return [
        span.days * DAY_MS + span.seconds * SECOND_MS + span.microseconds // 1000 for span in spans
    ]


def _utc(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / SECOND_MS, UTC)


def _month_holding(time_ms: int) -> Window:
    first = _utc(time_ms).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Window(int(first.timestamp()) * SECOND_MS, int(following.timestamp()) * SECOND_MS)
