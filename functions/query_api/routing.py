"""Routing: which answer a path leads to, in whose shape, and which scopes it takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from functions.query_api.answer import Answer
from functions.query_api.problems import Told
from functions.query_api.quota import Quota
from functions.query_api.timing import Timing
from tributary.registry import Entry, Shard


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to an answer, once it is known that it may have one.

    `path` has the parameters of the path, decoded, and `raw_query` the others as they came.
    `shards` reads the registry, of which there is only what the caller may see; `sees` says whether
    everything with some attributes is that. Reading may take `seconds`, from now on.
    """

    path: Mapping[str, str]
    raw_query: str
    shards: Callable[[], Sequence[Shard]]
    sees: Callable[[Mapping[str, str]], bool]
    now_ms: int
    seconds: float
    timing: Timing

    def entries(self) -> Iterator[Entry]:
        """Every resource that the caller may see."""
        return (entry for shard in self.shards() for entry in shard.entries.values())


@dataclass(frozen=True, slots=True)
class Route:
    """A GET: its path, with parameters as `{name}`, and the scopes it takes, none of an open one.

    `answer` raises what `problems` has a status for.
    """

    path: str
    scopes: tuple[str, ...]
    answer: Callable[[Asked], Answer]


class Problem(NamedTuple):
    """An error as an answer."""

    status: int
    content_type: str
    document: Mapping[str, Any]
    headers: Mapping[str, str]


class Front(Protocol):
    """An API's shape: its routes, and what its errors and headers look like."""

    @property
    def routes(self) -> Sequence[Route]:
        """All of its paths."""

    def has(self, path: str) -> bool:
        """Whether nothing but this front would have anything at the path."""

    def problem(self, error: Exception, told: Told) -> Problem:
        """The error in the front's own words."""

    def quota_headers(self, quota: Quota, now_ms: int) -> Mapping[str, str]:
        """What every answer says of what is left of the token's requests."""


class Found(NamedTuple):
    """A route, whose it is, and the parameters of the path."""

    route: Route
    front: Front
    parameters: Mapping[str, str]


class Routes:
    """The routes of several fronts, of which the last one has what no other has."""

    def __init__(self, fronts: Sequence[Front]) -> None:
        self._fronts = fronts
        self._by_length: dict[int, list[tuple[Sequence[str], Route, Front]]] = {}
        for front in fronts:
            for route in front.routes:
                parts = route.path.split("/")
                self._by_length.setdefault(len(parts), []).append((parts, route, front))

    @property
    def all(self) -> list[Route]:
        """Every route."""
        return [route for front in self._fronts for route in front.routes]

    def at(self, path: str) -> Found | None:
        """What is at a path; None where nothing is."""
        parts = path.split("/")
        for template, route, front in self._by_length.get(len(parts), ()):
            parameters = _parameters(template, parts)
            if parameters is not None:
                return Found(route, front, parameters)
        return None

    def front_of(self, path: str) -> Front:
        """In whose words a problem with the path is told."""
        return next((front for front in self._fronts if front.has(path)), self._fronts[-1])


def _parameters(template: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    """What stands in the place of the template's parameters, none of it empty; None if it does not
    fit."""
    found = {}
    for expected, part in zip(template, parts, strict=True):
        if expected.startswith("{"):
            if not part:
                return None
            found[expected[1:-1]] = part
        elif expected != part:
            return None
    return found
