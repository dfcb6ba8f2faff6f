"""Many services: a Northflank of a thousand services in a process of its own, over real HTTP."""

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from threading import Event
from typing import TYPE_CHECKING

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local.providers import history, serve
from local.providers.answer import json_response
from local.providers.load import GRID_SECONDS
from local.providers.northflank_fleet import PERCENT_UNITS, SMALL, Project, Workload
from local.providers.northflank_inventory import project_item, workload_item
from local.providers.northflank_measures import MEASURES
from local.providers.northflank_query import MetricsQuery
from local.providers.times import written

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PROJECTS, SERVICES_EACH, CONTAINERS = 10, 100, 3
METRICS = tuple(PERCENT_UNITS)
# So many services have numbers of their own; the others have the same under other names.
_VARIANTS = 10
_NAME = "a-service-name"
_ROUTES = Map(
    [
        Rule("/v1/projects", endpoint="projects"),
        Rule("/v1/projects/<project>/services", endpoint="services"),
        Rule("/v1/projects/<project>/<any(addons, jobs):kind>", endpoint="others"),
        Rule("/v1/projects/<project>/services/<service>", endpoint="service"),
        Rule("/v1/projects/<project>/services/<service>/metrics", endpoint="metrics"),
    ]
)


def containers_of(service: str) -> list[str]:
    """The containers of a service, by name: always the same."""
    return [f"{service}-78b4d4459d-{number}" for number in range(CONTAINERS)]


@contextmanager
def many_services() -> Iterator[str]:
    """The address of a Northflank that takes any token and as many requests as come."""
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(told: Connection) -> None:
    with serve(_answer) as server:
        told.send(server.url)
        Event().wait()


def _answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    request = Request(environ)
    endpoint, names = _ROUTES.bind_to_environ(environ).match()
    match endpoint:
        case "projects":
            response = _page("projects", [project_item(_project(n)) for n in range(PROJECTS)])
        case "services":
            project = _project(int(names["project"].rpartition("-")[2]))
            services = [workload_item(project, one) for one in project.workloads]
            response = _page("services", services)
        case "others":
            response = _page(names["kind"], [])
        case "service":
            details = {"deployment": {"region": "europe-west"}, "billing": {}}
            response = json_response({"data": details})
        case _:
            response = _metrics(request, names["service"])
    return response(environ, start_response)


def _page(kind: str, items: list[dict[str, object]]) -> Response:
    return json_response({"data": {kind: items}, "pagination": {"hasNextPage": False}})


@cache
def _project(number: int) -> Project:
    services = tuple(
        Workload(
            "services",
            f"service-{number}-{one:02}",
            f"Service {one}",
            "deployment",
            "One of many services",
            SMALL,
        )
        for one in range(SERVICES_EACH)
    )
    return Project(f"project-{number}", f"Project {number}", "One of ten", "europe-west", services)


def _metrics(request: Request, service: str) -> Response:
    query = MetricsQuery.parse(request.args, now=0)
    variant = int(service.rpartition("-")[2]) % _VARIANTS
    body = _body(variant, query.start, query.end).replace(_NAME.encode(), service.encode())
    return Response(body, mimetype="application/json")


@cache
def _body(variant: int, start_ms: int, end_ms: int) -> bytes:
    """Every metric under every container, every ten seconds of [start, end)."""
    grid_ms = GRID_SECONDS * 1000
    times = range(-(-start_ms // grid_ms) * grid_ms, end_ms, grid_ms)
    data = {
        metric: {
            "metricInfo": {
                "metricId": metric,
                "metricUnit": unit,
                "metricResolution": GRID_SECONDS,
            },
            "values": [
                {
                    "metadata": {"containerId": container},
                    "data": _points(metric, unit, f"{variant}/{number}", times),
                }
                for number, container in enumerate(containers_of(_NAME))
            ],
        }
        for metric, unit in PERCENT_UNITS.items()
    }
    return json_response({"data": data}).get_data()


def _points(metric: str, unit: str, host: str, times: Iterable[int]) -> list[dict[str, object]]:
    measure = MEASURES[metric, unit]
    return [
        {
            "value": round(
                measure.convert(history.value(host, measure.signal, ts // 1000), SMALL),
                measure.digits,
            ),
            "ts": written(ts),
        }
        for ts in times
    ]
