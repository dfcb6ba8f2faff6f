"""What the document says of Tributary's own routes."""

from functions.query_api.coverage import REASONS
from functions.query_api.parameters import FORMATS, RESOURCES_AT_ONCE
from local.openapi.operations import RATE_HEADERS, Operation, Parameter, Shape
from local.openapi.schemas import (
    Json,
    instant,
    mapping,
    nullable,
    number,
    one_of,
    record,
    reference,
    several,
    text,
    truth,
    whole,
)
from tributary.metrics import CATALOGUE

_TIMES = (
    "RFC 3339 (`2026-11-22T10:00:00Z`), Unix seconds (`1795341600`), `now`, or so long ago "
    "(`-90s`, `-15m`, `-6h`, `-7d`, `-2w`)"
)
_LENGTH_PATTERN = "^[0-9]{1,12}[smhdw]?$"
_FOLDS = ("avg", "min", "max", "sum", "count")
_FILTER_PATTERN = "^[^:]+:.+$"


def _time(name: str, description: str, default: str) -> Parameter:
    schema = text(default=default)
    return Parameter(name, schema, f"{description}: {_TIMES}.", default)


_WHERE = Parameter(
    "where",
    several(text(pattern=_FILTER_PATTERN)),
    "`attribute:value`, `attribute:prefix*` or `attribute!:value`. Several of one attribute are "
    "OR, of different ones AND, negatives AND.",
    ["provider:hostup"],
)
_PAGES = (
    Parameter(
        "limit",
        whole(minimum=1, maximum=RESOURCES_AT_ONCE, default=100),
        "Resources on a page.",
        10,
    ),
    Parameter(
        "cursor", text(minLength=1), "`nextCursor` of the page before, with the same filters."
    ),
)

_ATTRIBUTES = mapping(text(), "Attributes of the resource or series.")
_NEXT = nullable(text("Where the next page begins; null after the last."))
_VALUE = {"type": ["number", "null"]}

