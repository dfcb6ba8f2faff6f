"""The parameters of Northflank's metrics endpoints, their defaults and what they exclude.

https://northflank.com/docs/v1/api/project/services/get-service-metrics
"""

from dataclasses import dataclass
from typing import Self

from werkzeug.datastructures import MultiDict

from local.providers.answer import Refused
from local.providers.northflank_fleet import Container
from local.providers.times import parsed, written

METRIC_TYPES = (
    "cpu",
    "memory",
    "networkIngress",
    "networkEgress",
    "tcpConnectionsOpen",
    "diskUsage",
    "requests",
    "http4xxResponses",
    "http5xxResponses",
    "bandwidth",
    "bandwidthVolume",
)
# "past 20 minutes": https://northflank.com/docs/v1/api/retrieve-metrics
DEFAULT_DURATION_SECONDS = 1200
# How old the one value of a `single` query may be is not documented.
LOOKBACK_SECONDS = 60

# The ids of errors are not documented.
INVALID = "validation-error"

type Args = MultiDict[str, str]


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """A checked request: what is asked in [start, end), in milliseconds."""

    metric_types: tuple[str, ...]
    start: int
    end: int
    newest_only: bool
    container_name: str | None
    deployment_id: str | None

    @classmethod
    def parse(cls, args: Args, now: int) -> Self:
        """Reads a query string at a time (ms).

        Without `queryType` it is a range, as the documented 20 minutes imply. Whether a range
        holds its edges is not documented: here it holds `startTime` and not `endTime`.
        Refused with 400 on unknown names, bad times and parameters that exclude one another.
        """
        query_type = args.get("queryType", "range")
        if query_type not in ("range", "single"):
            raise _bad("queryType", f"must be range or single, not {query_type!r}")
        newest_only = query_type == "single"
        start, end = _lookback(args, now) if newest_only else _range(args, now)
        return cls(
            _metric_types(args),
            start,
            end,
            newest_only,
            args.get("containerName"),
            args.get("deploymentId"),
        )

    @classmethod
    def everything(cls, start: int, end: int) -> Self:
        """All metrics of all containers in [start, end)."""
        return cls(METRIC_TYPES, start, end, False, "all", None)

    def selects(self, container: Container, now: int) -> bool:
        """Whether the container is asked for: by default those active now (ms), whatever they
        were in the range; or by name or deployment.

        The client's types also allow the container name `all`.
        """
        if self.deployment_id not in (None, container.deployment):
            return False
        if self.container_name is None:
            return container.is_active_at(now / 1000) or self.deployment_id is not None
        return self.container_name in ("all", container.name)

    @property
    def selects_totals(self) -> bool:
        """Whether totals over the whole service are asked for: they belong to no one container."""
        return self.container_name in (None, "all")


def _range(args: Args, now: int) -> tuple[int, int]:
    _refuse(args, ("time", "timestamp"), "is only valid for queryType single")
    if {"startTime", "endTime", "duration"} <= args.keys():
        raise _bad("duration", "can only be set with one of startTime or endTime")
    start, end = _time(args, "startTime"), _time(args, "endTime")
    duration_ms = _duration(args) * 1000
    if start is None:
        end = now if end is None else end
        return end - duration_ms, end
    if end is None:
        end = start + duration_ms if "duration" in args else now
    if start >= end:
        raise _bad("startTime", f"must be before {written(end)}, where the range ends")
    return start, end


def _lookback(args: Args, now: int) -> tuple[int, int]:
    _refuse(args, ("startTime", "endTime", "duration"), "is only valid for queryType range")
    # `time` is documented; `timestamp` is what the vendor's own client sends
    name = "time" if "time" in args else "timestamp"
    at = _time(args, name)
    at = now if at is None else at
    return at + 1 - LOOKBACK_SECONDS * 1000, at + 1


def _refuse(args: Args, names: tuple[str, ...], why: str) -> None:
    for name in names:
        if name in args:
            raise _bad(name, why)


def _metric_types(args: Args) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(args.getlist("metricTypes"))) or ("cpu",)
    for name in asked:
        if name not in METRIC_TYPES:
            raise _bad("metricTypes", f"must be one of {', '.join(METRIC_TYPES)}, not {name!r}")
    return asked


def _duration(args: Args) -> int:
    text = args.get("duration", str(DEFAULT_DURATION_SECONDS))
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**9):
        raise _bad("duration", f"must be a number of seconds, not {text!r}")
    return int(text)


def _time(args: Args, name: str) -> int | None:
    text = args.get(name)
    if text is None:
        return None
    try:
        return parsed(text)
    except ValueError as error:
        raise _bad(name, f"must be like 2025-07-01T12:00:00.000Z, not {text!r}") from error


def _bad(parameter: str, what: str) -> Refused:
    return Refused(400, INVALID, f"{parameter} {what}.", parameter)
