"""Parameters of Northflank's metrics endpoints: what they exclude, and what they default to.

Sources: https://northflank.com/docs/v1/api/services/get-service-metrics and
https://northflank.com/docs/v1/api/retrieve-metrics
"""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.query_api.given import Given, filled, shown, whole
from functions.query_api.northflank.places import Kind
from functions.query_api.times import rfc3339_instant
from tributary.windows import MINUTE_MS, SECOND_MS, Window

METRIC_TYPES = (
    "cpu", "memory", "networkIngress", "networkEgress", "tcpConnectionsOpen", "diskUsage",
    "requests", "http4xxResponses", "http5xxResponses", "bandwidth", "bandwidthVolume",
)  # fmt: skip
# "All active containers, past 20 minutes."
DEFAULT_SECONDS = 1200
# How old the one value of a `single` query may be is not documented.
LOOKBACK_MS = 5 * MINUTE_MS
# Ten years: what is asked for is looked for as far as there is anything.
_MOST_SECONDS = 10 * 366 * 86_400
_RANGE = ("startTime", "endTime", "duration")
# `time` is documented; `timestamp` is what Northflank's own client sends.
_INSTANT = ("time", "timestamp")
PARAMETERS = {
    "queryType": False,
    "metricTypes": True,
    **dict.fromkeys(_RANGE, False),
    "containerName": False,
    **dict.fromkeys(_INSTANT, False),
}
_OF_KINDS = {"service": ("deploymentId",), "addon": (), "job": ("runId",)}


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """What is asked of a workload: metrics in a window, or where `single` the newest before its
    end; of one container, one deployment, or where neither is named of those that are active."""

    metric_types: tuple[str, ...]
    window: Window
    single: bool
    container: str | None
    deployment: str | None


def parse_metrics_query(raw: str, kind: Kind, now_ms: int) -> MetricsQuery:
    """The query in a raw query string; BadRequestError with all faults."""
    given = Given(raw, PARAMETERS | dict.fromkeys(_OF_KINDS[kind.name], False))
    if given.has("runId"):
        given.fault("runId", "Runs of a job are not told apart here: send containerName instead.")
    # Without `queryType` what else is sent tells; the documented defaults are those of a range.
    default = "single" if any(map(given.has, _INSTANT)) else "range"
    single = given.one("queryType", _query_type, default) == "single"
    window = _before(given, now_ms) if single else _range(given, now_ms)
    types = given.each("metricTypes", _metric_type)
    query = MetricsQuery(
        tuple(dict.fromkeys(types)) or METRIC_TYPES[:1],
        window,
        single,
        given.one("containerName", filled, None),
        given.one("deploymentId", filled, None),
    )
    given.check()
    return query


def _range(given: Given, now_ms: int) -> Window:
    _refuse(given, _INSTANT, "single")
    if all(map(given.has, _RANGE)):
        given.fault("duration", "With a duration send startTime or endTime, not both.")
    start_ms = given.one("startTime", rfc3339_instant, None)
    end_ms = given.one("endTime", rfc3339_instant, None)
    length_ms = given.one("duration", whole(1, _MOST_SECONDS), DEFAULT_SECONDS) * SECOND_MS
    if start_ms is None:
        end_ms = now_ms if end_ms is None else end_ms
        return Window(max(0, end_ms - length_ms), end_ms)
    if end_ms is None:
        end_ms = start_ms + length_ms if given.has("duration") else now_ms
    if start_ms >= end_ms and not given.faulty(*_RANGE):
        given.fault("startTime", "The range is empty: send a startTime before its end.")
    return Window(start_ms, end_ms)


def _before(given: Given, now_ms: int) -> Window:
    _refuse(given, _RANGE, "range")
    if all(map(given.has, _INSTANT)):
        given.fault("timestamp", "time and timestamp are the same: send one of them.")
    at_ms = given.one("time", rfc3339_instant, given.one("timestamp", rfc3339_instant, now_ms))
    return Window(max(0, at_ms - LOOKBACK_MS + 1), at_ms + 1)


def _refuse(given: Given, names: Iterable[str], query_type: str) -> None:
    for name in names:
        if given.has(name):
            given.fault(name, f"{name} is for queryType={query_type}: send that, or leave it out.")


def _query_type(text: str) -> str:
    if text not in ("range", "single"):
        raise ValueError(f"{shown(text)} is no queryType: send range or single.")
    return text


def _metric_type(text: str) -> str:
    if text not in METRIC_TYPES:
        raise ValueError(f"{shown(text)} is no metric type: send {', '.join(METRIC_TYPES)}.")
    return text
