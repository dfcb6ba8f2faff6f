"""The engine: a query answered from registry and store, whichever front asked it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from functions.query_api.aggregate import Line
from functions.query_api.arithmetic import Value
from functions.query_api.lines import lines_of, over_of
from functions.query_api.parameters import Query
from functions.query_api.plan import Grid, check_points, planned
from functions.query_api.reading import read
from functions.query_api.series import (
    Extent,
    Series,
    attributes_of,
    brief_days,
    check_attributes,
    check_metrics,
    matched_series,
    metrics_of,
    puts_together,
)
from functions.query_api.settled import (
    Until,
    settled_series,
    settled_steps,
    settled_until,
    unsettled_warnings,
)
from functions.query_api.sources import Kept, planned_reads
from functions.query_api.standing import Standing, standings
from functions.query_api.status import (
    Freshness,
    ProviderStatus,
    statuses,
    unreadable_warnings,
    warnings,
)
from functions.query_api.timing import Timing
from tributary.hours import Hours
from tributary.matching import Attributes, matcher
from tributary.registry import Entry, Shard
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.state import States
from tributary.store import Store
from tributary.table import Table

# Reading waits for DynamoDB most of the time; the client keeps as many connections twice.
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Result:
    """What a query found: lines over the grid's steps, and how fresh each provider's part is."""

    grid: Grid
    lines: list[Line[list[Value]]]
    status: Mapping[str, ProviderStatus]
    warnings: list[str]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Fresh:
    """How fresh each provider's part of an answer is, a sentence for each that is failing, and
    until when each is settled, if no more than that was asked for."""

    status: Mapping[str, ProviderStatus]
    warnings: list[str]
    until: Until


class Engine:
    """match → plan → read → align → aggregate; how fresh all is, before anything is read."""

    def __init__(
        self,
        states: States,
        store: Store,
        retention: Retention,
        freshness: Freshness,
        hours: Hours,
        rollups: Rollups,
    ) -> None:
        self.states = states
        self.store = store
        self.retention = retention
        self.freshness = freshness
        self.hours = hours
        self.rollups = rollups
        # Its threads are started as they are needed, and kept for the requests that follow.
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="reading")

    @classmethod
    def on(
        cls,
        table: Table,
        retention: Retention,
        freshness: Freshness,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """An engine that has read nothing yet, over a table."""
        store = Store(table, retention, clock)
        rollups = Rollups(table, store, retention, clock)
        hours, states = Hours(table), States(table)
        return cls(states, store, retention, freshness, hours, rollups)

    def run(
        self,
        query: Query,
        registered: Callable[[], Sequence[Shard]],
        now_ms: int,
        seconds: float,
        timing: Timing,
    ) -> Result:
        """Answers the query as of `now_ms`, over what is registered, reading for at most so many
        seconds.

        Raises BadRequestError and TooMuchError before any chunk is read.
        """
        with timing.phase("match"):
            check_points(query)
            shards = registered()
            series = self._matched(query, shards, now_ms)
            grid = planned(query, series)
        # Before any chunk is read: so what is called settled is in the chunks.
        with timing.phase("status"):
            fresh = self._status(query, shards, series, now_ms)
            grid = settled_steps(grid, fresh.until)
            sentences = [
                *_nothing_matched(series),
                *fresh.warnings,
                *unsettled_warnings(grid, fresh.until),
            ]
            series = settled_series(grid, series)
        with timing.phase("match"):
            kept = self._kept(shards, series, now_ms)
            reads = planned_reads(series, kept, grid, {over_of(query, one) for one in series})
        with timing.phase("read"):
            readings = read(self.store, self.rollups, reads, grid, query.over, seconds, self._pool)
        with timing.phase("align"):
            found = [readings.of(one, grid) for one in series]
            lines = lines_of(query, series, found, grid)
        return Result(
            grid,
            lines,
            fresh.status,
            [*sentences, *unreadable_warnings(readings.unreadable)],
            {
                "resources": sum(one.matched for one in fresh.status.values()),
                "series": len(series),
                "samples": sum(one.samples for one in found),
                "points": sum(one.points for one in found),
            },
        )

    def standings(self, shards: Sequence[Shard]) -> dict[str, Standing]:
        """How it stands with collecting the resources of these shards, by id."""
        return standings(shards, self.states.of_shards(shards))

    def _matched(self, query: Query, shards: Iterable[Shard], now_ms: int) -> list[Series]:
        entries = [entry for shard in shards for entry in shard.entries.values()]
        check_metrics(query.metrics, entries)
        check_attributes(_attributes_in(query), entries)
        extent = Extent(query.start_ms, query.end_ms, now_ms)
        together = query.grouped and puts_together(query.by)
        return matched_series(entries, query.metrics, extent, matcher(query.where), together)

    def _status(
        self, query: Query, shards: Iterable[Shard], series: Sequence[Series], now_ms: int
    ) -> _Fresh:
        known = self.standings(_concerned(shards, matcher(query.where)))
        entries = [entry for shard in shards for entry in shard.entries.values()]
        resources = self._resources(entries, series, known, query, now_ms)
        found = statuses(resources, known, self.freshness, now_ms)
        until = settled_until(resources, series, known) if query.settled else {}
        return _Fresh(found, warnings(found, known), until)

    def _kept(
        self, shards: Sequence[Shard], series: Sequence[Series], now_ms: int
    ) -> Callable[[Series], Kept]:
        """Says what there is to be read of a series' resource."""
        having = {one.resource for one in series}
        concerned = [shard for shard in shards if not having.isdisjoint(shard.entries)]
        hours = self.hours.of_shards(concerned)
        brief = {
            resource: brief_days(shard.entries[resource])
            for shard in concerned
            for resource in having & shard.entries.keys()
        }

        def kept(one: Series) -> Kept:
            days = [] if one.is_whole else brief[one.resource]
            return Kept(hours[one.resource], self.retention, now_ms, days)

        return kept

    def _resources(
        self,
        entries: Iterable[Entry],
        series: Sequence[Series],
        known: Mapping[str, Standing],
        query: Query,
        now_ms: int,
    ) -> list[Entry]:
        """The resources that an answer draws from, and those it would draw from had they not
        failed: of a resource that failed from the start nobody knows which metrics it has."""
        having = {one.resource for one in series}
        matches, failing = matcher(query.where), self.freshness.failing(known, now_ms)

        def is_missed(entry: Entry) -> bool:
            newest_ms = known[entry.resource].collected.newest_ms or 0
            metrics = metrics_of(entry)
            wanted = not metrics or not metrics.isdisjoint(query.metrics)
            return newest_ms < query.end_ms and wanted and _any_matches(entry, matches)

        return [
            entry
            for entry in entries
            if entry.resource in having or (entry.resource in failing and is_missed(entry))
        ]


def _concerned(shards: Iterable[Shard], matches: Callable[[Attributes], bool]) -> list[Shard]:
    return [
        shard
        for shard in shards
        if any(_any_matches(entry, matches) for entry in shard.entries.values())
    ]


def _nothing_matched(series: Sequence[Series]) -> list[str]:
    if series:
        return []
    return ["No series matches in this range: /v1/resources lists what there is."]


def _attributes_in(query: Query) -> list[tuple[str, str]]:
    return [("by", name) for name in query.by] + [("where", one.attribute) for one in query.where]


def _any_matches(entry: Entry, matches: Callable[[Attributes], bool]) -> bool:
    return any(matches(attributes) for attributes in attributes_of(entry))
