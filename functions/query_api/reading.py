"""Reading: samples and rollup points of many series from the store, in parallel."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from functions.query_api.align import Found
from functions.query_api.plan import Grid
from functions.query_api.problems import UnansweredInTimeError
from functions.query_api.series import Series
from functions.query_api.sources import ResourceRead
from tributary.codec import CorruptChunkError
from tributary.columns import Column, ColumnKey, as_one
from tributary.points import WHOLE, Points, SeriesKey, gathered, joined
from tributary.rollups import Rollups
from tributary.store import Store
from tributary.windows import (
    DAY_MS,
    FIVE_MINUTES_MS,
    HOUR_MS,
    SECOND_MS,
    RollupTier,
    Tier,
    Window,
    ceil_to,
    floor_to,
)

# Reading waits for DynamoDB most of the time; the client keeps as many connections twice.
_THREADS = 16

# The coarsest resolution in each tier: how long before a step a sample may lie that still holds.
_HOLDS_MS = {
    Tier.RAW: 30 * SECOND_MS,
    Tier.HOUR: FIVE_MINUTES_MS,
    Tier.DAY: HOUR_MS,
    Tier.MONTH: 7 * DAY_MS,
}
# Rollups are made of samples up to five minutes; coarser ones are read beside them.
_ROLLED_UP, _COARSER = (Tier.RAW, Tier.HOUR), (Tier.DAY, Tier.MONTH)
# The instance of what has no instances: it is the whole resource itself.
_ONLY = "-"

type _Answer = list[Column] | tuple[RollupTier, dict[SeriesKey, Points]]
type _Task = Callable[[], _Answer]


@dataclass(slots=True)
class Readings:
    """What was read, by (resource, metric, instance) and tier; `unreadable` are resources of which
    some item could not be decoded."""

    columns: dict[tuple[str, str, str], list[Column]] = field(default_factory=dict)
    points: dict[tuple[str, str, str, RollupTier], list[Points]] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)

    def of(self, series: Series, grid: Grid) -> Found:
        """What was found of a series, in the steps that it is shown in."""
        column = as_one(self._columns_of(series))
        rollups = [(tier, points) for tier in RollupTier if (points := self._points(series, tier))]
        start_ms, end_ms = (ceil_to(grid.step_ms, at) for at in (series.from_ms, series.until_ms))
        return Found(
            column and column.between(start_ms, end_ms),
            tuple((tier, points.between(start_ms, end_ms)) for tier, points in rollups),
        )

    def add(self, resource: str, answer: _Answer) -> None:
        """Takes what a task read."""
        if isinstance(answer, list):
            for column in answer:
                key = (resource, column.key.metric, column.key.instance)
                self.columns.setdefault(key, []).append(column)
        else:
            tier, found = answer
            for (metric, instance), points in found.items():
                self.points.setdefault((resource, metric, instance, tier), []).append(points)

    def _columns_of(self, series: Series) -> Iterator[Column]:
        for instance in series.instances:
            yield from self.columns.get((series.resource, series.metric.name, instance), ())

    def _points(self, series: Series, tier: RollupTier) -> Points:
        """The series' points of a tier, whatever parts of the range they were read for."""

        def of(instance: str) -> Points:
            parts = self.points.get((series.resource, series.metric.name, instance, tier), [])
            return joined(sorted(parts, key=lambda part: part.times[0]))

        if not series.is_whole:
            return of(series.instances[0])
        whole, only = of(WHOLE), of(_ONLY)
        if not (whole and only):
            return whole or only
        # A resource that had no instances for a while: one or the other tells of any point.
        told = set(whole.times)
        rest = [only.between(at, at + 1) for at in only.times if at not in told]
        return gathered([whole, *rest], tier.point_ms)


def read(
    store: Store, rollups: Rollups, reads: Sequence[ResourceRead], grid: Grid, seconds: float
) -> Readings:
    """What the grid's steps hold, and what before that still holds in its first ones.

    Raises UnansweredInTimeError after so many seconds, and what the store raises.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="reading")
    try:
        tasks = {
            pool.submit(task): one.resource
            for one in reads
            for task in _tasks(store, rollups, one, grid)
        }
        _, late = wait(tasks, timeout=seconds)
        if late:
            raise UnansweredInTimeError(
                f"Reading {len(reads)} resources took over {seconds:.0f} seconds: "
                "send a shorter range, a longer step, or match fewer series with where."
            )
        return _collected(tasks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _tasks(store: Store, rollups: Rollups, one: ResourceRead, grid: Grid) -> Iterator[_Task]:
    columns = {
        (each.metric.name, name)
        for each in one.series
        if not each.stands_in
        for name in each.instances
    }
    points = {key for each in one.series for key in _point_keys(each)}

    def samples(tier: Tier, window: Window) -> _Task:
        # A sample is repeated in steps inside its interval only, so only where steps are finer.
        held_ms = max(0, _HOLDS_MS[tier] - grid.step_ms) if window.start_ms == grid.start_ms else 0
        start_ms = max(0, window.start_ms - held_ms)

        def wanted(key: ColumnKey) -> bool:
            return (key.metric, key.instance) in columns

        return lambda: store.read(one.resource, start_ms, window.end_ms, wanted, (tier,), one.hours)

    def rolled_up(tier: RollupTier, window: Window) -> _Task:
        start_ms = floor_to(tier.point_ms, window.start_ms)
        part = Window(start_ms, window.end_ms)
        return lambda: (tier, rollups.read(one.resource, tier, part, points.__contains__))

    for source in one.sources:
        if source.tier:
            yield rolled_up(source.tier, source.window)
        elif columns:
            for tier in _ROLLED_UP:
                yield samples(tier, source.window)
    if columns:
        for tier in _COARSER:
            yield samples(tier, Window(grid.start_ms, grid.end_ms))


def _point_keys(series: Series) -> Iterable[SeriesKey]:
    instances = (WHOLE, _ONLY) if series.is_whole else series.instances
    return [SeriesKey(series.metric.name, instance) for instance in instances]


def _collected(tasks: dict[Future[_Answer], str]) -> Readings:
    found = Readings()
    for task, resource in tasks.items():
        try:
            found.add(resource, task.result())
        except CorruptChunkError:
            found.unreadable[resource] = None
    return found
