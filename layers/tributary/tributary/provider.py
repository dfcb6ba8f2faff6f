"""What a hosting provider's adapter does for the collector: discover, plan, fetch, normalise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tributary.collected import Progress as Progress  # a word of `plan`
from tributary.columns import Column
from tributary.windows import Window

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Resource:
    """What a user named: a service, an addon, a VPS.

    `id` is `<provider>/<account>/<native path>`. `attributes` are the model's (provider, account,
    project, kind, name, `tag.<name>` …). `payload` is the provider's own list item, untouched.
    `idle` says that no samples are to be expected (paused, stopped, build-only).
    """

    id: str
    attributes: Mapping[str, str]
    payload: Mapping[str, Json]
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One GET for a resource's samples; `window` is the span that the answer is to cover."""

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
    """One account of one provider. Methods raise the errors of `tributary.errors`."""

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

    def discover(self) -> Iterator[Resource]:
        """Every resource that may have metrics, page by page."""

    def describe(self, resource: Resource) -> Mapping[str, str]:
        """Attributes that only a request of its own tells (region, plan); may be none."""

    def plan(self, resource: Resource, progress: Progress | None, end_ms: int) -> Iterable[Request]:
        """Requests, oldest first, that bring a resource from its progress to the end. Pure."""

    def fetch(self, request: Request) -> Json:
        """The provider's answer to a request, parsed and otherwise untouched."""

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """An answer's samples in the model; raises MalformedAnswerError. Pure."""
