"""What a hosting provider's adapter does for the collector: discover, plan, fetch, normalise."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from tributary.columns import Column
from tributary.windows import Window

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Resource:
    """What a user named: a service, an addon, a job, a VPS.

    `id` is `<provider>/<account>/<native path>`, from its second life on with `~<created at>`;
    `native` is the path by which the provider is asked, the same in every life. `attributes` are
    the model's (provider, account, project, kind, name, `tag.<name>` …). `payload` is the
    provider's own list item, untouched. `idle` says that no samples are to be expected (paused,
    stopped, build-only).
    """

    id: str
    native: str
    attributes: Mapping[str, str]
    payload: Mapping[str, Json]
    idle: bool = False

    @property
    def sporadic(self) -> bool:
        """Whether it has samples only while it runs, and nobody knows when it should."""
        return is_sporadic(self.attributes)


def is_sporadic(attributes: Mapping[str, str]) -> bool:
    """Whether they are a job's, which has samples only while it runs."""
    return attributes.get("kind") == "job"


@dataclass(frozen=True, slots=True)
class Details:
    """What only a request of its own tells of a resource: attributes (region, plan), and when it
    was created, in ms, by which a re-made one is told from the one before; None if nobody says."""

    attributes: Mapping[str, str]
    created_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One GET for a resource's samples; `window` is the time that the answer will speak for."""

    path: str
    parameters: tuple[tuple[str, str], ...]
    window: Window


@dataclass(frozen=True, slots=True)
class Normalised:
    """An answer in Tributary's model.

    `columns` are named and in units of the catalogue, times in ms, each of one key; `instances`
    gives attributes (container, volume, deployment) by instance. `unknown` are pairs of provider
    metric and unit that the catalogue has no place for (kept all the same, under the provider's
    name); `warnings` are sentences for the log about units that do not fit each other.
    """

    columns: tuple[Column, ...]
    instances: Mapping[str, Mapping[str, str]]
    unknown: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = field(default=())


class Provider(Protocol):
    """One account of one provider. Methods raise the errors of `tributary.errors`.

    What is asked for comes one request at a time, since what comes next depends on the answer.
    `current`, `missing`, `older` and `ranged` are pure, and None where there is nothing to ask.
    """

    @property
    def name(self) -> str:
        """The provider's name: the first part of its resources' ids."""

    @property
    def account(self) -> str:
        """The account's name in the secret."""

    @property
    def parallel_requests(self) -> int:
        """How many requests the provider may be asked at a time."""

    @property
    def requests(self) -> int:
        """How many requests have been sent, tries that failed included."""

    @property
    def clock_offset_ms(self) -> int:
        """How far the provider's clock is ahead of this machine's; 0 until it has answered."""

    @property
    def reach_ms(self) -> int | None:
        """For how long the provider keeps its finest samples; None if nobody knows."""

    @property
    def projects(self) -> Sequence[Mapping[str, Json]] | None:
        """The provider's own list items, untouched, of the projects that `discover` came upon; None
        where there are no projects."""

    def discover(self) -> Iterator[Resource]:
        """Every resource that may have metrics, page by page, each as in its first life."""

    def describe(self, resource: Resource) -> Details:
        """What only a request of its own tells; empty, without a request, where that is nothing."""

    def current(self, resource: Resource, wanted: Window) -> Request | None:
        """The request for the newest that there is of the window; it may be for less than all."""

    def missing(self, resource: Resource, gap: Window, now_ms: int) -> Request | None:
        """The request for what would be lost soonest of a gap in what has been collected."""

    def older(
        self, resource: Resource, before_ms: int, empty_ms: int, now_ms: int
    ) -> Request | None:
        """The request for the next samples back, before an instant from which on so much time was
        answered empty; None where the provider has no older ones."""

    def ended(
        self, resource: Resource, window: Window, alive: Set[str] | None, answered: Set[str]
    ) -> Iterator[Request]:
        """Requests for the instances that ended in the window, which `current` leaves out, of a
        resource of which some instances were alive before it, None if nobody knows, and some
        were answered for it.

        May itself ask the provider which there were.
        """

    def ranged(self, request: Request, window: Window) -> Request | None:
        """The same request for another window; None where the provider takes no ranges."""

    def fetch(self, request: Request) -> Json:
        """The provider's answer to a request, parsed and otherwise untouched."""

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """An answer's samples in the model; raises MalformedAnswerError. Pure."""
