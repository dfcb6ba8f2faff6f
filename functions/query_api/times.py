"""Times as queries write them: instants and lengths of time."""

import re

from functions.query_api.given import shown
from tributary.windows import SECOND_MS, parse_rfc3339

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
_UNITS_S = {"": 1, "s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "w": 7 * DAY_S}
_LENGTH = re.compile(r"([0-9]{1,12})([smhdw]?)")
_AGO = re.compile(r"-([0-9]{1,12})([smhdw])")
_UNIX = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+ -]\d\d:\d\d)", re.ASCII
)
_LAST_S = 253402300799  # 9999-12-31T23:59:59Z
_INSTANTS = "RFC 3339 (2026-11-22T10:00:00Z), Unix seconds (1795341600), now, or -6h"


def length(text: str) -> int:
    """Seconds in `60`, `60s`, `5m`, `2h`, `1d` or `1w`; ValueError if it is none of them."""
    found = _LENGTH.fullmatch(text)
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= _LAST_S:
        raise ValueError(f"{shown(text)} is no length of time: send 60, 60s, 5m, 2h or 1d.")
    return seconds


def length_text(seconds: int) -> str:
    """A length as a query would write it: `5m`."""
    for unit in ("d", "h", "m"):
        if seconds % _UNITS_S[unit] == 0:
            return f"{seconds // _UNITS_S[unit]}{unit}"
    return f"{seconds}s"


def instant(text: str, now_ms: int) -> int:
    """Milliseconds since the epoch, floored; ValueError says which ways there are to write one."""
    if text == "now":
        return now_ms
    if ago := _AGO.fullmatch(text):
        return _checked(text, now_ms - int(ago[1]) * _UNITS_S[ago[2]] * SECOND_MS)
    if _UNIX.fullmatch(text):
        whole, _, fraction = text.partition(".")
        return _checked(text, int(whole) * SECOND_MS + int(fraction.ljust(3, "0")[:3]))
    if _RFC3339.fullmatch(text):
        return rfc3339_instant(text)
    raise ValueError(f"{shown(text)} is no time: send {_INSTANTS}.")


def rfc3339_instant(text: str) -> int:
    """The same for RFC 3339 alone."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{shown(text)} is no time: send RFC 3339, like 2026-11-22T10:00:00Z.")
    # A plus sign that a client did not escape arrives as a space.
    return _checked(text, _parsed(text.replace(" ", "+")))


def is_relative(text: str) -> bool:
    """Whether the instant that the text names moves on with the clock."""
    return text == "now" or text.startswith("-")


def _parsed(text: str) -> int:
    try:
        return parse_rfc3339(text.upper())
    except (ValueError, OverflowError) as error:
        off = f"{shown(text)} is not on the calendar ({error})"
        raise ValueError(f"{off}: send {_INSTANTS}.") from error


def _checked(text: str, time_ms: int) -> int:
    if not 0 <= time_ms <= _LAST_S * SECOND_MS:
        raise ValueError(
            f"{shown(text)} is not between 1970 and 9999: send {_INSTANTS}; "
            "Unix times are in seconds."
        )
    return time_ms
