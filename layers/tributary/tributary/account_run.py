"""One run over one account: every resource collected, registered, noted and published."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from tributary.errors import OutOfTimeError, StorageError, TributaryError
from tributary.inventory import Inventory
from tributary.provider import Provider, Resource
from tributary.publisher import Publisher
from tributary.registration import placed, register
from tributary.registry import Registry, Shard
from tributary.report import Report
from tributary.resource_run import ResourceRun, Span
from tributary.state import Collected, ShardState, States
from tributary.store import Retention, Store
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
    inventory: Inventory
    publisher: Publisher
    pace: Pace
    clock: Callable[[], float] = time.time

    @classmethod
    def from_env(cls) -> Self:
        """Everything on the table that the environment names."""
        table = Table.from_env()
        return cls(
            Store(table, Retention.from_env()),
            Registry(table),
            States(table),
            Inventory(table),
            Publisher.from_env(),
            Pace.from_env(),
        )

    def collect(self, provider: Provider, slot_ms: int) -> Report:
        """Brings the account's resources up to the slot; what fails is counted, not raised.

        Only a failing table raises, a StorageError: without it there is nothing to go on from.
        """
        report = Report(provider.name, provider.account)
        account = f"{provider.name}/{provider.account}"
        span = self.pace.span(slot_ms)
        shards = self.registry.shards_of(account)
        states = {shard.number: self.states.get(account, shard.number) for shard in shards}
        known = {name: one for state in states.values() for name, one in state.resources.items()}
        places = placed(shards, account, self._discovered(provider, report))
        runs = {
            run.resource.id: run
            for run in self._collected(
                provider, [one for _, here in places for one in here], known, span
            )
        }
        for shard, resources in places:
            here = [runs[resource.id] for resource in resources]
            register(self.registry, self.inventory, provider, shard, here, report)
            self._note(shard, here, report)
        report.requests = provider.requests
        _count(report, runs.values())
        return report

    def _discovered(self, provider: Provider, report: Report) -> list[Resource]:
        found: dict[str, Resource] = {}
        try:
            for resource in provider.discover():
                found[resource.id] = resource
        except TributaryError as error:
            # Resources listed before the failure are collected all the same.
            report.failed(error, "listing resources")
        return list(found.values())

    def _collected(
        self,
        provider: Provider,
        resources: Iterable[Resource],
        known: Mapping[str, Collected],
        span: Span,
    ) -> list[ResourceRun]:
        """Every resource's part of the run, those that waited longest first."""
        rules, now_ms = self.publisher.rules, int(self.clock() * SECOND_MS)
        runs = []
        for resource in resources:
            before = known.get(resource.id, Collected())
            from_ms = rules.first_due(before, now_ms)
            runs.append(ResourceRun(provider, resource, span, before, from_ms))
        runs.sort(key=lambda run: run.before.attempted_ms)
        with ThreadPoolExecutor(provider.parallel_requests) as pool:
            for _ in pool.map(lambda run: run.collect(self.store, rules), runs):
                pass
        return runs

    def _note(self, shard: Shard, runs: Iterable[ResourceRun], report: Report) -> None:
        """Stores how far the resources came and what is to be published, and publishes it."""
        meant = {run.resource.id: run.publishing for run in runs}
        if not meant:
            return
        self.states.join(ShardState(shard.account, shard.number, meant))
        try:
            statistics = [
                one for run in runs for one in run.statistics(self.store, self.publisher.rules)
            ]
            report.published += self.publisher.send(statistics)
        except StorageError as error:
            report.failed(error, "publishing to CloudWatch")
            return
        if statistics:
            done = {run.resource.id: run.published for run in runs}
            self.states.join(ShardState(shard.account, shard.number, done))


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
        if not run.resource.idle and (reached_ms := run.collected.watermark_ms):
            behind_seconds = (run.span.end_ms - reached_ms) / SECOND_MS
            report.behind_seconds = max(report.behind_seconds, behind_seconds)
