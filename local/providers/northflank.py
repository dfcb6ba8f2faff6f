"""A simulated Northflank: its inventory and metrics API, request budget, paging and errors.

https://northflank.com/docs/v1/api/use-the-api
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule, Submount
from werkzeug.wrappers import Request, Response

from local.providers import northflank_inventory as inventory
from local.providers.answer import (
    Refused,
    is_authorised,
    is_delivered,
    json_response,
    raise_injected,
    refusal_of,
)
from local.providers.backstage import backstage
from local.providers.ledger import Ledger, ServedSample
from local.providers.load import LoadSource, MachineLoad
from local.providers.northflank_demo import demo_projects
from local.providers.northflank_fleet import Project, Workload
from local.providers.northflank_metrics import Metering
from local.providers.northflank_query import MetricsQuery
from local.providers.request_budget import RequestBudget, Standing
from local.providers.settling import Provisional, Settling
from local.providers.timeline import Timeline
from local.providers.traffic import Traffic

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

type Json = dict[str, Any]

WINDOW_SECONDS = 3600
# How long Northflank keeps metrics is not documented.
RETENTION_SECONDS = 24 * 3600


class NorthflankSimulator:
    """A WSGI app that answers as `https://api.northflank.com` does, to one token and one team.

    Values before its start are made up, later ones come from `load` (by default this machine's,
    sampled by a thread of its own) and `traffic` (the local front's). `largest_page` below 100
    makes it page through its few items. `most_samples` cuts answers short, by series, to the
    oldest of what was asked for or, if it `keeps_newest`, the newest; `late` and `revised` say
    which of the newest samples settle only later.

    What it handed out is in `served`, which requests it received in `budget`. `projects` and
    `token` may be set to others while it runs.
    """

    def __init__(
        self,
        token: str = "northflank-demo-token",
        *,
        projects: Sequence[Project] | None = None,
        team: str = "demo",
        clock: Callable[[], float] = time.time,
        load: LoadSource | None = None,
        traffic: Traffic | None = None,
        requests_per_hour: int = 1000,
        largest_page: int = inventory.LARGEST_PAGE,
        retention_seconds: int = RETENTION_SECONDS,
        most_samples: int | None = None,
        keeps_newest: bool = False,
        late: Provisional | None = None,
        revised: Provisional | None = None,
        seed: int = 0,
        served: Ledger | None = None,
    ) -> None:
        started = int(clock())
        self.token = token
        self.projects = demo_projects(started) if projects is None else projects
        self.served = Ledger() if served is None else served
        self.budget = RequestBudget(requests_per_hour, WINDOW_SECONDS)
        self._team = team
        self._clock = clock
        self._largest_page = largest_page
        self._metering = Metering(
            Timeline(load or MachineLoad(clock), traffic or Traffic(clock)),
            Settling(started, late, revised, seed),
            retention_seconds * 1000,
            most_samples,
            keeps_newest,
        )
        self._routes = _routes(self)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        response = backstage(request, self.served) or self._answer(request)
        response.date = datetime.fromtimestamp(self._clock(), UTC)
        return response(environ, start_response)

    def available(
        self, start_ms: int, end_ms: int, resource: str | None = None
    ) -> Iterator[ServedSample]:
        """All samples in [start, end) that it would serve if asked now for all containers by name.

        Of one resource (`shop/services/api`) or of all; nothing is asked for it, spent or noted.
        """
        now = self._clock()
        query = MetricsQuery.everything(start_ms, end_ms)
        for project in self.projects:
            for workload in filter(lambda each: each.exists_at(now), project.workloads):
                path = f"{project.id}/{workload.kind}/{workload.id}"
                if resource in (None, path):
                    yield from self._metering.samples(query, path, workload, int(now * 1000))

    def login(self, request: Request) -> Json:
        """`GET /v1/login`: an empty object says that the token is good."""
        return {}

    def list_projects(self, request: Request) -> Json:
        """`GET /v1/projects`."""
        return inventory.page(
            request.args,
            self._largest_page,
            "projects",
            [inventory.project_item(p) for p in self.projects],
        )

    def get_project(self, request: Request, project: str) -> Json:
        """`GET /v1/projects/{p}`."""
        return {"data": inventory.project_detail(self._project(project), self._clock())}

    def list_workloads(self, request: Request, project: str, kind: str) -> Json:
        """`GET /v1/projects/{p}/services`, `…/addons` and `…/jobs`."""
        owner = self._project(project)
        workloads = inventory.of_kind(owner, kind, self._clock())
        return inventory.page(
            request.args,
            self._largest_page,
            kind,
            [inventory.workload_item(owner, one) for one in workloads],
        )

    def get_workload(self, request: Request, project: str, kind: str, workload: str) -> Json:
        """`GET /v1/projects/{p}/services/{s}`, and of an addon or job."""
        owner, found = self._project(project), self._workload(project, kind, workload)
        return {"data": inventory.workload_detail(owner, found, self._clock())}

    def list_containers(self, request: Request, project: str, kind: str, workload: str) -> Json:
        """`GET …/containers`, those that have ended included."""
        now = self._clock()
        containers = self._workload(project, kind, workload).containers
        items = [inventory.container_item(one, now) for one in containers if one.exists_at(now)]
        return inventory.page(request.args, self._largest_page, "containers", items)

    def get_metrics(self, request: Request, project: str, kind: str, workload: str) -> Json:
        """`GET …/metrics`; entered in the ledger under the path after `projects/`."""
        found = self._workload(project, kind, workload)
        now = int(self._clock() * 1000)
        query = MetricsQuery.parse(request.args, now)
        served = self.served if is_delivered(request) else None
        return self._metering.answer(query, f"{project}/{kind}/{workload}", found, now, served)

    def _answer(self, request: Request) -> Response:
        now = self._clock()
        standing = self.budget.spend(now)
        try:
            response = json_response(self._routed(request, standing))
        except Refused as error:
            response = _error(error)
            if error.after_seconds is not None:
                standing = replace(standing, remaining=0, resets_at=now + error.after_seconds)
        except HTTPException as error:
            response = _error(refusal_of(error, "-"))
        response.headers["x-ratelimit-limit"] = str(standing.limit)
        response.headers["x-ratelimit-remaining"] = str(standing.remaining)
        response.headers["x-ratelimit-reset"] = str(math.ceil(standing.resets_at - now))
        return response

    def _routed(self, request: Request, standing: Standing) -> Json:
        if not is_authorised(request, self.token):
            raise Refused(401, "unauthorized", "The API token is missing or not valid.")
        if not standing.allowed:
            # the real answer's status and body are not documented
            raise Refused(429, "rate-limit-exceeded", f"{standing.limit} requests an hour are used")
        raise_injected(request)
        endpoint, parts = self._routes.bind_to_environ(request.environ).match()
        if parts.get("team", self._team) != self._team:
            raise Refused(404, "not-found", "There is no such team.")
        within_team = {name: part for name, part in parts.items() if name != "team"}
        answer: Json = endpoint(request, **within_team)
        return answer

    def _project(self, project_id: str) -> Project:
        project = inventory.find_project(self.projects, project_id)
        if project is None:
            raise Refused(404, "not-found", f"There is no project {project_id!r}.")
        return project

    def _workload(self, project_id: str, kind: str, workload_id: str) -> Workload:
        project = self._project(project_id)
        workload = inventory.find_workload(project, kind, workload_id, self._clock())
        if workload is None:
            message = f"{project_id!r} has no {workload_id!r} in its {kind}."
            raise Refused(404, "not-found", message)
        return workload


def _routes(api: NorthflankSimulator) -> Map:
    one = "/projects/<project>/<any(services, addons, jobs):kind>/<workload>"

    def rules() -> list[Rule]:
        return [
            Rule(path, endpoint=endpoint, methods=["GET"])
            for path, endpoint in (
                ("/projects", api.list_projects),
                ("/projects/<project>", api.get_project),
                ("/projects/<project>/<any(services, addons, jobs):kind>", api.list_workloads),
                (one, api.get_workload),
                (f"{one}/containers", api.list_containers),
                (f"{one}/metrics", api.get_metrics),
            )
        ]

    return Map(
        [
            Rule("/v1/login", endpoint=api.login, methods=["GET"]),
            Submount("/v1", rules()),
            Submount("/v1/teams/<team>", rules()),
        ],
    )


def _error(refused: Refused) -> Response:
    # ids are not documented; these are faults' names for them, written as the simulator's own
    identifier = refused.code.replace("_", "-")
    error = {"status": refused.status, "message": refused.message, "id": identifier}
    return json_response({"error": error}, refused.status)
