"""Northflank: discovers an account's services, addons and jobs, and asks for their metrics.

Sources: https://northflank.com/docs/v1/api/use-the-api (limits, team scope, pages) and
https://northflank.com/docs/v1/api/services/get-service-metrics
"""

import logging
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from math import isfinite

from functions.northflank_collector.containers import Container, containers, missed
from functions.northflank_collector.inventory import (
    BUILD,
    KINDS,
    Kind,
    details_of,
    escaped,
    json_object,
    resource_of,
    text,
)
from functions.northflank_collector.normalise import UnitFactors, normalise
from functions.northflank_collector.pages import items
from functions.northflank_collector.query import query
from tributary.client import Client, Dialect
from tributary.errors import (
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    OutOfTimeError,
    RateLimitedError,
    TributaryError,
)
from tributary.provider import Details, Json, Normalised, Request, Resource
from tributary.windows import DAY_MS, HOUR_MS, Window

_LOG = logging.getLogger(__name__)

# No longest range is documented. In ranges of this much the samples stay as fine as they are, and
# an answer small enough: eleven metrics of fifty containers at 10 s are some 20 MB.
_LONGEST_MS = 2 * HOUR_MS
_HISTORY_MS = 6 * HOUR_MS
# How long Northflank keeps samples is not documented: a day without any is taken for their end.
_EMPTY_MS = DAY_MS
# Hour chunks, which is where fine samples live, are kept for so long by default; what is older
# would expire as it is stored.
_KEPT_MS = 60 * DAY_MS
# A workload that is crashing and made anew all the time shall not use up the account's requests.
_MOST_LISTED = 300
_MOST_ENDED = 20
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
    # Not documented.
    reach_ms: int | None = None

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
        self._team = team
        self.projects: list[Mapping[str, Json]] = []
        self._listed: dict[str, list[Container]] = {}
        self._projects = f"/v1/teams/{escaped(team)}/projects" if team else "/v1/projects"

    @property
    def requests(self) -> int:
        """How many requests have been sent."""
        return self._client.requests

    @property
    def clock_offset_ms(self) -> int:
        """How far Northflank's clock is ahead of this machine's."""
        return self._client.clock_offset_ms

    def discover(self) -> Iterator[Resource]:
        """Every service, addon and job of every project.

        A list that is gone or forbidden is logged and left out; where no project's services may be
        listed, that is raised at the end. Any other failure of a list is raised after the others'
        resources, so that what was found is never taken to be all.
        """
        passing: list[TributaryError] = []
        refused: list[TributaryError] = []
        self.projects = []
        for item in self._items(self._projects, "projects"):
            self.projects.append(item)
            for kind in KINDS:
                try:
                    yield from self._workloads(text(item.get("id")), kind)
                except _ENDS_DISCOVERY:
                    raise
                except TributaryError as error:
                    _LOG.warning("%s of a project not listed: %s", kind.plural, error)
                    if not isinstance(error, _LASTING):
                        passing.append(error)
                    elif kind.name == "service":
                        refused.append(error)
        if passing or len(refused) == len(self.projects) > 0:
            raise (passing or refused)[0]

    def describe(self, resource: Resource) -> Details:
        """Region, plan and time of creation, which no list tells."""
        answer = self._client.get(self._path(resource))
        return details_of(json_object(json_object(answer).get("data")))

    def current(self, resource: Resource, wanted: Window) -> Request | None:
        """The newest two hours; a service that only builds has no metrics of its own."""
        start_ms = max(wanted.start_ms, wanted.end_ms - _LONGEST_MS)
        return self._unless_build(resource, Window(start_ms, wanted.end_ms))

    def missing(self, resource: Resource, gap: Window, now_ms: int) -> Request | None:
        """The oldest two hours: nobody knows for how long Northflank keeps them."""
        window = Window(gap.start_ms, min(gap.end_ms, gap.start_ms + _LONGEST_MS))
        return self._metrics(resource, window)

    def older(
        self, resource: Resource, before_ms: int, empty_ms: int, now_ms: int
    ) -> Request | None:
        """The six hours before, or where those after it were empty, a whole day; no further."""
        if empty_ms >= _EMPTY_MS:
            return None
        length_ms = DAY_MS if empty_ms else _HISTORY_MS
        start_ms = max(before_ms - length_ms, now_ms - _KEPT_MS)
        return self._unless_build(resource, Window(start_ms, before_ms))

    def ended(
        self, resource: Resource, window: Window, alive: Set[str] | None, answered: Set[str]
    ) -> Iterator[Request]:
        """One request for each container that lived in the window and was not answered for.

        Unless asked for by name, only containers that are active at the time of asking are
        answered: https://northflank.com/docs/v1/api/retrieve-metrics. That some ended is seen by
        those alive before and now not being the same; what a job starts may have come and gone, and
        so may anything in a time of which nobody knows who was alive before it.
        """
        if _only_builds(resource):
            return
        if not resource.sporadic and alive == answered:
            return
        found = missed(self._containers(resource), window, answered)
        if len(found) > _MOST_ENDED:
            _LOG.warning(
                "%s: %d ended containers not asked for, since there are more than %d",
                resource.id,
                len(found) - _MOST_ENDED,
                _MOST_ENDED,
            )
        for container in found[:_MOST_ENDED]:
            yield self._metrics(resource, container.life, container.name)

    def ranged(self, request: Request, window: Window) -> Request:
        """The same metrics, of the same container if it is one's, for another range."""
        container = dict(request.parameters).get("containerName")
        return Request(request.path, query(window, container), window)

    def fetch(self, request: Request) -> Json:
        """The answer of get-service-metrics, or of its siblings for addons and jobs."""
        return self._client.get(request.path, request.parameters)

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """The answer's samples, by the unit that the answer itself gives each metric."""
        return normalise(answer, self._units, seen_ms)

    def _workloads(self, project: str, kind: Kind) -> Iterator[Resource]:
        path = f"{self._projects}/{escaped(project)}/{kind.plural}"
        for item in self._items(path, kind.plural):
            yield resource_of(f"{self.name}/{self.account}", self._team, project, kind, item)

    def _items(self, path: str, name: str) -> Iterator[Mapping[str, Json]]:
        """A list's items that have an id; one without is logged."""
        for item in items(self._client, path, name):
            if isinstance(item, dict) and text(item.get("id")):
                yield item
            else:
                _LOG.warning("an item of GET %s left out: it has no id", path)

    def _containers(self, resource: Resource) -> list[Container]:
        """The workload's containers, listed once a run; none, logged, where the token may not."""
        if resource.id not in self._listed:
            self._listed[resource.id] = self._list_containers(resource)
        return self._listed[resource.id]

    def _list_containers(self, resource: Resource) -> list[Container]:
        listed = containers(self._client, f"{self._path(resource)}/containers")
        try:
            found = list(islice(listed, _MOST_LISTED))
        except _LASTING as error:
            _LOG.warning("%s: ended containers not known: %s", resource.id, error)
            return []
        if len(found) == _MOST_LISTED:
            _LOG.warning("%s: of its containers only %d are read", resource.id, _MOST_LISTED)
        return found

    def _unless_build(self, resource: Resource, window: Window) -> Request | None:
        if _only_builds(resource) or window.length_ms <= 0:
            return None
        return self._metrics(resource, window)

    def _metrics(self, resource: Resource, window: Window, container: str | None = None) -> Request:
        path = f"{self._path(resource)}/metrics"
        return Request(path, query(window, container), window)

    def _path(self, resource: Resource) -> str:
        return f"{self._projects}/{resource.native}"


def _only_builds(resource: Resource) -> bool:
    return resource.attributes.get("type") == BUILD
