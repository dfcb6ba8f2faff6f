"""Northflank: discovers an account's services and asks for their metrics, hour by hour.

Sources: https://northflank.com/docs/v1/api/use-the-api (limits, team scope, pages) and
https://northflank.com/docs/v1/api/services/get-service-metrics
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from urllib.parse import quote

from functions.northflank_collector.normalise import METRIC_TYPES, UnitFactors, normalise
from tributary.client import Client, Dialect
from tributary.errors import (
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    OutOfTimeError,
    RateLimitedError,
    TributaryError,
)
from tributary.provider import Json, Normalised, Progress, Request, Resource
from tributary.windows import DAY_MS, SECOND_MS, Tier, Window, windows_over

_LOG = logging.getLogger(__name__)

_PER_PAGE = ("per_page", "100")
_LOOK_BACK_RESOLUTIONS = 3
# Nothing else that is asked would be answered either.
_ENDS_DISCOVERY = (CredentialsRefusedError, OutOfTimeError, RateLimitedError)
# What stays so until somebody changes it, and concerns one project alone.
_LASTING = (ForbiddenError, GoneError)


def seconds_until_reset(header: str, now: float) -> float | None:
    """Northflank's `x-ratelimit-reset`: seconds left, not a time, so that `now` is not needed."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


DIALECT = Dialect("northflank", seconds_until_reset)


class Northflank:
    """One Northflank account, as `tributary.provider.Provider` has it.

    `team` is needed with a token of an organisation: it puts `/teams/<team>` into every path.
    """

    name = "northflank"
    # Only an hourly limit is documented; four at a time keep a run short without being rude.
    parallel_requests = 4

    def __init__(
        self,
        client: Client,
        account: str,
        team: str | None = None,
        units: UnitFactors | None = None,
    ) -> None:
        self.account = account
        self._client = client
        self._units = units or UnitFactors()
        self._projects = f"/v1/teams/{quote(team, safe='')}/projects" if team else "/v1/projects"

    @property
    def requests(self) -> int:
        """How many requests have been sent."""
        return self._client.requests

    def discover(self) -> Iterator[Resource]:
        """Every service of every project.

        A project that is gone or forbidden is logged and left out. Any other failure of a project
        is raised after the others' services, so that the list is never taken to be whole.
        """
        failures: list[TributaryError] = []
        projects = 0
        for item in self._items(self._projects, "projects"):
            projects += 1
            try:
                yield from self._services(_identifier(item))
            except _ENDS_DISCOVERY:
                raise
            except TributaryError as error:
                _LOG.warning("services of a project not listed: %s", error)
                failures.append(error)
        passing = [error for error in failures if not isinstance(error, _LASTING)]
        if passing or len(failures) == projects > 0:
            raise (passing or failures)[0]

    def describe(self, resource: Resource) -> Mapping[str, str]:
        """Region and plan, which only get-service tells."""
        answer = self._client.get(self._path(resource))
        data = _object(_object(answer).get("data"))
        known = {
            "region": _object(data.get("deployment")).get("region"),
            "plan": _object(data.get("billing")).get("deploymentPlan"),
        }
        return {name: value for name, value in known.items() if isinstance(value, str) and value}

    def plan(self, resource: Resource, progress: Progress | None, end_ms: int) -> Iterable[Request]:
        """Requests of at most a clock hour each, from three resolutions before the newest sample.

        A new resource, and one silent for longer, starts 24 hours back. A service that only builds
        has no metrics of its own.
        """
        if resource.payload.get("serviceType") == "build":
            return
        start_ms = end_ms - DAY_MS
        if progress is not None:
            look_back_ms = _LOOK_BACK_RESOLUTIONS * progress.resolution_ms
            start_ms = max(start_ms, progress.newest_ms - look_back_ms)
        for hour in windows_over(Tier.HOUR, start_ms, end_ms):
            window = Window(max(start_ms, hour.start_ms), min(end_ms, hour.end_ms))
            yield Request(f"{self._path(resource)}/metrics", _range(window), window)

    def fetch(self, request: Request) -> Json:
        """The answer of get-service-metrics."""
        return self._client.get(request.path, request.parameters)

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """The answer's samples, by the unit that the answer itself gives each metric."""
        return normalise(answer, self._units, seen_ms)

    def _services(self, project: str) -> Iterator[Resource]:
        path = f"{self._projects}/{quote(project, safe='')}/services"
        for item in self._items(path, "services"):
            yield self._resource(project, item)

    def _items(self, path: str, kind: str) -> Iterator[Mapping[str, Json]]:
        """The items of all pages of a list that have an id; one without is logged."""
        for page in self._client.pages(path, [_PER_PAGE], _next_cursor):
            items = _object(page.get("data")).get(kind)
            if not isinstance(items, list):
                raise MalformedAnswerError(f"northflank answered GET {path} without data.{kind}")
            for item in items:
                if isinstance(item, dict) and _identifier(item):
                    yield item
                else:
                    _LOG.warning("an item of GET %s left out: it has no id", path)

    def _resource(self, project: str, item: Mapping[str, Json]) -> Resource:
        service = _identifier(item)
        native = f"{quote(project, safe='')}/services/{quote(service, safe='')}"
        identity = f"{self.name}/{self.account}/{native}"
        name = item.get("name")
        attributes = {
            "provider": self.name,
            "account": self.account,
            "project": project,
            "kind": "service",
            "resource": identity,
            "name": name if isinstance(name, str) and name else service,
        }
        tags = item.get("tags")
        for tag in tags if isinstance(tags, list) else ():
            if isinstance(tag, str) and tag:
                attributes[f"tag.{tag}"] = "true"
        idle = item.get("serviceType") == "build" or item.get("servicePaused") is True
        return Resource(identity, attributes, item, idle)

    def _path(self, resource: Resource) -> str:
        native = resource.id.removeprefix(f"{self.name}/{self.account}/")
        return f"{self._projects}/{native}"


def _next_cursor(page: Mapping[str, Json]) -> str | None:
    """The next page's cursor; a null or empty one is none, and `hasNextPage: false` ends it too."""
    pagination = _object(page.get("pagination"))
    cursor = pagination.get("cursor")
    if pagination.get("hasNextPage") is False or not isinstance(cursor, str):
        return None
    return cursor


def _range(window: Window) -> tuple[tuple[str, str], ...]:
    # Samples "after" startTime: should that exclude the instant itself, one on the full hour would
    # fall between two requests, so each starts a millisecond early. What comes twice is one sample.
    return (
        ("queryType", "range"),
        ("startTime", _time(window.start_ms - 1)),
        ("endTime", _time(window.end_ms)),
        *(("metricTypes", metric) for metric in METRIC_TYPES),
    )


def _time(time_ms: int) -> str:
    """As the vendor's own client writes it: `2026-11-22T10:00:00.000Z`."""
    moment = datetime.fromtimestamp(time_ms // SECOND_MS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % SECOND_MS:03}Z"


def _identifier(item: Mapping[str, Json]) -> str:
    identifier = item.get("id")
    return identifier if isinstance(identifier, str) else ""


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
