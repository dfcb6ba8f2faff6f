"""The engine: a query answered from registry and store, whichever front asked it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from functions.query_api.aggregate import Line, aggregated
from functions.query_api.align import Found, aligned
from functions.query_api.folds import default_fold
from functions.query_api.matching import Attributes, matcher
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
from functions.query_api.sources import Kept, planned_reads
from functions.query_api.status import (
    Freshness,
    ProviderStatus,
    statuses,
    unreadable_warnings,
    warnings,
)
from functions.query_api.timing import Timing
from tributary.hours import Hours
from tributary.registry import Entry, Registry, Shard
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.state import Collected, States
from tributary.store import Store

# An average of many samples is worth some digits more than each of them.
_DIGITS_BEYOND_PRECISION = 3
# What a resource's instances give (over, agg), and the resource as a whole gives as well.
_ADD_UP = frozenset((("min", "min"), ("max", "max"), ("sum", "sum")))


@dataclass(frozen=True, slots=True)
class Result:
    """What a query found: lines over the grid's steps, and how fresh each provider's part is."""

    grid: Grid
    lines: list[Line]
    status: Mapping[str, ProviderStatus]
    warnings: list[str]
    counts: Mapping[str, int]


class Engine:
    """match → plan → read → align → aggregate."""

    def __init__(
        self,
        registry: Registry,
        states: States,
        store: Store,
        retention: Retention,
        freshness: Freshness,
        hours: Hours,
        rollups: Rollups,
    ) -> None:
        self.registry = registry
        self.states = states
        self.store = store
        self.retention = retention
        self.freshness = freshness
        self.hours = hours
        self.rollups = rollups

    def run(self, query: Query, now_ms: int, seconds: float, timing: Timing) -> Result:
        """Answers the query as of `now_ms`, reading for at most so many seconds.

        Raises BadRequestError and TooMuchError before any chunk is read.
        """
        with timing.phase("match"):
            check_points(query)
            shards = self.registry.shards()
            series = self._matched(query, shards, now_ms)
            grid = planned(query, series)
            kept = self._kept(shards, series, now_ms)
            reads = planned_reads(series, kept, grid, {_over(query, one) for one in series})
        with timing.phase("read"):
            readings = read(self.store, self.rollups, reads, grid, query.over, seconds)
        with timing.phase("align"):
            found = [readings.of(one, grid) for one in series]
            lines = _lines(query, series, found, grid)
        with timing.phase("status"):
            status, sentences = self._status(query, shards, series, now_ms)
        return Result(
            grid,
            lines,
            status,
            [*_nothing_matched(series), *sentences, *unreadable_warnings(readings.unreadable)],
            {
                "resources": sum(one.matched for one in status.values()),
                "series": len(series),
                "samples": sum(one.samples for one in found),
                "points": sum(one.points for one in found),
            },
        )

    def _matched(self, query: Query, shards: Iterable[Shard], now_ms: int) -> list[Series]:
        entries = [entry for shard in shards for entry in shard.entries.values()]
        check_metrics(query.metrics, entries)
        check_attributes(_attributes_in(query), entries)
        extent = Extent(query.start_ms, query.end_ms, now_ms)
        together = query.grouped and puts_together(query.by)
        return matched_series(entries, query.metrics, extent, matcher(query.where), together)

    def _status(
        self, query: Query, shards: Iterable[Shard], series: Sequence[Series], now_ms: int
    ) -> tuple[Mapping[str, ProviderStatus], list[str]]:
        """How fresh each provider's part is, and a sentence for each that is failing."""
        states = self._states_of(shards, matcher(query.where))
        entries = [entry for shard in shards for entry in shard.entries.values()]
        resources = self._resources(entries, series, states, query, now_ms)
        found = statuses(resources, states, self.freshness, now_ms)
        return found, warnings(found, states)

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
        states: Mapping[str, Collected],
        query: Query,
        now_ms: int,
    ) -> list[Entry]:
        """The resources that an answer draws from, and those it would draw from had they not
        failed: of a resource that failed from the start nobody knows which metrics it has."""
        having = {one.resource for one in series}
        matches, failing = matcher(query.where), self.freshness.failing(states, now_ms)

        def is_missed(entry: Entry) -> bool:
            newest_ms = states[entry.resource].newest_ms or 0
            known = metrics_of(entry)
            wanted = not known or not known.isdisjoint(query.metrics)
            return newest_ms < query.end_ms and wanted and _any_matches(entry, matches)

        return [
            entry
            for entry in entries
            if entry.resource in having or (entry.resource in failing and is_missed(entry))
        ]

    def _states_of(
        self, shards: Iterable[Shard], matches: Callable[[Attributes], bool]
    ) -> dict[str, Collected]:
        concerned = [
            shard
            for shard in shards
            if any(_any_matches(entry, matches) for entry in shard.entries.values())
        ]
        return self.states.of_shards(concerned)


def _nothing_matched(series: Sequence[Series]) -> list[str]:
    if series:
        return []
    return ["No series matches in this range: /v1/resources lists what there is."]


def _attributes_in(query: Query) -> list[tuple[str, str]]:
    return [("by", name) for name in query.by] + [("where", one.attribute) for one in query.where]


def _any_matches(entry: Entry, matches: Callable[[Attributes], bool]) -> bool:
    return any(matches(attributes) for attributes in attributes_of(entry))


def _lines(
    query: Query, series: Sequence[Series], found: Sequence[Found], grid: Grid
) -> list[Line]:
    lines = []
    for one, what in zip(series, found, strict=True):
        if not what:
            continue
        over = _over(query, one)
        values = aligned(what, grid, over, one.metric.kind)
        if any(value is not None for value in values.values):
            approximate = values.approximate or (
                query.grouped and one.stands_in and (over, _agg(query, one)) not in _ADD_UP
            )
            lines.append(Line(one.metric, one.attributes, values.values, approximate))
    order = {name: place for place, name in enumerate(query.metrics)}
    if query.grouped:
        lines = aggregated(lines, query.by, query.agg)
    return sorted(
        map(_rounded, lines),
        key=lambda line: (order[line.metric.name], sorted(line.attributes.items())),
    )


def _rounded(line: Line) -> Line:
    """Without the digits that adding and dividing binary fractions leave behind."""
    if line.metric.decimals is None:
        return line
    digits = line.metric.decimals + _DIGITS_BEYOND_PRECISION
    values = [None if value is None else round(value, digits) for value in line.values]
    return replace(line, values=values)


def _over(query: Query, series: Series) -> str:
    return query.over or default_fold(series.metric.kind)


def _agg(query: Query, series: Series) -> str:
    return query.agg or default_fold(series.metric.kind)
