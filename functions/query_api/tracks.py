"""Tracks: a resource's history as its provider would tell it, by its own names and units."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import NamedTuple

from functions.query_api.engine import Engine
from functions.query_api.parameters import Query
from functions.query_api.plan import DEFAULT_STEPS_S, MOST_POINTS
from functions.query_api.routing import Asked
from functions.query_api.series import Extent
from tributary.columns import Column, ColumnKey, Origin
from tributary.matching import Filter
from tributary.metrics import metric_named
from tributary.registry import Entry, Shard
from tributary.windows import SECOND_MS, RollupTier, Tier, Window

# One sample is some 65 bytes as Lambda hands JSON on, quotes escaped: so many are within the 6 MB
# of an answer that is not deflated.
MOST_SAMPLES = 80_000
# An average of many samples is worth some digits more than each of them.
_DIGITS_BEYOND_PRECISION = 3
_LARGEST_EXACT = 2**53


class Sample(NamedTuple):
    """A value, in the provider's unit, that stands for `length_ms` from `time_ms` on."""

    time_ms: int
    value: int | float
    length_ms: int


@dataclass(frozen=True, slots=True)
class Track:
    """Samples of one of the provider's metrics, of one instance, in order of time: some."""

    metric: str
    unit: str
    instance: str
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Known:
    """A resource, and the shard that has its state."""

    shard: Shard
    entry: Entry


def samples(engine: Engine, known: Known, names: Container[str], window: Window) -> list[Track]:
    """The samples of some of the provider's metrics, each as it came, by metric and instance.

    Of a metric whose unit changed in the window there are those in its newest unit. A coarse
    sample is left out where there are finer ones of its time.
    """

    def wanted(key: ColumnKey) -> bool:
        return key.origin.metric in names

    resource = known.entry.resource
    hours = engine.hours.of_shards([known.shard])[resource]
    columns = engine.store.read(resource, window.start_ms, window.end_ms, wanted, hours=hours)
    units = _newest_units(columns)
    found: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
    for column in columns:
        metric, unit, _ = column.key.origin
        if units[metric] == unit:
            found[metric, column.key.instance] += _as_sent(column)
    return [
        Track(metric, units[metric], instance, _without_told_finer(samples))
        for (metric, instance), samples in sorted(found.items())
    ]


def points(
    engine: Engine, known: Known, names: Container[str], window: Window, step_s: int, asked: Asked
) -> list[Track]:
    """What came together in each step of so many seconds, from whatever tier tells it, by metric
    and instance: averages, or sums of what is an amount.

    What no instance can be named for any more is under the instance "-".
    """
    origins = {name: one for name, one in known.entry.origins.items() if one.metric in names}
    lived = _whole(_lives(known.entry, names, window, asked.now_ms), window)
    if not origins or not lived.length_ms:
        return []
    query = Query(
        metrics=tuple(origins),
        start_ms=lived.start_ms,
        end_ms=lived.end_ms,
        step_s=step_s,
        over=None,
        agg=None,
        by=(),
        where=(Filter("resource", known.entry.resource),),
        settled=False,
        format="json",
        moving=False,
    )
    shards = [known.shard]
    result = engine.run(query, lambda: shards, asked.now_ms, asked.seconds, asked.timing)
    edges = result.grid.edges[:-1]
    tracks = []
    for line in result.lines:
        origin = origins[line.metric.name]
        digits = _digits(line.metric.name, origin, _DIGITS_BEYOND_PRECISION)
        found = [
            Sample(edge, _number(value / origin.factor, digits), result.grid.step_ms)
            for edge, value in zip(edges, line.values, strict=True)
            if value is not None
        ]
        instance = line.attributes.get("instance", "-")
        tracks.append(Track(origin.metric, origin.unit, instance, found))
    return tracks


