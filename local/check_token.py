"""`make check-token`: says whether a token works, what it sees, and what it may not."""

import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from functions.hostup_collector import app as hostup_app
from functions.hostup_collector.provider import DIALECT as HOSTUP_DIALECT
from functions.hostup_collector.provider import Hostup
from functions.northflank_collector import app as northflank_app
from functions.northflank_collector.provider import DIALECT as NORTHFLANK_DIALECT
from functions.northflank_collector.provider import Northflank
from local.failure import Failure
from local.settings import REAL_ACCOUNT, Credentials, Settings
from tributary.client import Client, Dialect, Parameters
from tributary.errors import CredentialsRefusedError, ForbiddenError, TributaryError
from tributary.provider import Json, Provider, Resource
from tributary.windows import Window

_PATIENCE_SECONDS = 60.0
# Asked for as a collector would, one request and not a day's worth.
_RECENT_SECONDS = 900


@dataclass(frozen=True)
class Permission:
    """What a path is asked for, in words with the path's groups, and what a token needs for it."""

    path: str
    purpose: str
    needed: str


def _permissions_on(kind: str) -> Iterator[Permission]:
    """What is asked of Northflank's services, addons or jobs."""
    general, deployment = (
        f"Project > {kind.title()} > {part}" for part in ("General", "Deployment")
    )
    one = rf".*/projects/([^/]+)/{kind}/([^/]+)"
    yield Permission(
        rf".*/projects/([^/]+)/{kind}", f"list the {kind} of {{0}}", f"{general} > Read"
    )
    yield Permission(one, "read the region and plan of {0}/{1}", f"{general} > Read")
    yield Permission(
        f"{one}/metrics", "read the metrics of {0}/{1}", f"{deployment} > View Instance Metrics"
    )
    # For jobs, the documentation names the permission to view logs.
    instances = "View Instance Logs" if kind == "jobs" else "View Instances"
    yield Permission(
        f"{one}/containers", "list the containers of {0}/{1}", f"{deployment} > {instances}"
    )


# https://northflank.com/docs/v1/api/project/services/get-service-metrics and its siblings;
# https://developer.hostup.se/endpoints/general/post-keys
PERMISSIONS = (
    Permission(r".*/projects", "list the projects", "Project > Projects > Manage > Read"),
    *(
        permission
        for kind in ("services", "addons", "jobs")
        for permission in _permissions_on(kind)
    ),
    Permission(r"/api/v2/vps", "list the VPSes", "read:vm"),
    Permission(r"/api/v2/vps/([^/]+)/metrics", "read the metrics of {0}", "read:vm"),
)


class WatchedClient(Client):
    """The collectors' client, noting the paths it asked and those it was forbidden."""

    def __init__(self, base_url: str, token: str, dialect: Dialect) -> None:
        super().__init__(base_url, token, dialect, deadline=time.monotonic() + _PATIENCE_SECONDS)
        self.asked: set[str] = set()
        self.forbidden: list[str] = []

    def get(self, path: str, parameters: Parameters = ()) -> Json:
        """As the client does."""
        self.asked.add(path)
        try:
            return super().get(path, parameters)
        except ForbiddenError:
            self.forbidden.append(path)
            raise


@dataclass(frozen=True)
class Kind:
    """One provider: how it is reached, and how what a token sees of it is called."""

    name: str
    base_url: str
    dialect: Dialect
    adapter: Callable[[Client, str, str | None], Provider]
    counted: Callable[[WatchedClient, list[Resource]], str]


@dataclass(frozen=True)
class Sight:
    """What a token sees: a sentence about it, if it works; problems in sentences; and resources.

    `instances` says how many instances answered, of those resources that were asked for samples.
    """

    name: str
    works: str | None = None
    problems: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()
    instances: Mapping[str, int] = field(default_factory=dict)


