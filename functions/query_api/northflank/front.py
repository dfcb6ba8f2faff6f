"""Northflank's front: its paths, under a team or under none, its errors, its limit's headers.

Source: https://northflank.com/docs/v1/api/use-the-api and the pages of each endpoint
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from functions.query_api.answer import Answer, document_answer
from functions.query_api.engine import Engine
from functions.query_api.given import Given
from functions.query_api.northflank.lists import listed, parse_list_query
from functions.query_api.northflank.metrics import metrics_document
from functions.query_api.northflank.places import KINDS, Kind, Places, Project, Workload
from functions.query_api.northflank.query import parse_metrics_query
from functions.query_api.northflank.workloads import (
    containers,
    project_document,
    workload_document,
)
from functions.query_api.problems import (
    AmbiguousError,
    Told,
    detail_of,
    faults_of,
    headers_for,
    kind_of,
)
from functions.query_api.quota import Quota
from functions.query_api.routing import Asked, Problem, Route
from tributary.inventory import Inventory
from tributary.tokens import READ_METRICS, READ_PROJECTS

_LISTS, _METRICS = (READ_PROJECTS,), (READ_PROJECTS, READ_METRICS)
_LOGIN = "/v1/login"
_ROOTS = ("/v1", "/v1/teams/{teamId}")


class Northflank:
    """Northflank's lists, as they were answered last, and its metrics, from what was collected."""

    def __init__(self, engine: Engine, inventory: Inventory) -> None:
        self._engine = engine
        self._inventory = inventory
        self.routes: Sequence[Route] = (
            Route(_LOGIN, _LISTS, _login),
            *(route for root in _ROOTS for route in self._under(f"{root}/projects")),
        )

    def has(self, path: str) -> bool:
        """Projects, teams, and the login of Northflank's command line."""
        first = "/".join(path.split("/")[:3])
        return first in (_LOGIN, "/v1/projects", "/v1/teams")

    def problem(self, error: Exception, told: Told) -> Problem:
        """`{"error": {"status", "message", "id", "details"}}`."""
        kind = kind_of(error)
        details: dict[str, Any] = {fault.parameter: fault.detail for fault in faults_of(error)}
        if isinstance(error, AmbiguousError):
            details["paths"] = error.paths
        content = {
            "status": kind.status,
            "message": detail_of(error),
            "id": kind.code,
            "details": details,
        }
        headers = headers_for(error, told.now_ms)
        return Problem(kind.status, "application/json", {"error": content}, headers)

    def quota_headers(self, quota: Quota, now_ms: int) -> Mapping[str, str]:
        """`x-ratelimit-*`, the reset in seconds: on every answer, as Northflank has them."""
        return quota.headers(now_ms)

    def _under(self, projects: str) -> list[Route]:
        project = f"{projects}/{{projectId}}"
        return [
            Route(projects, _LISTS, self._projects),
            Route(project, _LISTS, self._project),
            *(route for kind in KINDS for route in self._of(kind, f"{project}/{kind.plural}")),
        ]

    def _of(self, kind: Kind, workloads: str) -> list[Route]:
        workload = f"{workloads}/{{{kind.parameter}}}"
        return [
            Route(workloads, _LISTS, partial(self._workloads, kind)),
            Route(workload, _LISTS, partial(self._workload, kind)),
            Route(f"{workload}/containers", _LISTS, partial(self._containers, kind)),
            Route(f"{workload}/metrics", _METRICS, partial(self._metrics, kind)),
        ]

    def _projects(self, asked: Asked) -> Answer:
        asking = parse_list_query(asked.raw_query, _about(asked, "projects"))
        found = self._places(asked).projects()
        return document_answer(listed(asking, "projects", found, _in_team, _items))

    def _project(self, asked: Asked) -> Answer:
        Given(asked.raw_query, {}).check()
        places = self._places(asked)
        return document_answer({"data": project_document(places, places.project())})

    def _workloads(self, kind: Kind, asked: Asked) -> Answer:
        asking = parse_list_query(asked.raw_query, _about(asked, kind.plural))
        places = self._places(asked)
        found = places.workloads(places.project(), kind)
        return document_answer(listed(asking, kind.plural, found, _id, places.payloads))

    def _workload(self, kind: Kind, asked: Asked) -> Answer:
        Given(asked.raw_query, {}).check()
        places = self._places(asked)
        return document_answer({"data": workload_document(places, places.workload(kind))})

    def _containers(self, kind: Kind, asked: Asked) -> Answer:
        asking = parse_list_query(asked.raw_query, _about(asked, f"{kind.plural} containers"))
        entry = self._places(asked).workload(kind).known.entry
        return document_answer(listed(asking, "containers", containers(entry), _name, list))

    def _metrics(self, kind: Kind, asked: Asked) -> Answer:
        query = parse_metrics_query(asked.raw_query, kind, asked.now_ms)
        known = self._places(asked).workload(kind).known
        return document_answer(metrics_document(self._engine, known, query, asked))

    def _places(self, asked: Asked) -> Places:
        return Places(asked, self._inventory)


def _login(asked: Asked) -> Answer:
    """What Northflank's command line asks before it keeps a token: whether it is good."""
    Given(asked.raw_query, {}).check()
    return document_answer({"data": {}}, max_age_seconds=0)


def _about(asked: Asked, kind: str) -> str:
    """What cursors of a list are good for: the path, known before anything is read."""
    return f"{kind} {sorted(asked.path.items())}"


def _in_team(project: Project) -> str:
    # By a character that sorts before any other, so that names are in order as their pairs are.
    return f"{project.id}\0{project.team}"


def _items(projects: Sequence[Project]) -> list[Mapping[str, Any]]:
    return [project.item for project in projects]


def _id(workload: Workload) -> str:
    return workload.id


def _name(container: Mapping[str, Any]) -> str:
    return str(container["name"])
