"""One resource's part of a run: asking, normalising and storing, and what was seen on the way."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

from tributary.answered import Answered
from tributary.chunk import split
from tributary.collected import Collected, failure_of
from tributary.columns import Column
from tributary.coverage import NOTHING, Coverage, Gap
from tributary.errors import FatalError, OutOfTimeError, RequestRefusedError, TributaryError
from tributary.hours import Marker
from tributary.listing import born_ms, may_be_another
from tributary.pace import Span
from tributary.provider import Details, Normalised, Provider, Request, Resource
from tributary.publisher import PublishRules
from tributary.registry import Entry
from tributary.series_quota import SeriesQuota
from tributary.sighting import Sightings
from tributary.statistics import Statistics
from tributary.store import Store
from tributary.telling import Telling
from tributary.windows import HOUR_MS, MINUTE_MS, Window, floor_to, without

# Where a new resource's first run begins; what the provider has from before is imported later.
_FIRST_MS = HOUR_MS
# After a request for what is not current failed.
_PAUSE_MS = 30 * MINUTE_MS
# An answer for so short a window as usual is taken as whole.
_WHOLE_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Means:
    """What all resources of a shard are collected with."""

    provider: Provider
    store: Store
    rules: PublishRules
    marker: Marker
    quota: SeriesQuota


@dataclass(slots=True)
class ResourceRun:
    """Brings one resource up to the run's end, and further back where something is missing.

    What is stored stays stored when a later request fails; `collected` says how far it came.
    `instances` are those that the registry knows, each with its last sample's time, None while it
    lives. Nothing before `born_ms` is taken: it was another's, whose name it has. One that has
    `returned` into its provider's list may be another too: its details tell, before anything is
    asked of it.
    """

    means: Means
    resource: Resource
    span: Span
    before: Collected
    telling: Telling
    instances: Mapping[str, int | None] = field(default_factory=dict)
    born_ms: int = 0
    returned: bool = False
    collected: Collected = field(init=False)
    sightings: Sightings = field(default_factory=Sightings)
    samples: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    details: Details | None = None
    is_described: bool = False
    details_error: TributaryError | None = None
    error: TributaryError | None = None
    # The host has not answered for the rest of a gap yet, and would not in this run either.
    waits: bool = False
    _changed_ms: int | None = None

    @classmethod
    def of(
        cls,
        means: Means,
        resource: Resource,
        span: Span,
        before: Collected,
        entry: Entry | None,
        now_ms: int,
    ) -> Self:
        """The run of a resource of which state and registry know this, at AWS's time."""
        rules = means.rules
        telling = Telling(
            resource.id, means.store, rules, rules.first_due(before, now_ms), rules.oldest(now_ms)
        )
        run = cls(means, resource, span, before, telling)
        if entry:
            run.instances = {name: one.last_ms for name, one in entry.instances.items()}
            run.born_ms, run.returned = born_ms(entry), may_be_another(entry)
        return run

    def __post_init__(self) -> None:
        self.collected = replace(self.before, idle=self.resource.idle)

    def collect(self, *, thorough: bool = False) -> None:
        """Asks for what is current; an error ends the resource's part of the run, not others'.

        A `thorough` run looks hourly for instances that came and went between two runs.
        """
        try:
            self._collect_current()
            if thorough and self._is_hours_first:
                self._sweep()
        except OutOfTimeError as error:
            # Nothing is wrong with the resource: the next run goes on where this one stopped.
            self.error = error
            return
        except TributaryError as error:
            self.error = error
        self._note_attempt()

    def mend(self, gap: Window) -> Window:
        """Sends the next request for a gap in what has been collected, and notes what was there;
        returns for which time it was asked."""
        provider = self.means.provider
        request = provider.missing(self.resource, gap, self.span.slot_ms)
        if request is None:
            self.collected = self.collected.covering(Coverage.of(gap))
            return gap
        # Where it begins other series may have had their last sample a little earlier.
        start_ms = request.window.start_ms - min(self.collected.overlap_ms, HOUR_MS)
        request = provider.ranged(request, Window(start_ms, request.window.end_ms)) or request
        self._guarded(partial(self._mend, request), partial(self._close, request.window))
        return request.window

    def import_older(self) -> None:
        """Sends the next request for what the provider has from before the first run."""
        request = self._older()
        if request is None:
            self._end_import()
            return
        self._guarded(partial(self._import, request), self._end_import)

    def describe(self) -> None:
        """Asks for what only a request of its own tells; what fails is no failure of collecting."""
        self.is_described = True
        try:
            self.details = self.means.provider.describe(self.resource)
        except OutOfTimeError as error:
            self.error = self.error or error
        except FatalError as error:
            # Asked again tomorrow: today's answer would be the same.
            self.details, self.details_error = Details({}), error
        except TributaryError as error:
            self.details_error = error

    @property
    def requests_to_import(self) -> int:
        """How many requests the rest of the provider's history takes at most."""
        coverage = self.collected.coverage
        if coverage is None or self.collected.imported == 100:
            return 0
        return self._requests_before(coverage.since_ms)

    def statistics(self) -> list[Statistics]:
        """What CloudWatch is to be told of the minutes that are now complete in the store."""
        return self.telling.statistics(self.collected.live_ms)

    def told(self) -> None:
        """Notes that CloudWatch has taken everything so far."""
        self.collected = self.published
        self.telling.told(self.collected.live_ms)

    @property
    def publishing(self) -> Collected:
        """The state before sending: it says what is meant to be sent."""
        due = self.telling.due(self.collected.live_ms)
        return replace(self.collected, publishing_ms=max(due.end_ms, self.collected.publishing_ms))

    @property
    def published(self) -> Collected:
        """The state once CloudWatch has taken everything."""
        meant = self.publishing
        return replace(meant, published_ms=meant.publishing_ms)

    @property
    def untold(self) -> Collected:
        """The state where CloudWatch could not be told: gaps whose minutes it would still take stay
        open, since only the run that mends them tells of them."""
        if not self.telling.owes(self.collected.live_ms):
            return self.collected
        return replace(self.before, paused_ms=self.span.slot_ms + _PAUSE_MS)

    def _collect_current(self) -> None:
        from_ms = self.before.from_ms
        start_ms = max(self.span.end_ms - _FIRST_MS if from_ms is None else from_ms, self.born_ms)
        if start_ms >= self.span.end_ms:
            return
        wanted = Window(start_ms, self.span.end_ms)
        request = self.means.provider.current(self.resource, wanted)
        if request is None:
            return
        answered = self._ask(request)
        self.telling.current_from(request.window.start_ms)
        alive = None if from_ms is None else self._alive_in(request.window)
        self._ask_ended(request.window, answered, alive)
        # Only now that all of it is stored: what a failure leaves out is asked for again.
        gaps = answered.gaps(request.window, answered.newest_resolution_ms)
        self.collected = self.collected.after(request.window, self._changed_ms, gaps)
        self.telling.mend(self._closed_by(answered))

    @property
    def _is_hours_first(self) -> bool:
        before_ms, now_ms = self.before.asked_ms, self.collected.asked_ms
        if before_ms is None or now_ms is None:
            return False
        return floor_to(HOUR_MS, before_ms) < floor_to(HOUR_MS, now_ms)

    def _sweep(self) -> None:
        """Asks which instances there were in the last hour, and for those that are not known.

        While others stay the same, nothing else tells of one that lived for less than an interval.
        """
        window = Window(self.span.end_ms - HOUR_MS, self.span.end_ms)
        known = self.instances.keys() | self.sightings.instances.keys()
        seen = {_container(name) for name in known}
        for request in self.means.provider.ended(self.resource, window, None, seen):
            self._ask(request)

    def _mend(self, request: Request) -> None:
        usual_ms = self.collected.resolution_ms
        answered = self._ask(request)
        self._ask_ended(request.window, answered)
        if usual_ms:
            # The newest that there is of something that stopped may be coarse: not what is usual.
            finer_ms = min(usual_ms, self.collected.resolution_ms)
            self.collected = replace(self.collected, resolution_ms=finer_ms)
        window = answered.spoken_for(request.window, self.span.slot_ms)
        gaps = answered.gaps(window, self.collected.resolution_ms)
        gaps = sorted([*gaps, *self._lost(window, answered, gaps)])
        open_before = self.collected.gaps_before(self.span.end_ms)
        self.collected = self.collected.covering(Coverage.of(window, gaps))
        self._closed_by(answered)
        open_after = self.collected.gaps_before(self.span.end_ms)
        self.telling.mend(without(open_before, open_after))
        self.waits = open_after == open_before

    def _close(self, window: Window) -> None:
        gap = Gap(window.start_ms, window.end_ms, NOTHING)
        self.collected = self.collected.covering(Coverage.of(window, [gap]))

    def _lost(self, window: Window, answered: Answered, gaps: Iterable[Gap]) -> Iterator[Gap]:
        """What nothing was answered for, unless the resource had not begun to run, had ended, or
        may rest at any time."""
        if self.resource.sporadic:
            return
        first_ms = (self.before.asked_ms or 0) if self.before.idle else -1
        last_ms = (self.collected.newest_ms or 0) if self.resource.idle else window.end_ms
        fine = answered.covered(self.collected.resolution_ms)
        for one in without([window], [*fine, *(gap.window for gap in gaps)]):
            if first_ms < one.start_ms <= last_ms:
                yield Gap(one.start_ms, one.end_ms, NOTHING)

    def _closed_by(self, answered: Answered) -> list[Window]:
        """Notes what the answer shows to be stored beyond its window; what was open of it."""
        if self.collected.coverage is None:
            return []
        before = self.collected.gaps_before(self.span.end_ms)
        for span in answered.covered(self.collected.resolution_ms):
            # Beyond its window not the time that the last sample stands for: there another series
            # may have one that was not asked for.
            shown = Window(span.start_ms, span.end_ms - self.collected.resolution_ms)
            known = shown.common(self.collected.coverage.window)
            if known.length_ms:
                self.collected = self.collected.covering(Coverage.of(known))
        return without(before, self.collected.gaps_before(self.span.end_ms))

    def _import(self, request: Request) -> None:
        answered = self._ask(request)
        self._ask_ended(request.window, answered)
        window = request.window
        empty_ms = 0 if answered.times else self.collected.empty_ms + window.length_ms
        imported = self.collected.covering(Coverage.of(window))
        self.collected = replace(imported, empty_ms=empty_ms)
        total = self._requests_before(self.span.end_ms)
        done = total - self._requests_before(window.start_ms)
        self.collected = replace(self.collected, imported=min(99, 100 * done // max(total, 1)))
        if self._older() is None:
            self._end_import()

    def _end_import(self) -> None:
        self.collected = replace(self.collected, imported=100)

    def _older(self) -> Request | None:
        coverage = self.collected.coverage
        if coverage is None or coverage.since_ms <= self.born_ms:
            return None
        return self.means.provider.older(
            self.resource, coverage.since_ms, self.collected.empty_ms, self.span.slot_ms
        )

    def _requests_before(self, before_ms: int) -> int:
        """How many requests go back from an instant to the oldest that the provider may have."""
        requests, older = 0, self.means.provider.older
        while before_ms > self.born_ms and (
            request := older(self.resource, before_ms, 0, self.span.slot_ms)
        ):
            requests, before_ms = requests + 1, request.window.start_ms
        return requests

    def _guarded(self, ask: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Asks for what is not current; where that fails, nothing such is asked for a while.

        Gives up what the host refuses to be asked, such as a range from before it keeps any: what
        is current was asked for in the same way, so that the request is not at fault.
        """
        try:
            ask()
        except RequestRefusedError as error:
            self.warnings.append(f"not asked for again: {error}")
            give_up()
        except OutOfTimeError as error:
            self.error = self.error or error
        except TributaryError as error:
            self.error = error
            # Not as the resource's failure: what is current was answered.
            self.collected = replace(self.collected, paused_ms=self.span.slot_ms + _PAUSE_MS)

    def _note_attempt(self) -> None:
        slot_ms = self.span.slot_ms
        failure = failure_of(self.error, slot_ms, self.before.failure) if self.error else None
        self.collected = replace(self.collected, attempted_ms=slot_ms, failure=failure)

    def _ask(self, request: Request) -> Answered:
        """What is answered to a request and, where that is less than was asked for, to others for
        the rest, stored."""
        answered = self._take(request)
        if answered.times and request.window.length_ms > _WHOLE_MS:
            for part in answered.unanswered(request.window):
                rest = self.means.provider.ranged(request, part)
                if rest:
                    answered.add(self._ask(rest))
        return answered

    def _ask_ended(
        self, window: Window, answered: Answered, alive: frozenset[str] | None = None
    ) -> None:
        seen = {_container(name) for name in answered.instances}
        for request in self.means.provider.ended(self.resource, window, alive, seen):
            answered.add(self._ask(request))

    def _alive_in(self, window: Window) -> frozenset[str]:
        return frozenset(
            _container(name)
            for name, last_ms in self.instances.items()
            if last_ms is None or last_ms >= window.start_ms
        )

    def _take(self, request: Request) -> Answered:
        answer = self.means.provider.fetch(request)
        seen_ms = self.span.slot_ms
        normalised = self.means.provider.normalise(self.resource, answer, seen_ms)
        columns = [
            rows
            for column in normalised.columns
            if (rows := column.between(self.born_ms, self.span.end_ms))
        ]
        answered = Answered.of(columns)
        columns = self._admitted(columns)
        self._store(columns)
        self._note(normalised, columns)
        self.telling.keep(columns)
        return answered

    def _admitted(self, columns: list[Column]) -> list[Column]:
        """The columns of instances that are known, and of new ones as long as there is room."""
        known = self.instances.keys() | self.sightings.instances.keys() | self.refused.keys()
        series = Counter(column.key.instance for column in columns)
        for name in series.keys() - known:
            if not self.means.quota.takes(series[name]):
                self.refused[name] = series[name]
        return [column for column in columns if column.key.instance not in self.refused]

    def _store(self, columns: list[Column]) -> None:
        chunks = split(self.resource.id, columns)
        if not chunks:
            return
        since = Window(chunks[0].window.start_ms, self.span.end_ms)
        self.means.marker.before_first(self.resource.id, since)
        before_old = partial(self.means.marker.before_old, self.resource.id)
        newest_ms = self.collected.newest_ms or 0
        written = self.means.store.write_all(chunks, newest_ms, before_old)
        self.samples += written.samples
        if written.first_ms is not None and written.first_ms <= (self.before.newest_ms or 0):
            self._changed_ms = min(written.first_ms, self._changed_ms or written.first_ms)

    def _note(self, normalised: Normalised, columns: list[Column]) -> None:
        """Advances the state, now that the answer's samples are stored."""
        self.sightings.add(columns, normalised.instances)
        self.unknown.update(f"{metric} {unit}" for metric, unit in normalised.unknown)
        self.warnings += normalised.warnings
        newest_ms = max((column.times[-1] for column in columns), default=0)
        if newest_ms > (self.collected.newest_ms or 0):
            # The coarsest of the metrics: the overlap of the next run must reach back for all.
            resolution_ms = max(column.runs[-1].resolution_ms for column in columns)
            self.collected = replace(
                self.collected, newest_ms=newest_ms, resolution_ms=resolution_ms
            )


def _container(instance: str) -> str:
    """The container that an instance is, or is a volume of."""
    return instance.partition("/")[0]
