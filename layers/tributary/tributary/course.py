"""The course of one run over one account: list, choose, collect what is current, fill gaps."""

from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Self

from tributary.agenda import Task, cost, is_due, tasks, urgency
from tributary.collected import Collected
from tributary.errors import OutOfTimeError
from tributary.hours import Marker
from tributary.listing import Listing, discovered, known
from tributary.notes import NOTHING_LISTED, Notes, Place
from tributary.pacing import Portion, Standing, listing_every_ms, portion
from tributary.provider import Provider, Resource
from tributary.registration import placed
from tributary.registry import Registry, Shard
from tributary.report import Report
from tributary.resource_run import Means, ResourceRun
from tributary.run_record import Run, RunRecord
from tributary.series_quota import SeriesQuota
from tributary.state import ShardState, States
from tributary.tally import count
from tributary.windows import HOUR_MS, MINUTE_MS, SECOND_MS

if TYPE_CHECKING:
    from tributary.account_run import AccountRun

# After so many requests for what is missing, what they brought is noted: a run that dies loses no
# more than these.
_NOTED_EVERY = 64
# Each may take more than one request: so many at a time do not go far beyond what may be sent.
_ASKED_AT_ONCE = 16
# An inventory is listed at least so often, be the budget as small as it may.
_LISTED_EVERY_MS = HOUR_MS
# How long a run may go on within its function's time.
RUN_MS = 4 * MINUTE_MS
# Requests for instances that ended, details, and what is missing.
_UNFORESEEN = 5
# A clock that is off by more is not believed: what it was ahead would never be asked for, once it
# was put right.
_LARGEST_OFFSET_MS = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Known:
    """An account's shards, and their states by number, as a run finds them."""

    account: str
    shards: tuple[Shard, ...]
    states: Mapping[int, ShardState]

    @classmethod
    def of(cls, registry: Registry, states: States, account: str) -> Self:
        shards = tuple(registry.shards_of(account))
        found = {one.number: states.get(account, one.number) for one in shards}
        return cls(account, shards, found)

    @property
    def resources(self) -> dict[str, Collected]:
        """State by resource id."""
        return {
            name: one for state in self.states.values() for name, one in state.resources.items()
        }

    @property
    def living(self) -> int:
        """How many of them each run is to ask about: those that are neither idle nor gone."""
        states = self.resources
        return sum(
            entry.gone_ms is None and name in states and not states[name].idle
            for shard in self.shards
            for name, entry in shard.entries.items()
        )

    def wanted(self, record: RunRecord, every_ms: int, now_ms: int) -> int:
        """About how many requests a run takes: more are reserved as they are needed, and what a
        run that dies had reserved is lost until the budget starts afresh."""
        living = self.living
        part = portion(Standing.of(record.budget, now_ms), living, living, every_ms)
        return part.current + record.listing_requests + _UNFORESEEN


