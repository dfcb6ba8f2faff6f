"""One resource's part of a run: plan, fetch, normalise and store, and what was seen on the way."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from tributary.chunk import split
from tributary.columns import Column, ColumnKey, merge
from tributary.errors import OutOfTimeError, TributaryError
from tributary.hours import Marker
from tributary.provider import Normalised, Provider, Request, Resource
from tributary.publisher import PublishRules
from tributary.sighting import Sightings
from tributary.state import Collected, failure_of
from tributary.statistics import Statistics, minute_statistics
from tributary.store import Store
from tributary.windows import MINUTE_MS, Window, floor_to


@dataclass(frozen=True, slots=True)
class Span:
    """The run's times in ms: scheduled for `slot_ms`, collecting until `end_ms`."""

    slot_ms: int
    end_ms: int


@dataclass(slots=True)
class ResourceRun:
    """Brings one resource up to the run's end, request by request, oldest first.

    What is stored stays stored when a later request fails; `collected` says how far it came.
    """

    provider: Provider
    resource: Resource
    span: Span
    before: Collected
    publish_from_ms: int
    marker: Marker
    collected: Collected = field(init=False)
    sightings: Sightings = field(default_factory=Sightings)
    samples: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    error: TributaryError | None = None
    _since_ms: int | None = None
    _published: list[Column] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.collected = replace(self.before, idle=self.resource.idle)

    def collect(self, store: Store, rules: PublishRules) -> None:
        """Runs every planned request; an error ends the resource's part of the run, not others'."""
        progress = self.before.progress
        try:
            for request in self.provider.plan(self.resource, progress, self.span.end_ms):
                self._take(request, store, rules)
        except OutOfTimeError as error:
            # Nothing is wrong with the resource: the next run goes on where this one stopped.
            self.error = error
            return
        except TributaryError as error:
            self.error = error
        self.collected = replace(
            self.collected,
            attempted_ms=self.span.slot_ms,
            failure=failure_of(self.error, self.span.slot_ms) if self.error else None,
        )

    def statistics(self, store: Store, rules: PublishRules) -> list[Statistics]:
        """What CloudWatch is to be told of the minutes that are now complete in the store."""
        due = self._due
        if due.start_ms == due.end_ms or not rules.metrics:
            return []
        columns = self._published
        if self._since_ms is None or due.start_ms < self._since_ms:
            # An earlier run stored these and died, or failed, before it published them.
            stored = store.read(self.resource.id, due.start_ms, due.end_ms, rules.chooses)
            columns = [*columns, *stored]
        return minute_statistics(self.resource.id, _by_key(columns), due)

    @property
    def publishing(self) -> Collected:
        """The state before sending: it says what is meant to be sent."""
        return replace(
            self.collected, publishing_ms=max(self._due.end_ms, self.collected.publishing_ms)
        )

    @property
    def published(self) -> Collected:
        """The state once CloudWatch has taken everything."""
        meant = self.publishing
        return replace(meant, published_ms=meant.publishing_ms)

    @property
    def _due(self) -> Window:
        complete_ms = floor_to(MINUTE_MS, self.collected.watermark_ms or 0)
        return Window(self.publish_from_ms, max(self.publish_from_ms, complete_ms))

    def _take(self, request: Request, store: Store, rules: PublishRules) -> None:
        answer = self.provider.fetch(request)
        normalised = self.provider.normalise(self.resource, answer, self.span.slot_ms)
        columns = [
            rows for column in normalised.columns if (rows := column.between(0, self.span.end_ms))
        ]
        chunks = split(self.resource.id, columns)
        if chunks:
            since = Window(chunks[0].window.start_ms, self.span.end_ms)
            self.marker.before_first(self.resource.id, since)
        self.samples += store.write_all(
            chunks, self.collected.newest_ms or 0, partial(self.marker.before_old, self.resource.id)
        )
        self._note(request, normalised, columns)
        self._published += (
            rows
            for column in columns
            if rules.chooses(column.key)
            and (rows := column.between(self.publish_from_ms, self.span.end_ms))
        )

    def _note(self, request: Request, normalised: Normalised, columns: list[Column]) -> None:
        """Advances the state, now that the answer's samples are stored."""
        self.sightings.add(columns, normalised.instances)
        self.unknown.update(f"{metric} {unit}" for metric, unit in normalised.unknown)
        self.warnings += normalised.warnings
        if self._since_ms is None:
            self._since_ms = request.window.start_ms
        self.collected = replace(
            self.collected, asked_ms=max(request.window.end_ms, self.collected.asked_ms or 0)
        )
        newest_ms = max((column.times[-1] for column in columns), default=0)
        if newest_ms > (self.collected.newest_ms or 0):
            # The coarsest of the metrics: the overlap of the next run must reach back for all.
            resolution_ms = max(column.runs[-1].resolution_ms for column in columns)
            self.collected = replace(
                self.collected, newest_ms=newest_ms, resolution_ms=resolution_ms
            )


def _by_key(columns: Iterable[Column]) -> list[Column]:
    alike: dict[ColumnKey, list[Column]] = {}
    for column in columns:
        alike.setdefault(column.key, []).append(column)
    return [merge(found) for found in alike.values()]
