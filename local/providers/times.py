"""Times as both providers write them: RFC 3339 in UTC with milliseconds and Z."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MINUTE_MS = 60_000


def written(ts: int) -> str:
    """A time in milliseconds as `2026-04-27T12:00:00.000Z`."""
    minute, into = divmod(ts, MINUTE_MS)
    return f"{_minute(minute)}:{into // 1000:02}.{into % 1000:03}Z"


def parsed(text: str) -> int:
    """The milliseconds of an RFC 3339 time; ValueError if it is none or has no zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return (instant - EPOCH) // MILLISECOND


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    # a simulated week writes millions of times, many of them in the same minutes
    instant = EPOCH + timedelta(minutes=minute)
    return instant.replace(tzinfo=None).isoformat(timespec="minutes")