SCHEMAS: dict[str, Json] = {
    "ProviderStatus": record(
        {
            "newestSample": nullable(instant("Time of the newest sample.")),
            "settledUntil": nullable(instant("Before it nothing changes any more.")),
            "resourcesMatched": whole("Resources that the answer draws from."),
            "resourcesFailing": whole("How many of them are failing."),
        },
        "How fresh a provider's part of an answer is.",
    ),
    "Series": record(
        {
            "metric": text("Name of the metric.", "cpu.utilization"),
            "unit": text("Unit, as UCUM writes it.", "1"),
            "attributes": _ATTRIBUTES,
            "values": several(_VALUE, "A value for each timestamp, null where there is none."),
            "approximate": truth("Made from a host's own averages, or of a resource as a whole."),
        },
        "One series, or several as one line.",
        optional=["approximate"],
    ),
    "QueryResult": record(
        {
            "start": instant("First step's start."),
            "end": instant("Last step's end."),
            "step": whole("Seconds of a step.", 300),
            "timestamps": several(whole(), "Each step's start, in Unix seconds."),
            "series": several(reference("Series")),
            "status": mapping(reference("ProviderStatus"), "By provider."),
            "warnings": several(text(), "A sentence for each thing that may be missing."),
        }
    ),
    "Resource": record(
        {
            "id": text("Identity, which stays.", "hostup/main/vps_01hxa3b4c5d6e7f8g9h0j1k2m3"),
            "attributes": _ATTRIBUTES,
            "metrics": several(text(), "Metrics that any instance has or had."),
            "instances": several(
                record(
                    {
                        "name": text(),
                        "attributes": _ATTRIBUTES,
                        "metrics": several(text()),
                        "firstSample": instant(),
                        "lastSample": nullable(instant("Null while it lives.")),
                    }
                )
            ),
            "newestSample": nullable(instant()),
            "watermark": nullable(instant("Everything before it has been collected.")),
            "history": record(
                {
                    "importedFrom": nullable(instant()),
                    "percent": whole(minimum=0, maximum=100),
                    "done": truth(),
                    "estimatedDone": nullable(instant()),
                },
                "How far importing what the host had before has come.",
            ),
            "seriesRefused": whole("Series of new instances that were left out."),
            "idle": truth("No samples are to be expected."),
            "gone": nullable(instant("Since when the host lists it no more.")),
            "failing": truth(),
            "failure": {
                **record({"kind": text(), "at": instant()}, "The last attempt, if it failed."),
                "type": ["object", "null"],
            },
        }
    ),
    "Resources": record(
        {
            "resources": several(reference("Resource")),
            "nextCursor": _NEXT,
            "total": whole("All that match."),
        }
    ),
    "Gap": record(
        {
            "start": instant(),
            "end": instant(),
            "state": one_of(("open", "repaired", "unrecoverable")),
            "resolution": {
                "type": ["number", "null"],
                "description": "Seconds that the samples stand for which are stored instead.",
            },
            "reason": text(f"{', '.join(REASONS)}, or the kind of a failure.", "not_asked"),
            "detail": text("The reason in a sentence."),
        },
        "A time of which not all of the host's finest samples are stored.",
    ),
    "Coverage": record(
        {
            "start": instant(),
            "end": instant(),
            "resources": several(
                record(
                    {
                        "id": text(),
                        "attributes": _ATTRIBUTES,
                        "since": nullable(instant()),
                        "until": nullable(instant()),
                        "settledUntil": nullable(instant()),
                        "gaps": several(reference("Gap")),
                    }
                )
            ),
            "nextCursor": _NEXT,
            "total": whole("All that match."),
            "totals": record(
                {state: number() for state in ("open", "repaired", "unrecoverable")},
                "Seconds by state, of all that match.",
            ),
        }
    ),
    "Metric": record(
        {
            "name": text(),
            "unit": text(),
            "kind": one_of(("gauge", "delta")),
            "scope": one_of(("instance", "resource")),
            "description": text(),
            "openTelemetry": nullable(text()),
            "prometheus": nullable(text()),
            "resources": whole("How many have it."),
        }
    ),
    "Metrics": record({"metrics": several(reference("Metric"))}),
    "Health": record({"status": one_of(("ok",))}),
    "Problem": record(
        {
            "type": text("A name for this kind of problem.", "urn:tributary:problem:bad_request"),
            "title": text(),
            "status": whole(minimum=400, maximum=599),
            "detail": text("What is wrong, and what to send instead."),
            "code": text("Stable: decide by it.", "bad_request"),
            "instance": text("The path."),
            "requestId": text("What the function's log has it under."),
            "timestamp": instant(),
            "errors": several(
                record({"pointer": text(example="/query/step"), "detail": text(), "code": text()}),
                "One for each parameter that is wrong.",
            ),
        },
        "A problem document (RFC 9457).",
    ),
}


def _problem(status: int, code: str, title: str, detail: str) -> Json:
    return {
        "type": f"urn:tributary:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": "/v1/query",
        "requestId": "JKJaXmPLvHcESHA=",
        "timestamp": "2026-11-22T10:15:00Z",
        "errors": [],
    }


_UNKNOWN = "There is no parameter 'stepp'. Did you mean step?"
SHAPE = Shape(
    "Tributary",
    "Problem",
    "application/problem+json",
    {
        400: _problem(400, "bad_request", "Bad request", _UNKNOWN)
        | {
            "errors": [{"pointer": "/query/stepp", "detail": _UNKNOWN, "code": "unknown_parameter"}]
        },
        401: _problem(401, "unauthorized", "Unauthorized", "The request has no bearer token. …"),
        403: _problem(403, "forbidden", "Forbidden", "The token lacks the scope read:metrics: …"),
        429: _problem(
            429, "too_many_requests", "Too many requests", "The token may send 50 requests in …"
        ),
    },
    RATE_HEADERS,
    {
        **RATE_HEADERS,
        "Tributary-Warnings": "The warnings, for formats that have no place for them.",
    },
)

