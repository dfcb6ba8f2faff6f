"""`make check-token`: says whether a token works, what it sees, and what it may not."""

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
from tributary.provider import Json, Progress, Provider, Resource

_PATIENCE_SECONDS = 60.0
# Asked for as a collector would, one request and not a day's worth.
_RECENT_SECONDS = 900


@dataclass(frozen=True)
class Permission:
    """What a path is asked for, in words with the path's groups, and what a token needs for it."""

    path: str
    purpose: str
    needed: str


# https://northflank.com/docs/v1/api/project/services/get-service-metrics and its siblings;
# https://developer.hostup.se/endpoints/general/post-keys
PERMISSIONS = (
    Permission(r".*/projects", "list the projects", "Project > Projects > Manage > Read"),
    Permission(
        r".*/projects/([^/]+)/services",
        "list the services of {0}",
        "Project > Services > General > Read",
    ),
    Permission(
        r".*/projects/([^/]+)/services/([^/]+)",
        "read the region and plan of {0}/{1}",
        "Project > Services > General > Read",
    ),
    Permission(
        r".*/projects/([^/]+)/services/([^/]+)/metrics",
        "read the metrics of {0}/{1}",
        "Project > Services > Deployment > View Instance Metrics",
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


def main(environment: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Checks every token in the environment; 0 if they may do all that collecting needs.

    Raises Failure when there is no token, or a setting can't be used.
    """
    settings = Settings.from_env(environment)
    given = [(NORTHFLANK, settings.northflank), (HOSTUP, settings.hostup)]
    tokens = [(kind, credentials) for kind, credentials in given if credentials]
    if not tokens:
        raise Failure("No token to check: set NORTHFLANK_TOKEN or HOSTUP_TOKEN.")
    return max(check(kind, credentials, say) for kind, credentials in tokens)


def check(kind: Kind, credentials: Credentials, say: Callable[[str], None]) -> int:
    """Does once what the collector does, says how it went, and returns the exit status."""
    problems = 0
    try:
        client = WatchedClient(
            credentials.base_url or kind.base_url, credentials.token, kind.dialect
        )
        provider = kind.adapter(client, REAL_ACCOUNT, credentials.team)
        resources, problem = _listed(provider)
        if isinstance(problem, CredentialsRefusedError):
            raise problem
        if resources or problem is None or isinstance(problem, ForbiddenError):
            say(f"{kind.name}: the token works and sees {kind.counted(client, resources)}.")
        for line in _failures(provider, resources, problem):
            say(f"{kind.name}: {line}")
            problems = 1
        for path in client.forbidden:
            say(f"{kind.name}: {forbidden(path)}")
            problems = 1
    except CredentialsRefusedError as error:
        say(f"{kind.name}: the token does not work: {error}.")
        return 1
    except TributaryError as error:
        say(f"{kind.name}: {error}.")
        return 1
    return problems


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
    provider: Provider, resources: list[Resource], listing: TributaryError | None
) -> Iterator[str]:
    """What failed other than by a 403, which the client has noted."""
    errors = [listing]
    for resource in _samples(resources):
        errors.append(_tried(provider.describe, resource))
        errors.append(_tried(partial(_metrics, provider), resource))
    for error in errors:
        if error is not None and not isinstance(error, ForbiddenError):
            yield f"{error}."


def _samples(resources: Iterable[Resource]) -> Iterator[Resource]:
    """One resource of each project that should have metrics: a token may be held to projects."""
    projects: set[str] = set()
    for resource in resources:
        project = resource.attributes.get("project", "")
        if project not in projects and not resource.idle:
            projects.add(project)
            yield resource


def _metrics(provider: Provider, resource: Resource) -> None:
    now_ms = int(time.time() * 1000)
    recent = Progress(now_ms - _RECENT_SECONDS * 1000, 0)
    for request in provider.plan(resource, recent, now_ms):
        provider.normalise(resource, provider.fetch(request), now_ms)


def _tried(attempt: Callable[[Resource], object], resource: Resource) -> TributaryError | None:
    try:
        attempt(resource)
    except TributaryError as error:
        return error
    return None


def _projects_and_services(client: WatchedClient, resources: list[Resource]) -> str:
    projects = sum(path.endswith("/services") for path in client.asked)
    return f"{_number(projects, 'project')} with {_number(len(resources), 'service')}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


NORTHFLANK = Kind(
    "northflank", northflank_app.BASE_URL, NORTHFLANK_DIALECT, Northflank, _projects_and_services
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