class Course:
    """One run of an AccountRun; `listed` is when, and in how many requests, it listed."""

    def __init__(
        self,
        rules: "AccountRun",
        known: Known,
        provider: Provider,
        run: Run,
        report: Report,
        slot_ms: int,
    ) -> None:
        self.listed: tuple[int | None, int | None] = (None, None)
        self._rules, self._known, self._provider, self._run = rules, known, provider, run
        self._report, self._slot_ms = report, slot_ms
        self._filled = 0
        self._notes = Notes(
            rules.registry,
            rules.inventory,
            rules.states,
            rules.publisher,
            report,
            slot_ms,
            rules.store.forgotten_ms(),
        )
        self._quota = SeriesQuota.of(rules.new_series, known.shards, slot_ms)
        self._listing = NOTHING_LISTED
        self._places: list[Place] = []

    def go(self) -> None:
        """What is current first, of those that have waited longest; then what is missing."""
        self._listing = self._resources()
        self._span = self._rules.pace.span(self._slot_ms + self._offset_ms())
        self._places = [
            self._place(shard, here)
            for shard, here in placed(
                self._known.shards, self._known.account, self._listing.resources
            )
        ]
        runs = [run for place in self._places for run in place.runs]
        living = sum(cost(run) for run in runs if not run.resource.idle)
        every_ms = self._rules.pace.every_ms
        due = sorted((run for run in runs if is_due(run, every_ms)), key=urgency)
        part = portion(self._standing(), sum(map(cost, due)), living, every_ms)
        affordable = sum(spent <= part.current for spent in accumulate(map(cost, due)))
        chosen = due[: max(1, affordable)]
        self._say_pace(part, len(chosen), len(due))
        with ThreadPoolExecutor(self._provider.parallel_requests) as pool:
            self._collect(pool, {id(run) for run in chosen}, part.missing > living)
            self._fill(pool, part.missing)
        self._say_rest(runs)

    def _offset_ms(self) -> int:
        """How far the provider's clock is ahead, for now is the provider's: its windows end there.

        In whole minutes, so that an event that comes twice collects the same.
        """
        offset_ms = self._provider.clock_offset_ms or self._run.known.clock_offset_ms
        if abs(offset_ms) > _LARGEST_OFFSET_MS:
            return 0
        return int(offset_ms / MINUTE_MS) * MINUTE_MS

    def _standing(self) -> Standing:
        """The budget as far as this run gets: more than once, where it starts afresh meanwhile."""
        now, every_ms = self._run.allowance.standing(), self._rules.pace.every_ms
        windows = max(0, min(every_ms, RUN_MS) - now.resets_in_ms) // now.window_ms
        return replace(now, left=now.left + windows * now.allowed)

    def _resources(self) -> Listing:
        provider, record, shards = self._provider, self._run.known, self._known.shards
        before = known(shards, self._known.resources, provider)
        wait_ms = listing_every_ms(
            self._standing(), record.listing_requests, self._rules.pace.every_ms, _LISTED_EVERY_MS
        )
        if self._slot_ms - record.listed_ms < wait_ms:
            return before
        asked = provider.requests
        listing = discovered(provider, self._rules.choice, before, shards, self._report)
        if listing.whole:
            self._notes.projects(provider.projects)
        # A list that fails takes requests too, and is asked for again no sooner.
        took = provider.requests - asked
        self.listed = self._slot_ms, max(took, 0 if listing.whole else record.listing_requests)
        return listing

    def _place(self, shard: Shard, resources: Iterable[Resource]) -> Place:
        state = self._known.states.get(shard.number, ShardState(self._known.account, shard.number))
        rules, clock = self._rules, self._rules.clock
        marker = Marker(rules.hours, shard, self._span.slot_ms, clock)
        means = Means(self._provider, rules.store, rules.publisher.rules, marker, self._quota)
        now_ms = int(clock() * SECOND_MS)
        runs = [
            ResourceRun.of(
                means,
                resource,
                self._span,
                state.resources.get(resource.id, Collected()),
                shard.entries.get(resource.id),
                now_ms,
            )
            for resource in resources
        ]
        return Place(shard, state, runs)

    def _say_pace(self, part: Portion, chosen: int, due: int) -> None:
        self._notes.every_ms = part.every_ms
        self._report.every_seconds = part.every_ms / SECOND_MS
        self._report.postponed += due - chosen
        if chosen < due:
            self._report.warned(
                f"the request budget holds {chosen} of {due} resources now: each is "
                f"collected about every {part.every_ms / MINUTE_MS:.0f} minutes, completely"
            )

    def _say_rest(self, runs: Sequence[ResourceRun]) -> None:
        report = self._report
        count(report, runs)
        report.budget_left = self._run.allowance.standing().percent_left
        report.import_seconds = self._notes.import_ms / SECOND_MS
        if report.refused:
            report.warned(
                f"{report.refused} series of new instances left out: the account has more than "
                f"{self._rules.new_series} that began within 24 hours (NewSeriesPerDay)"
            )

    def _collect(self, pool: ThreadPoolExecutor, chosen: Container[int], thorough: bool) -> None:
        """What is current, shard by shard, so that memory stays bounded and a run that dies loses
        little; first the shard that has waited longest, in case the time runs out before the last.
        """
        for place in sorted(self._places, key=_waited):
            mine = sorted((run for run in place.runs if id(run) in chosen), key=urgency)
            for _ in pool.map(partial(ResourceRun.collect, thorough=thorough), mine):
                pass
            listed = [run for run in place.runs if run.resource.id in self._listing.fresh]
            both = {id(run): run for run in (*listed, *mine)}
            self._notes.register(place, both.values(), self._listing)
            self._notes.current(place, mine)

    def _fill(self, pool: ThreadPoolExecutor, requests: int) -> None:
        """What is missing, one request of each resource after the other, until so many are sent."""
        unnoted, noted = list[ResourceRun](), 0
        while self._filled < requests:
            todo = self._tasks()[: min(requests - self._filled, _ASKED_AT_ONCE)]
            if not todo:
                break
            asked = self._provider.requests
            for _ in pool.map(lambda task: task.act(), todo):
                pass
            self._filled += max(self._provider.requests - asked, len(todo))
            unnoted += (task.run for task in todo)
            if any(isinstance(task.run.error, OutOfTimeError) for task in todo):
                break
            if self._filled - noted >= _NOTED_EVERY:
                self._notes.filled(self._places, unnoted)
                unnoted, noted = [], self._filled
        if self._filled:
            left = sum(run.requests_to_import for place in self._places for run in place.runs)
            self._notes.import_ms = int(left / self._filled * self._rules.pace.every_ms)
        self._notes.filled(self._places, unnoted)

    def _tasks(self) -> list[Task]:
        entries = {name: one for place in self._places for name, one in place.shard.entries.items()}
        return tasks((run for place in self._places for run in place.runs), entries.get)


def _waited(place: Place) -> tuple[int, str]:
    return min(map(urgency, place.runs), default=(0, ""))
