"""Times as both providers write them: RFC 3339 in UTC with milliseconds and Z."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def written(ts: int) -> str:
    """A time in milliseconds as `2026-04-27T12:00:00.000Z`."""
    instant = EPOCH + timedelta(milliseconds=ts)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(text: str) -> int:
    """The milliseconds of an RFC 3339 time; ValueError if it is none or has no zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return (instant - EPOCH) // MILLISECOND
