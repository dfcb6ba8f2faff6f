"""What the document says of HostUp's front.

Source: https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

from functions.query_api.hostup.metrics import FIELDS, SUMMARY
from functions.query_api.hostup.query import ALIASES, TIMEFRAMES
from local.openapi.operations import NOT_FOUND, Operation, Parameter, Shape
from local.openapi.schemas import (
    Json,
    instant,
    nullable,
    number,
    one_of,
    payload,
    record,
    reference,
    several,
    text,
    truth,
    whole,
)

_ID = "vps_01hxa3b4c5d6e7f8g9h0j1k2m3"
_NAMES = [one.name for one in TIMEFRAMES]
_TIME = "RFC 3339, Unix seconds, `now`, or so long ago (`-6h`)"

SCHEMAS: dict[str, Json] = {
    "HostupVps": payload(
        {
            "id": text(example=_ID),
            "name": text(),
            "primaryIp": {"type": ["string", "null"]},
            "powerState": {"type": ["string", "null"]},
        },
        ["id", "name"],
        "A VPS, as HostUp's list answered it.",
    ),
    "HostupVpses": record(
        {
            "data": several(reference("HostupVps")),
            "hasMore": truth(),
            "nextCursor": nullable(text("Where the next page begins; null after the last.")),
        }
    ),
    "HostupMetrics": record(
        {
            "id": text(example=_ID),
            "timeframe": one_of(_NAMES, "Canonical; not there where `start` or `end` was sent."),
            "samples": several(
                record(
                    {
                        "recordedAt": instant(example="2026-04-27T12:00:00.000Z"),
                        **{field: number() for field in FIELDS},
                    }
                )
            ),
            "summary": record(
                {one.name: {"type": ["number", "null"]} for one in SUMMARY},
                "Over the samples of the answer; null where there are none.",
            ),
        },
        optional=["timeframe"],
    ),
    "HostupProblem": record(
        {
            "type": text(example="https://developer.hostup.se/errors/invalid_request"),
            "title": text(),
            "status": whole(minimum=400, maximum=599),
            "detail": text("What is wrong, and what to send instead."),
            "code": text("Stable: decide by it.", "invalid_request"),
            "instance": text("The path."),
            "requestId": text(example="req_01hxa3b4c5d6e7f8g9h0j1k2m3"),
            "timestamp": instant(example="2026-04-27T12:34:56.000Z"),
            "errors": several(
                record({"pointer": text(), "detail": text(), "code": text()}),
                "Of a 400: one for each parameter that is wrong.",
            ),
        },
        "A problem document (RFC 7807).",
        optional=["errors"],
    ),
}


def _problem(status: int, code: str, title: str, detail: str) -> Json:
    return {
        "type": f"https://developer.hostup.se/errors/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": "/api/v2/vps",
        "requestId": "req_JKJaXmPLvHcESHA",
        "timestamp": "2026-11-22T10:15:00.000Z",
    }


_LIMIT = "'101' is out of range: send a number from 1 to 100."
SHAPE = Shape(
    "HostUp",
    "HostupProblem",
    "application/problem+json",
    {
        400: _problem(400, "invalid_request", "Invalid request", _LIMIT)
        | {"errors": [{"pointer": "/query/limit", "detail": _LIMIT, "code": "invalid_request"}]},
        401: _problem(401, "unauthorized", "Unauthorized", "Authentication is required. …"),
        403: _problem(
            403, "forbidden", "Forbidden", "The caller lacks a required scope or does not own … …"
        ),
        404: _problem(404, "not_found", "Not found", "The requested resource could not be found."),
        429: _problem(
            429,
            "rate_limit_exceeded",
            "Too many requests",
            "Too many requests. Retry after the limit resets. …",
        ),
        500: _problem(
            500, "internal_error", "Internal server error", "An unexpected error occurred. …"
        ),
    },
    {
        "X-RateLimit-Limit": "Requests an hour that the token may send.",
        "X-RateLimit-Remaining": "0.",
        "X-RateLimit-Reset": "When requests are answered again, RFC 3339.",
    },
    {},
)

_VPS_ID = Parameter("id", text(), "Public VPS ID: `data[].id` of the list.", _ID, path=True)
_VPS = {"id": _ID, "name": "web-1", "primaryIp": "203.0.113.11", "powerState": "running"}
_VALUES = dict(zip(FIELDS, (12.5, 42.5, 1.05, 0.52, 2048, 4096), strict=True))

OPERATIONS: dict[str, Operation] = {
    "/api/v2/vps": Operation(
        "listVpses",
        "The VPSes, page by page, by ID.",
        (
            Parameter("limit", whole(minimum=1, maximum=100, default=20), "VPSes on a page.", 20),
            Parameter("cursor", text(minLength=1), "`nextCursor` of the page before."),
            Parameter(
                "primaryIp", text(minLength=1), "Only the one of this address.", "203.0.113.11"
            ),
            Parameter(
                "name", text(minLength=1), "Only those of this name, whatever its case.", "web-1"
            ),
            Parameter(
                "include",
                several(one_of(("pendingMaintenance",))),
                "Taken and without effect: the VPSes are as they were listed.",
                ["pendingMaintenance"],
            ),
        ),
        reference("HostupVpses"),
        {"data": [_VPS], "hasMore": False, "nextCursor": None},
    ),
    "/api/v2/vps/{id}": Operation(
        "getVps", "One VPS.", (_VPS_ID,), reference("HostupVps"), _VPS, errors=(NOT_FOUND,)
    ),
    "/api/v2/vps/{id}/metrics": Operation(
        "getVpsMetrics",
        "Metrics of a VPS, in the units they came in.",
        (
            _VPS_ID,
            Parameter(
                "timeframe",
                one_of([*_NAMES, *ALIASES], default="hour"),
                "The window, which ends now. Hours and days come as they were sampled, weeks and "
                "months in half-hours, years in quarters of a day.",
                "day",
            ),
            Parameter(
                "start",
                text(),
                f"Not HostUp's: first instant, in place of `timeframe`: {_TIME}.",
                "-2h",
            ),
            Parameter(
                "end", text(), f"Not HostUp's: first instant no longer asked for: {_TIME}.", "-1h"
            ),
            Parameter(
                "step",
                text(pattern="^[0-9]{1,12}[smhdw]?$"),
                "Not HostUp's: seconds (`60`) or a length (`5m`) of which there are averages.",
                "5m",
            ),
        ),
        reference("HostupMetrics"),
        {
            "id": _ID,
            "timeframe": "hour",
            "samples": [{"recordedAt": "2026-04-27T12:00:00.000Z", **_VALUES}],
            "summary": {
                "avgDiskReadMbPerSecond": 1.05,
                "avgDiskWriteMbPerSecond": 0.52,
                "peakDiskReadMbPerSecond": 1.05,
                "peakDiskWriteMbPerSecond": 0.52,
                "totalDiskReadGb": 0.063,
                "totalDiskWriteGb": 0.0312,
                "totalNetworkInboundGb": 0.12288,
                "totalNetworkOutboundGb": 0.24576,
                "avgNetworkInboundKbPerSecond": 2048,
                "avgNetworkOutboundKbPerSecond": 4096,
                "peakNetworkInboundKbPerSecond": 2048,
                "peakNetworkOutboundKbPerSecond": 4096,
            },
        },
        errors=(NOT_FOUND,),
    ),
}