def main(environment: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Checks every token in the environment; 0 if they may do all that collecting needs.

    Raises Failure when there is no token, or a setting can't be used.
    """
    seen = list(sights(environment))
    for sight in seen:
        for line in (*([sight.works] if sight.works else ()), *sight.problems):
            say(f"{sight.name}: {line}")
    return int(any(sight.problems for sight in seen))


def sights(environment: Mapping[str, str]) -> Iterator[Sight]:
    """What every token in the environment sees, one after the other.

    Raises Failure when there is no token, or a setting can't be used.
    """
    settings = Settings.from_env(environment)
    given = [(NORTHFLANK, settings.northflank), (HOSTUP, settings.hostup)]
    tokens = [(kind, credentials) for kind, credentials in given if credentials]
    if not tokens:
        raise Failure("No token to check: set NORTHFLANK_TOKEN or HOSTUP_TOKEN.")
    for kind, credentials in tokens:
        yield looked(kind, credentials)


def looked(kind: Kind, credentials: Credentials) -> Sight:
    """Does once what the collector does, and notes all that went wrong."""
    try:
        client = WatchedClient(
            credentials.base_url or kind.base_url, credentials.token, kind.dialect
        )
        provider = kind.adapter(client, REAL_ACCOUNT, credentials.team)
        resources, problem = _listed(provider)
        if isinstance(problem, CredentialsRefusedError):
            raise problem
        answers = Answers(provider)
        failures = list(_failures(answers, resources, problem))
    except CredentialsRefusedError as error:
        return Sight(kind.name, problems=(f"the token does not work: {error}.",))
    except TributaryError as error:
        return Sight(kind.name, problems=(f"{error}.",))
    works = None
    if resources or problem is None or isinstance(problem, ForbiddenError):
        works = f"the token works and sees {kind.counted(client, resources)}."
    refused = [forbidden(path) for path in client.forbidden]
    problems = (*failures, *answers.unknown(), *refused)
    return Sight(kind.name, works, problems, tuple(resources), answers.instances)


class Answers:
    """What a provider answered to requests for samples: who answered, and in which units."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.instances: dict[str, int] = {}
        self._unknown: Counter[tuple[str, str]] = Counter()

    def ask(self, resource: Resource) -> None:
        """Asks for the samples of the last minutes."""
        recent = _recent()
        if request := self.provider.current(resource, recent):
            answer = self.provider.fetch(request)
            normalised = self.provider.normalise(resource, answer, recent.end_ms)
            self.instances[resource.id] = len(normalised.instances)
            self._unknown.update(normalised.unknown)

    def unknown(self) -> Iterator[str]:
        """A sentence for each pair of metric and unit that has no canonical name."""
        for metric, unit in self._unknown:
            yield (
                f"{metric} comes in {unit!r}, which is no unit known of it: it would be kept under "
                "the provider's own name."
            )


def forbidden(path: str) -> str:
    """What a 403 to a path means, and the permission that mends it."""
    for permission in PERMISSIONS:
        if found := re.fullmatch(permission.path, path):
            purpose = permission.purpose.format(*found.groups())
            return f"the token may not {purpose}: it needs {permission.needed}."
    return f"the token may not GET {path}."


def _listed(provider: Provider) -> tuple[list[Resource], TributaryError | None]:
    resources: list[Resource] = []
    try:
        resources.extend(provider.discover())
    except TributaryError as error:
        return resources, error
    return resources, None


def _failures(
    answers: Answers, resources: list[Resource], listing: TributaryError | None
) -> Iterator[str]:
    """What failed other than by a 403, which the client has noted."""
    errors = [listing]
    for resource in _samples(resources):
        errors.append(_tried(answers.provider.describe, resource))
        errors.append(_tried(answers.ask, resource))
        errors.append(_tried(partial(_ended, answers.provider), resource))
    for error in errors:
        if error is not None and not isinstance(error, ForbiddenError):
            yield f"{error}."


def _samples(resources: Iterable[Resource]) -> Iterator[Resource]:
    """One resource of each kind and project that should have metrics: tokens may be held to
    either."""
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        place = resource.attributes.get("project", ""), resource.attributes["kind"]
        if place not in seen and not resource.idle:
            seen.add(place)
            yield resource


def _ended(provider: Provider, resource: Resource) -> None:
    """Asks for what is asked where an instance is no longer answered for; not for its metrics."""
    for _ in provider.ended(resource, _recent(), {"an instance"}, set()):
        return


def _recent() -> Window:
    now_ms = int(time.time() * 1000)
    return Window(now_ms - _RECENT_SECONDS * 1000, now_ms)


def _tried(attempt: Callable[[Resource], object], resource: Resource) -> TributaryError | None:
    try:
        attempt(resource)
    except TributaryError as error:
        return error
    return None


def _projects_and_workloads(client: WatchedClient, resources: list[Resource]) -> str:
    projects = sum(path.endswith("/services") for path in client.asked)
    kinds = Counter(resource.attributes["kind"] for resource in resources)
    others = [_number(kinds[kind], kind) for kind in ("addon", "job") if kinds[kind]]
    workloads = [_number(kinds["service"], "service"), *others]
    *most, last = workloads
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"{_number(projects, 'project')} with {listed}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


NORTHFLANK = Kind(
    "northflank", northflank_app.BASE_URL, NORTHFLANK_DIALECT, Northflank, _projects_and_workloads
)
HOSTUP = Kind(
    "hostup",
    hostup_app.BASE_URL,
    HOSTUP_DIALECT,
    Hostup,
    lambda client, resources: f"{len(resources)} VPS{'' if len(resources) == 1 else 'es'}",
)


if __name__ == "__main__":
    logging.disable()  # what the adapters would log is said here in a line of its own
    try:
        sys.exit(main(os.environ, print))
    except Failure as failure:
        sys.exit(str(failure))
