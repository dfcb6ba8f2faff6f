"""Parameters of HostUp's endpoints, and how much time each timeframe is about.

Sources: https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md and
https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from functions.query_api.cursors import position_behind
from functions.query_api.given import Given, filled, shown, whole
from functions.query_api.times import instant, length
from tributary.windows import DAY_MS, HOUR_MS, Window


class Timeframe(NamedTuple):
    """A window that ends now, and the seconds of its steps; None for samples as they came."""

    name: str
    length_ms: int
    step_s: int | None


# The steps are those of Proxmox VE 9, which answers behind HostUp; its days are minutes as well.
# https://github.com/proxmox/pve-cluster/blob/master/src/PVE/RRD.pm
TIMEFRAMES = (
    Timeframe("hour", HOUR_MS, None),
    Timeframe("day", DAY_MS, None),
    Timeframe("week", 7 * DAY_MS, 1800),
    Timeframe("month", 30 * DAY_MS, 1800),
    Timeframe("year", 365 * DAY_MS, 21_600),
)
ALIASES = {"1h": "hour", "24h": "day", "1d": "day", "7d": "week", "30d": "month", "1y": "year"}
METRICS_PARAMETERS = {"timeframe": False, "start": False, "end": False, "step": False}
LIST_PARAMETERS = {
    "limit": False,
    "cursor": False,
    "primaryIp": False,
    "name": False,
    "include": True,
}
# The default of this list is not documented; its siblings' is.
_DEFAULT, _MOST = 20, 100
_INCLUDES = "pendingMaintenance"


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """What is asked of a VPS; `timeframe` by HostUp's name, None where a range was sent instead."""

    timeframe: str | None
    window: Window
    step_s: int | None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which VPSes are asked for, and the id to go on behind; empty to begin with."""

    limit: int
    after: str
    primary_ip: str | None
    name: str | None

    @property
    def filters(self) -> bool:
        """Whether not all are asked for."""
        return self.primary_ip is not None or self.name is not None

    @property
    def about(self) -> str:
        """What cursors of this list are good for."""
        return f"vps {self.primary_ip!r} {self.name!r}"

    def fits(self, payload: Mapping[str, Any]) -> bool:
        """Whether a VPS has the address, and the name whatever its case."""
        name = str(payload.get("name", "")).casefold()
        return self.primary_ip in (None, payload.get("primaryIp")) and (
            self.name is None or name == self.name.casefold()
        )


def parse_metrics_query(raw: str, now_ms: int) -> MetricsQuery:
    """The query in a raw query string; BadRequestError with all faults.

    `start`, `end` and `step` are not HostUp's: it has none, and no history to ask for with them.
    """
    given = Given(raw, METRICS_PARAMETERS)
    timeframe = given.one("timeframe", _timeframe, TIMEFRAMES[0])
    step_s = given.one("step", length, None)
    ranged = given.has("start") or given.has("end")
    if ranged:
        if given.has("timeframe"):
            given.fault("timeframe", "A timeframe ends now: send timeframe, or start and end.")
        window = _range(given, now_ms)
    else:
        window = Window(now_ms - timeframe.length_ms + 1, now_ms + 1)
    given.check()
    if ranged:
        return MetricsQuery(None, window, step_s)
    return MetricsQuery(timeframe.name, window, step_s or timeframe.step_s)


def parse_list_query(raw: str) -> ListQuery:
    """The query in a raw query string; BadRequestError with all faults.

    What may be included is in the VPSes as they are kept, or is not.
    """
    given = Given(raw, LIST_PARAMETERS)
    given.each("include", _include)
    first = ListQuery(
        given.one("limit", whole(1, _MOST), _DEFAULT),
        "",
        given.one("primaryIp", filled, None),
        given.one("name", filled, None),
    )
    query = replace(first, after=given.one("cursor", position_behind(first.about), ""))
    given.check()
    return query


def _range(given: Given, now_ms: int) -> Window:
    def time(text: str) -> int:
        return instant(text, now_ms)

    end_ms = given.one("end", time, now_ms)
    start_ms = given.one("start", time, end_ms - HOUR_MS)
    if start_ms >= end_ms and not given.faulty("start", "end"):
        given.fault("start", "The range is empty: send a start before the end.")
    return Window(start_ms, end_ms)


def _timeframe(text: str) -> Timeframe:
    for one in TIMEFRAMES:
        if one.name == ALIASES.get(text, text):
            return one
    names = ", ".join([one.name for one in TIMEFRAMES] + list(ALIASES))
    raise ValueError(f"{shown(text)} is no timeframe: send one of {names}.")


def _include(text: str) -> str:
    if text != _INCLUDES:
        raise ValueError(f"{shown(text)} is nothing to include: send {_INCLUDES}, or leave it out.")
    return text