def step_needed(
    engine: Engine, known: Known, names: Container[str], window: Window, now_ms: int
) -> int | None:
    """None where all samples of the window are kept still and fit into an answer; otherwise the
    seconds of the smallest step that fits, the longest there is if none does."""
    lives = list(_lives(known.entry, names, window, now_ms))
    whole = _whole(lives, window)
    kept_ms = engine.retention.kept_from(Tier.HOUR, now_ms)
    if whole.start_ms >= kept_ms and _count(lives, 1) <= MOST_SAMPLES:
        return None
    least_ms = _least_step(engine, whole, now_ms)
    fitting = (
        step_s
        for step_s in DEFAULT_STEPS_S
        if step_s * SECOND_MS >= least_ms
        and _count(lives, step_s * SECOND_MS) <= MOST_SAMPLES
        and whole.length_ms <= MOST_POINTS * step_s * SECOND_MS
        and all(step_s * SECOND_MS >= resolution_ms for _, resolution_ms in lives)
    )
    return next(fitting, DEFAULT_STEPS_S[-1])


def _least_step(engine: Engine, window: Window, now_ms: int) -> int:
    """How long points of the window's beginning are at least, in ms: what has expired is no finer
    than the rollups that are left of it."""
    if window.start_ms >= engine.retention.kept_from(Tier.HOUR, now_ms):
        return 0
    five = RollupTier.FIVE_MINUTES
    left = window.start_ms >= engine.retention.kept_from(five, now_ms)
    return five.point_ms if left else RollupTier.HOUR.point_ms


def _newest_units(columns: Iterable[Column]) -> Mapping[str, str]:
    """By the provider's metric, the unit of its newest sample."""
    ordered = sorted(columns, key=lambda column: column.times[-1])
    return {column.key.origin.metric: column.key.origin.unit for column in ordered}


def _as_sent(column: Column) -> Iterator[Sample]:
    factor = column.key.origin.factor
    digits = _digits(column.key.metric, column.key.origin, 0)
    for first, last, run in column.spans():
        for row in range(first, last):
            value = _number(column.values[row] / factor, digits)
            yield Sample(column.times[row], value, run.resolution_ms)


def _without_told_finer(samples: Iterable[Sample]) -> list[Sample]:
    """By time, of one instant the finest, and none in whose time a finer one begins."""
    best: dict[int, Sample] = {}
    for one in samples:
        known = best.get(one.time_ms)
        if known is None or one.length_ms < known.length_ms:
            best[one.time_ms] = one
    ordered = [best[time_ms] for time_ms in sorted(best)]
    finest_ms = min(one.length_ms for one in ordered)
    if all(one.length_ms == finest_ms for one in ordered):
        return ordered
    times = [one.time_ms for one in ordered]

    def is_told_finer(row: int, one: Sample) -> bool:
        following = range(row + 1, bisect_left(times, one.time_ms + one.length_ms))
        return any(ordered[later].length_ms < one.length_ms for later in following)

    return [one for row, one in enumerate(ordered) if not is_told_finer(row, one)]


def _whole(lives: Iterable[tuple[Window, int]], window: Window) -> Window:
    """The part of the window in which anything lived; nothing of it if nothing did."""
    found = [life for life, _ in lives]
    start_ms = min((life.start_ms for life in found), default=window.end_ms)
    return Window(start_ms, max((life.end_ms for life in found), default=window.end_ms))


def _lives(
    entry: Entry, names: Container[str], window: Window, now_ms: int
) -> Iterator[tuple[Window, int]]:
    """The part of the window that each series lived in, and its resolution in ms."""
    extent = Extent(window.start_ms, window.end_ms, now_ms)
    for instance in (*entry.instances.values(), *([entry.past] if entry.past else [])):
        for metric, resolution_ms in instance.metrics.items():
            origin = entry.origins.get(metric)
            if origin is None or origin.metric in names:
                life = extent.life(instance).common(window)
                if life.length_ms:
                    yield life, max(resolution_ms, SECOND_MS)


def _count(lives: Iterable[tuple[Window, int]], step_ms: int) -> int:
    return sum(life.length_ms // max(resolution_ms, step_ms) for life, resolution_ms in lives)


def _digits(metric: str, origin: Origin, more: int) -> int | None:
    """How many digits after the point the metric's precision is worth in the provider's unit."""
    decimals = metric_named(metric, origin.unit).decimals
    if decimals is None:
        return None
    return max(0, ceil(decimals + log10(origin.factor) - 1e-9)) + more


def _number(value: float, digits: int | None) -> int | float:
    """The number without the digits that conversion left behind, whole where it is."""
    rounded = value if digits is None else round(value, digits)
    return int(rounded) if rounded.is_integer() and abs(rounded) < _LARGEST_EXACT else rounded
