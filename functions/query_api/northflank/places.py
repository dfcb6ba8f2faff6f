"""Places: where in Northflank's teams and projects the resources are that a caller may see."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from functions.query_api.problems import AmbiguousError, NotFoundError
from functions.query_api.routing import Asked
from functions.query_api.tracks import Known
from tributary.inventory import Inventory
from tributary.listing import first_life
from tributary.registry import Shard

PROVIDER = "northflank"


class Kind(NamedTuple):
    """One kind of workload: its name, alone and in paths, and its parameter there."""

    name: str
    plural: str
    parameter: str


KINDS = (
    Kind("service", "services", "serviceId"),
    Kind("addon", "addons", "addonId"),
    Kind("job", "jobs", "jobId"),
)


@dataclass(frozen=True, slots=True)
class Project:
    """A project of a team, as its list has it."""

    team: str
    id: str
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A service, addon or job in one of its lives, and where it is; `kind` is the plural."""

    team: str
    project: str
    kind: str
    id: str
    known: Known

    @property
    def is_gone(self) -> bool:
        """Whether Northflank lists it no more."""
        return self.known.entry.gone_ms is not None


class Places:
    """What a request's path may be about: within its team, if it names one, or within all.

    An account whose secret names no team is a team of its own, by the account's name.
    """

    def __init__(self, asked: Asked, inventory: Inventory) -> None:
        self._asked, self._inventory = asked, inventory
        team = asked.path.get("teamId")
        found = (one for shard in asked.shards() for one in _workloads(shard))
        self._workloads = [one for one in found if team in (None, one.team)]
        if team is not None and not self._workloads:
            raise NotFoundError(f"There is no team {team!r}.")

    def projects(self) -> list[Project]:
        """Every project that has anything to be seen, or may be seen itself, by id."""
        present = {(one.team, one.project) for one in self._workloads if not one.is_gone}
        found: dict[tuple[str, str], Project] = {}
        for team, account, item in self._kept_projects():
            at = (team, str(item["id"]))
            attributes = {"provider": PROVIDER, "account": account, "team": team, "project": at[1]}
            if at in present or self._asked.sees(attributes):
                found.setdefault(at, Project(*at, item))
        for at in present:
            # Before projects were kept, or between two lists.
            found.setdefault(at, Project(*at, {"id": at[1], "name": at[1]}))
        return sorted(found.values(), key=lambda one: (one.id, one.team))

    def project(self) -> Project:
        """The project of the path; NotFoundError if there is none, AmbiguousError if it is found
        in several teams."""
        wanted = self._asked.path["projectId"]
        found = [one for one in self.projects() if one.id == wanted]
        if not found:
            raise NotFoundError(f"There is no project {wanted!r}.")
        _check_unambiguous((one.team for one in found), f"projects/{_segment(wanted)}")
        return found[0]

    def workloads(self, project: Project, kind: Kind) -> list[Workload]:
        """Those of a kind that the project has now, by id."""
        found: dict[str, Workload] = {}
        wanted = (project.team, project.id, kind.plural)
        for one in sorted(self._workloads, key=_newest_life_first):
            if (one.team, one.project, one.kind) == wanted and not one.is_gone:
                found.setdefault(one.id, one)
        return [found[name] for name in sorted(found)]

    def workload(self, kind: Kind) -> Workload:
        """The one of the path, or if there is none any more the one there was last; errors as of
        `project`."""
        project, wanted = self._asked.path["projectId"], self._asked.path[kind.parameter]
        place = (project, kind.plural, wanted)
        named = [one for one in self._workloads if (one.project, one.kind, one.id) == place]
        found = [one for one in named if not one.is_gone] or named
        if not found:
            raise NotFoundError(f"There is no {kind.name} {wanted!r} in a project {project!r}.")
        path = f"projects/{_segment(project)}/{kind.plural}/{_segment(wanted)}"
        _check_unambiguous((one.team for one in found), path)
        return min(found, key=_newest_life_first)

    def payloads(self, workloads: Iterable[Workload]) -> list[Mapping[str, Any]]:
        """What Northflank's list says of each; of one of which nothing is kept, its id and name."""
        entries = [one.known.entry for one in workloads]
        kept = self._inventory.payloads(one.resource for one in entries)
        return [
            kept.get(one.resource)
            or {"id": _native(one.resource)[2], "name": one.attributes.get("name", "")}
            for one in entries
        ]

    def _kept_projects(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Team, account and item of every project that the accounts' last lists had."""
        teams = {one.known.shard.account: one.team for one in self._workloads}
        kept = self._inventory.projects(teams)
        for account in sorted(kept):
            for item in kept[account]:
                yield teams[account], account.partition("/")[2], item


def _workloads(shard: Shard) -> Iterator[Workload]:
    provider, _, account = shard.account.partition("/")
    if provider != PROVIDER:
        return
    for entry in shard.entries.values():
        team = entry.attributes.get("team", account)
        project, kind, name = _native(entry.resource)
        yield Workload(team, project, kind, name, Known(shard, entry))


def _native(resource: str) -> tuple[str, str, str]:
    """Project, plural of the kind, and id in a resource's id."""
    project, kind, name = map(unquote, first_life(resource).split("/")[2:])
    return project, kind, name


def _newest_life_first(workload: Workload) -> tuple[int, str]:
    return -workload.known.entry.created_ms, workload.known.shard.account


def _check_unambiguous(teams: Iterable[str], path: str) -> None:
    paths = [f"/v1/teams/{_segment(team)}/{path}" for team in sorted(set(teams))]
    if len(paths) > 1:
        raise AmbiguousError(
            f"Several teams have this: ask for one of {' and '.join(paths)}.", paths
        )


def _segment(text: str) -> str:
    return quote(text, safe="")