_SERIES_EXAMPLE = {
    "metric": "cpu.utilization",
    "unit": "1",
    "attributes": {"provider": "hostup"},
    "values": [0.125, 0.131, None],
}
_QUERY = Operation(
    "query",
    "Values of metrics over time, merged over all providers.",
    (
        Parameter(
            "metric",
            several(text(minLength=1), minItems=1),
            "Names of metrics; `/v1/metrics` lists them.",
            ["cpu.utilization"],
            required=True,
        ),
        _time("start", "First instant", "-1h"),
        _time("end", "First instant no longer asked for", "now"),
        Parameter(
            "step",
            text(pattern=_LENGTH_PATTERN),
            "Seconds (`60`) or a length (`60s`, `5m`, `2h`, `1d`, `1w`). By default the smallest "
            "of 10 s, 1 m, 5 m, 1 h and 1 d that gives at most 500 points and is not finer than "
            "the samples.",
            "5m",
        ),
        Parameter(
            "over",
            text(pattern=f"^({'|'.join(_FOLDS)}|last|p[1-9][0-9]?)$"),
            "How the samples of a series in a step become one value; by default `avg` of a gauge "
            "and `sum` of a delta.",
            "max",
        ),
        Parameter(
            "agg",
            text(pattern=f"^({'|'.join(_FOLDS)}|none|p[1-9][0-9]?)$"),
            "How several series become one line; by default `none` or, with `by`, as `over`.",
            "avg",
        ),
        Parameter(
            "by",
            several(text(minLength=1)),
            "Attributes to keep: one line for each combination of their values. They may be joined "
            "by commas.",
            ["provider"],
        ),
        _WHERE,
        Parameter(
            "settled",
            one_of(("true", "false"), default="false"),
            "`true` for nothing that may still change.",
            "true",
        ),
        Parameter("format", one_of(FORMATS, default="json"), "Of the answer.", "json"),
    ),
    reference("QueryResult"),
    {
        "start": "2026-11-22T10:00:00Z",
        "end": "2026-11-22T10:15:00Z",
        "step": 300,
        "timestamps": [1795341600, 1795341900, 1795342200],
        "series": [_SERIES_EXAMPLE],
        "status": {
            "hostup": {
                "newestSample": "2026-11-22T10:09:00Z",
                "settledUntil": "2026-11-22T10:06:00Z",
                "resourcesMatched": 3,
                "resourcesFailing": 0,
            }
        },
        "warnings": [],
    },
    contents={
        "text/csv": "timestamp,metric,unit,value\n1795341600,cpu.utilization,1,0.125\n",
        "application/x-ndjson": '{"metric":"cpu.usage","unit":"{cpu}","attributes":{}…}\n',
    },
)

_CPU = CATALOGUE["cpu.utilization"]
OPERATIONS: dict[str, Operation] = {
    "/v1/query": _QUERY,
    "/v1/resources": Operation(
        "listResources",
        "What is collected, page by page, by id.",
        (_WHERE, *_PAGES),
        reference("Resources"),
        {"resources": [], "nextCursor": None, "total": 0},
    ),
    "/v1/coverage": Operation(
        "listCoverage",
        "Which samples are missing, and why, page by page, by resource.",
        (
            _time("start", "First instant", "-24h"),
            _time("end", "First instant no longer asked for", "now"),
            _WHERE,
            *_PAGES,
        ),
        reference("Coverage"),
        {
            "start": "2026-11-21T10:15:00Z",
            "end": "2026-11-22T10:15:00Z",
            "resources": [],
            "nextCursor": None,
            "total": 0,
            "totals": {"open": 0, "repaired": 0, "unrecoverable": 0},
        },
    ),
    "/v1/metrics": Operation(
        "listMetrics",
        "The metrics there are: the catalogue, then the providers' own.",
        (),
        reference("Metrics"),
        {
            "metrics": [
                {
                    "name": _CPU.name,
                    "unit": _CPU.unit,
                    "kind": _CPU.kind,
                    "scope": _CPU.scope,
                    "description": _CPU.description,
                    "openTelemetry": _CPU.opentelemetry,
                    "prometheus": _CPU.prometheus,
                    "resources": 6,
                }
            ]
        },
    ),
    "/healthz": Operation(
        "health", "Whether the function runs.", (), reference("Health"), {"status": "ok"}
    ),
    "/openapi.json": Operation(
        "openapi",
        "This document.",
        (),
        {"type": "object"},
        {"openapi": "3.1.0"},
    ),
    "/docs": Operation(
        "docs",
        "This document as a page.",
        (),
        text(),
        None,
        contents={"text/html": "<!doctype html>…"},
    ),
}
