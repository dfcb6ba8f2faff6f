"""What the document says of Northflank's front.

Source: https://northflank.com/docs/v1/api/services/get-service-metrics and its siblings
"""

from collections.abc import Iterator

from functions.query_api.northflank.places import KINDS, Kind
from functions.query_api.northflank.query import DEFAULT_SECONDS, METRIC_TYPES
from local.openapi.operations import (
    AMBIGUOUS,
    NOT_FOUND,
    RATE_HEADERS,
    Operation,
    Parameter,
    Shape,
)
from local.openapi.schemas import (
    Json,
    instant,
    mapping,
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

_UNITS = ("pct", "vCPU", "mb", "kbps", "rps", "count")
_METRIC = record(
    {
        "metricInfo": record(
            {
                "metricId": one_of(METRIC_TYPES, "Type of metric."),
                "metricUnit": text(f"Unit of the values: {', '.join(_UNITS)}.", "pct"),
                "metricResolution": number("Seconds that a value stands for.", 10),
            },
            optional=["metricResolution"],
        ),
        "values": several(
            record(
                {
                    "metadata": record(
                        {"containerId": text(), "volumeId": text()},
                        optional=["containerId", "volumeId"],
                    ),
                    "data": several(
                        record(
                            {"value": number(), "ts": instant(example="2023-03-21T15:01:17.310Z")}
                        )
                    ),
                },
                optional=["metadata"],
            )
        ),
    }
)
_PAGINATION = record(
    {
        "hasNextPage": truth(),
        "count": whole("Results in this answer."),
        "cursor": text("Where the next page begins; only where there is one."),
    },
    optional=["cursor"],
)
_EMBEDDED = several(
    payload({"id": text(), "name": text()}, ["id"], "A part of what its list says.")
)
_ITEMS = {
    "services": payload(
        {"id": text(), "name": text(), "serviceType": text(), "tags": several(text())},
        ["id", "name"],
        "A service, as Northflank's list answered it.",
    ),
    "addons": payload(
        {"id": text(), "name": text(), "status": text(), "tags": several(text())},
        ["id", "name"],
        "An addon, as Northflank's list answered it.",
    ),
    "jobs": payload(
        {"id": text(), "name": text(), "jobType": text(), "tags": several(text())},
        ["id", "name"],
        "A job, as Northflank's list answered it.",
    ),
}
_NAMES = {"services": "Service", "addons": "Addon", "jobs": "Job"}
_PROJECT = payload(
    {"id": text(), "name": text(), "description": text()},
    ["id"],
    "A project, as Northflank's list answered it.",
)
SCHEMAS: dict[str, Json] = {
    "NorthflankError": record(
        {
            "error": record(
                {
                    "status": whole(minimum=400, maximum=599),
                    "message": text("What is wrong, and what to send instead."),
                    "id": text("Stable: decide by it."),
                    "details": {
                        "type": "object",
                        "description": "By parameter what is wrong with it; `paths` of a 409.",
                    },
                }
            )
        },
        "An error as Northflank tells it.",
    ),
    "NorthflankMetric": _METRIC,
    "NorthflankMetrics": record(
        {"data": mapping(reference("NorthflankMetric"), "By metric type.")}
    ),
    "NorthflankProject": _PROJECT,
    **{f"Northflank{_NAMES[plural]}": schema for plural, schema in _ITEMS.items()},
    "NorthflankContainer": record(
        {
            "name": text(),
            "createdAt": whole("Unix seconds of its first sample."),
            "status": one_of(("TASK_RUNNING", "TASK_FINISHED")),
            "updatedAt": whole("Unix seconds of its first sample or, once finished, its last."),
        }
    ),
}


def _error(status: int, identity: str, message: str, **details: object) -> Json:
    return {"error": {"status": status, "message": message, "id": identity, "details": details}}


SHAPE = Shape(
    "Northflank",
    "NorthflankError",
    "application/json",
    {
        400: _error(
            400, "bad_request", "…", queryType="'both' is no queryType: send range or single."
        ),
        401: _error(401, "unauthorized", "The request has no bearer token. …"),
        403: _error(403, "forbidden", "The token lacks the scope read:projects: …"),
        404: _error(404, "not_found", "There is no project 'shop'."),
        409: _error(
            409,
            "ambiguous",
            "Several teams have this: ask for one of …",
            paths=["/v1/teams/acme/projects/shop", "/v1/teams/main/projects/shop"],
        ),
        429: _error(
            429, "too_many_requests", "The token's 1000 requests of this hour are used up: …"
        ),
    },
    RATE_HEADERS,
    RATE_HEADERS,
)

_PAGES = (
    Parameter("per_page", whole(minimum=1, maximum=100, default=50), "Results on a page.", 50),
    Parameter("page", whole(minimum=1, maximum=1_000_000, default=1), "Number of the page.", 1),
    Parameter(
        "cursor", text(minLength=1), "`pagination.cursor` of the page before; without `page`."
    ),
)
_TEAM = Parameter(
    "teamId",
    text(),
    "The team that the secret names for an account, or an account's name if it names none.",
    "main",
    path=True,
)
_PROJECT_ID = Parameter("projectId", text(), "ID of the project.", "shop", path=True)
_IDS = {"serviceId": "api", "addonId": "db", "jobId": "nightly"}


def _instant(name: str, description: str, example: str) -> Parameter:
    return Parameter(name, text(format="date-time"), description, example)


def _metrics_parameters(kind: Kind) -> tuple[Parameter, ...]:
    deployment = Parameter(
        "deploymentId", text(minLength=1), "Only this deployment.", "api-78b4d4459d"
    )
    return (
        Parameter(
            "queryType",
            one_of(("range", "single")),
            "`range`, the default, or with `time` or `timestamp` `single`.",
            "range",
        ),
        Parameter(
            "metricTypes",
            several(one_of(METRIC_TYPES)),
            "Types of metrics, the parameter repeated for each; `cpu` without any.",
            ["cpu", "memory"],
        ),
        _instant("startTime", "Range: from this time on.", "2026-11-22T10:00:00Z"),
        _instant("endTime", "Range: before this time; by default now.", "2026-11-22T10:20:00Z"),
        Parameter(
            "duration",
            whole(minimum=1, maximum=10 * 366 * 86_400, default=DEFAULT_SECONDS),
            "Range: its length in seconds, with one of `startTime` and `endTime` or none.",
            DEFAULT_SECONDS,
        ),
        Parameter(
            "containerName",
            text(minLength=1),
            "Only this container, or `all`; by default those that are active at the end.",
            "all",
        ),
        *((deployment,) if kind.name == "service" else ()),
        _instant("time", "Single: the newest values before this time.", "2026-11-22T10:20:00Z"),
        _instant("timestamp", "What Northflank's client sends for `time`.", "2026-11-22T10:20:00Z"),
    )


_SERIES = {
    "metricInfo": {"metricId": "cpu", "metricUnit": "pct", "metricResolution": 10},
    "values": [
        {
            "metadata": {"containerId": "nginx-669cc865b7-5458n", "volumeId": "data-volume-1"},
            "data": [{"value": 0.5, "ts": "2023-03-21T15:01:17.310Z"}],
        }
    ],
}


def _page(name: str, schema: str) -> Json:
    listed = record({name: several(reference(schema))})
    return record({"data": listed, "pagination": _PAGINATION})


def _example(name: str, item: Json) -> Json:
    return {"data": {name: [item]}, "pagination": {"hasNextPage": False, "count": 1}}


def _of_kind(
    kind: Kind, listed: str, under: tuple[Parameter, ...], prefix: str
) -> Iterator[tuple[str, Operation]]:
    named = _NAMES[kind.plural]
    schema, item = f"Northflank{named}", {"id": _IDS[kind.parameter], "name": named}
    place = Parameter(
        kind.parameter, text(), f"ID of the {kind.name}.", _IDS[kind.parameter], path=True
    )
    one, where = f"{listed}/{{{kind.parameter}}}", (*under, place)
    missing = (NOT_FOUND, AMBIGUOUS)
    yield listed, Operation(
        f"{prefix}list{named}s", f"The {kind.plural} of a project.", (*under, *_PAGES),
        _page(kind.plural, schema), _example(kind.plural, item), errors=missing,
    )  # fmt: skip
    yield one, Operation(
        f"{prefix}get{named}", f"One {kind.name}.", where,
        record({"data": reference(schema)}), {"data": item}, errors=missing,
    )  # fmt: skip
    yield f"{one}/containers", Operation(
        f"{prefix}list{named}Containers", f"The containers of a {kind.name} that had samples.",
        (*where, *_PAGES), _page("containers", "NorthflankContainer"),
        _example("containers", _CONTAINER), errors=missing,
    )  # fmt: skip
    yield f"{one}/metrics", Operation(
        f"{prefix}get{named}Metrics", f"Metrics of a {kind.name}, in the units they came in.",
        (*where, *_metrics_parameters(kind)), reference("NorthflankMetrics"),
        {"data": {"cpu": _SERIES}}, errors=missing,
        description="A range of more samples than an answer holds comes in steps of minutes, "
        "hours or days, as `metricResolution` says.",
    )  # fmt: skip


_CONTAINER = {
    "name": "api-78b4d4459d-sbtn8",
    "createdAt": 1795341600,
    "status": "TASK_RUNNING",
    "updatedAt": 1795341600,
}


def _under(root: str, team: tuple[Parameter, ...], prefix: str) -> Iterator[tuple[str, Operation]]:
    item = {"id": "shop", "name": "Shop", "description": "Sells."}
    projects = f"{root}/projects"
    one, under = f"{projects}/{{projectId}}", (*team, _PROJECT_ID)
    yield projects, Operation(
        f"{prefix}listProjects", "The projects.", (*team, *_PAGES),
        _page("projects", "NorthflankProject"), _example("projects", item),
        errors=(NOT_FOUND,) if team else (),
    )  # fmt: skip
    yield one, Operation(
        f"{prefix}getProject", "One project, and what is in it.", under,
        record({"data": _WHOLE_PROJECT}),
        {"data": {**item, "services": [{"id": "api", "name": "API"}], "addons": [], "jobs": []}},
        errors=(NOT_FOUND, AMBIGUOUS),
    )  # fmt: skip
    for kind in KINDS:
        yield from _of_kind(kind, f"{one}/{kind.plural}", under, prefix)


_WHOLE_PROJECT = payload(
    {
        **_PROJECT["properties"],
        "deployment": payload({"region": text()}, ["region"], "Where it is deployed, if known."),
        "services": _EMBEDDED,
        "addons": _EMBEDDED,
        "jobs": _EMBEDDED,
    },
    ["id", "services", "addons", "jobs"],
    "A project, and what is in it.",
)
OPERATIONS: dict[str, Operation] = {
    "/v1/login": Operation(
        "login",
        "Whether the token is good, which Northflank's command line asks first.",
        (),
        record({"data": record({})}),
        {"data": {}},
    ),
    **dict(_under("/v1", (), "")),
    **dict(_under("/v1/teams/{teamId}", (_TEAM,), "team_")),
}
