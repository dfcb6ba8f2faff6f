"""One run over one account: every resource collected, registered, noted and published."""

import os
import time
from collections.abc import Callable, Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

from tributary.errors import OutOfTimeError, StorageError, TributaryError
from tributary.hours import Hours, Marker
from tributary.inventory import Inventory
from tributary.provider import Provider, Resource
from tributary.publisher import Publisher
from tributary.registration import placed, register
from tributary.registry import Registry
from tributary.report import Report
from tributary.resource_run import ResourceRun, Span
from tributary.retention import Retention
from tributary.state import Collected, ShardState, States, failure_of
from tributary.statistics import Statistics
from tributary.store import Store
from tributary.table import Table
from tributary.windows import FIVE_MINUTES_MS, SECOND_MS, floor_to


@dataclass(frozen=True, slots=True)
class Pace:
    """How far collecting stays behind its schedule.

    Providers publish their newest samples `delay_ms` late at most. Unless `fresh`, a run stops at
    a five-minute boundary, so that each raw chunk is written once.
    """

    delay_ms: int
    fresh: bool

    @classmethod
    def from_env(cls) -> Self:
        """DELAY_SECONDS and FRESH."""
        delay = float(os.environ.get("DELAY_SECONDS", "60"))
        return cls(int(delay * SECOND_MS), os.environ.get("FRESH", "0") == "1")

    def span(self, slot_ms: int) -> Span:
        """What a run scheduled for `slot_ms` collects until."""
        end_ms = slot_ms - self.delay_ms
        return Span(slot_ms, end_ms if self.fresh else floor_to(FIVE_MINUTES_MS, end_ms))


@dataclass(frozen=True, slots=True)
class AccountRun:
    """Collects accounts; what it needs is given, so that several accounts can share it."""

    store: Store
    registry: Registry
    states: States
    hours: Hours
    inventory: Inventory
    publisher: Publisher
    pace: Pace
    clock: Callable[[], float] = time.time

    @classmethod
    def from_env(cls, table: Table, publisher: Publisher) -> Self:
        """Everything on the table, with the retention and pace that the environment names."""
        return cls(
            Store(table, Retention.from_env()),
            Registry(table),
            States(table),
            Hours(table),
            Inventory(table),
            publisher,
            Pace.from_env(),
        )

    def collect(self, provider: Provider, slot_ms: int) -> Report:
        """Brings the account's resources up to the slot; what fails is counted, not raised.

        Only a failing table raises, a StorageError: without it there is nothing to go on from.
        """
        report = Report(provider.name, provider.account)
        account = f"{provider.name}/{provider.account}"
        # An event sent by hand may be ahead of the clock, and what a watermark ahead of it has
        # passed would never be asked for.
        span = self.pace.span(min(slot_ms, int(self.clock() * SECOND_MS)))
        shards = self.registry.shards_of(account)
        states = {shard.number: self.states.get(account, shard.number) for shard in shards}
        forgotten_ms = self.store.forgotten_ms()
        resources, failure = self._discovered(provider, report)
        # Shard by shard, so that memory stays bounded and a run that dies loses little; first the
        # shard that has waited longest, in case the time runs out before the last.
        places = placed(shards, account, resources)
        places.sort(key=lambda place: _attempted_ms(states.get(place[0].number)))
        for shard, here in places:
            known = states.get(shard.number, ShardState(account, shard.number))
            marker = Marker(self.hours, shard, span.slot_ms, self.clock)
            runs = self._collected(provider, here, known, span, marker)
            register(self.registry, self.inventory, provider, shard, runs, report, forgotten_ms)
            self._note(known, runs, report)
            _count(report, runs)
        if failure:
            self._note_unlisted(states.values(), {one.id for one in resources}, failure, span)
        report.requests = provider.requests
        return report

    def _discovered(
        self, provider: Provider, report: Report
    ) -> tuple[list[Resource], TributaryError | None]:
        found: dict[str, Resource] = {}
        try:
            for resource in provider.discover():
                found[resource.id] = resource
        except OutOfTimeError as error:
            # Nothing is wrong with the resources that were not listed: they are the next run's.
            report.warned(f"listing resources: {error}")
        except TributaryError as error:
            # Resources listed before the failure are collected all the same.
            report.failed(error, "listing resources")
            return list(found.values()), error
        return list(found.values()), None

    def _collected(
        self,
        provider: Provider,
        resources: Iterable[Resource],
        known: ShardState,
        span: Span,
        marker: Marker,
    ) -> list[ResourceRun]:
        """Every resource's part of the run, those that waited longest first."""
        rules, now_ms = self.publisher.rules, int(self.clock() * SECOND_MS)
        runs = []
        for resource in resources:
            before = known.resources.get(resource.id, Collected())
            from_ms = rules.first_due(before, now_ms)
            runs.append(ResourceRun(provider, resource, span, before, from_ms, marker))
        runs.sort(key=lambda run: run.before.attempted_ms)
        with ThreadPoolExecutor(provider.parallel_requests) as pool:
            for _ in pool.map(lambda run: run.collect(self.store, rules), runs):
                pass
        return runs

    def _note_unlisted(
        self,
        states: Iterable[ShardState],
        listed: Container[str],
        error: TributaryError,
        span: Span,
    ) -> None:
        """Notes that resources the provider's failing list left out were not collected."""
        failure = failure_of(error, span.slot_ms)
        for state in states:
            missing = {
                name: replace(one, attempted_ms=span.slot_ms, failure=failure)
                for name, one in state.resources.items()
                if name not in listed
            }
            if missing:
                self.states.join(replace(state, resources=missing))

    def _note(self, state: ShardState, runs: Iterable[ResourceRun], report: Report) -> None:
        """Stores how far the resources came and what is to be published, and publishes it."""
        meant = {run.resource.id: run.publishing for run in runs}
        self.states.join(replace(state, resources=meant))
        statistics: list[Statistics] = []
        done: dict[str, Collected] = {}
        for run in runs:
            try:
                statistics += run.statistics(self.store, self.publisher.rules)
            except TributaryError as error:
                report.failed(error, f"statistics of {run.resource.id}")
            else:
                done[run.resource.id] = run.published
        try:
            report.published += self.publisher.send(statistics)
        except StorageError as error:
            report.failed(error, "publishing to CloudWatch")
            return
        if statistics:
            self.states.join(replace(state, resources=done))


def _attempted_ms(state: ShardState | None) -> int:
    return min((one.attempted_ms for one in state.resources.values()), default=0) if state else 0


def _count(report: Report, runs: Iterable[ResourceRun]) -> None:
    for run in runs:
        report.resources += 1
        report.samples += run.samples
        report.unknown += run.unknown
        for warning in run.warnings:
            report.warned(f"{run.resource.id}: {warning}")
        if isinstance(run.error, OutOfTimeError):
            report.postponed += 1
        elif run.error:
            report.failed(run.error, run.resource.id)
        # One that never had a sample, such as a paused service, is not behind.
        live = not run.resource.idle and run.collected.newest_ms is not None
        if live and (reached_ms := run.collected.watermark_ms):
            behind_seconds = (run.span.end_ms - reached_ms) / SECOND_MS
            report.behind_seconds = max(report.behind_seconds, behind_seconds)
