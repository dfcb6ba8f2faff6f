"""Reading: samples and rollup points of many series from the store, in parallel."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from functions.query_api.align import Found
from functions.query_api.folds import PERCENTILES
from functions.query_api.plan import Grid
from functions.query_api.problems import UnansweredInTimeError
from functions.query_api.series import Series
from functions.query_api.sources import ResourceRead
from tributary.codec import CorruptChunkError
from tributary.columns import Axes, Column, ColumnKey, as_one
from tributary.points import WHOLE, Folded, PointAxes, SeriesKey
from tributary.rollup_codec import NATURAL
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


class _Samples(NamedTuple):
    """A tier's columns of a resource."""

    tier: Tier
    columns: list[Column]


class _RolledUp(NamedTuple):
    """A tier's points of a resource."""

    tier: RollupTier
    points: dict[SeriesKey, Folded]


type _Task = Callable[[], _Samples | _RolledUp]


@dataclass(slots=True)
class Readings:
    """What was read, by (resource, metric, instance) and tier; `unreadable` are resources of which
    some item could not be decoded."""

    columns: dict[tuple[str, str, str, Tier], list[Column]] = field(default_factory=dict)
    points: dict[tuple[str, str, str, RollupTier], list[Folded]] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)
    _axes: Axes = field(default_factory=Axes)
    _point_axes: PointAxes = field(default_factory=PointAxes)

    def of(self, series: Series, grid: Grid) -> Found:
        """What was found of a series, in the steps that it is shown in."""
        # Coarser samples are not merged with those of hours: a sample that shares its first instant
        # with a finer one may go on after it.
        columns = [
            column
            for tiers in (_ROLLED_UP, *((tier,) for tier in _COARSER))
            if self.columns and (column := as_one(self._columns_of(series, tiers), self._axes))
        ]
        rollups = [(tier, points) for tier in RollupTier if (points := self._points(series, tier))]
        start_ms, end_ms = (ceil_to(grid.step_ms, at) for at in (series.from_ms, series.until_ms))
        return Found(
            tuple(self._axes.between(column, start_ms, end_ms) for column in columns),
            tuple((tier, points.between(start_ms, end_ms)) for tier, points in rollups),
        )

    def add(self, resource: str, answer: _Samples | _RolledUp) -> None:
        """Takes what a task read."""
        if isinstance(answer, _Samples):
            for column in answer.columns:
                at = (resource, column.key.metric, column.key.instance, answer.tier)
                self.columns.setdefault(at, []).append(column)
        else:
            for (metric, instance), points in answer.points.items():
                key = (resource, metric, instance, answer.tier)
                self.points.setdefault(key, []).append(points)

    def _columns_of(self, series: Series, tiers: Iterable[Tier]) -> Iterator[Column]:
        for tier in tiers:
            for instance in series.instances:
                key = (series.resource, series.metric.name, instance, tier)
                yield from self.columns.get(key, ())

    def _points(self, series: Series, tier: RollupTier) -> Folded | None:
        """The series' points of a tier, whatever parts of the range they were read for."""

        def of(instance: str) -> Folded | None:
            parts = self.points.get((series.resource, series.metric.name, instance, tier))
            return self._point_axes.joined(_in_order(parts)) if parts else None

        if not series.is_whole:
            return of(series.instances[0])
        whole, only = of(WHOLE), of(_ONLY)
        if not (whole and only):
            return whole or only
        # A resource that had no instances for a while: one or the other tells of any point.
        told = set(whole.times)
        rest = [only.between(at, at + 1) for at in only.times if at not in told]
        apart = [whole.between(at, at + 1) for at in whole.times]
        return self._point_axes.joined(_in_order([*apart, *rest]))


def read(
    store: Store,
    rollups: Rollups,
    reads: Sequence[ResourceRead],
    grid: Grid,
    over: str | None,
    seconds: float,
    pool: Executor,
) -> Readings:
    """What the grid's steps hold, and what before that still holds in its first ones.

    Raises UnansweredInTimeError after so many seconds, and what the store raises.
    """
    tasks = {
        pool.submit(task): one.resource
        for one in reads
        for task in _tasks(store, rollups, one, grid, _fold_of_points(over))
    }
    _, late = wait(tasks, timeout=seconds)
    if late:
        for task in late:
            task.cancel()
        raise UnansweredInTimeError(
            f"Reading {len(reads)} resources took over {seconds:.0f} seconds: "
            "send a shorter range, a longer step, or match fewer series with where."
        )
    return _collected(tasks)


def _fold_of_points(over: str | None) -> str:
    """What rollups are asked for; of a percentile the nearest they tell are the averages."""
    if over is None:
        return NATURAL
    return "avg" if over in PERCENTILES else over


def _tasks(
    store: Store, rollups: Rollups, one: ResourceRead, grid: Grid, over: str
) -> Iterator[_Task]:
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

        def task() -> _Samples:
            tiers, end_ms = (tier,), window.end_ms
            found = store.read(one.resource, start_ms, end_ms, wanted, tiers, one.hours)
            return _Samples(tier, found)

        return task

    def rolled_up(tier: RollupTier, window: Window) -> _Task:
        part = Window(floor_to(tier.point_ms, window.start_ms), window.end_ms)

        def task() -> _RolledUp:
            found = rollups.read(one.resource, tier, part, points.__contains__, over)
            return _RolledUp(tier, found)

        return task

    for source in one.sources:
        if source.tier:
            yield rolled_up(source.tier, source.window)
        elif columns:
            for tier in _ROLLED_UP:
                yield samples(tier, source.window)
    if columns:
        for tier in _COARSER:
            yield samples(tier, Window(grid.start_ms, grid.end_ms))


def _in_order(parts: Iterable[Folded]) -> list[Folded]:
    """The parts by time, what was read for several series once."""
    ordered: list[Folded] = []
    for part in sorted(parts, key=lambda part: part.times[0]):
        after_ms = ordered[-1].times[-1] + 1 if ordered else part.times[0]
        if rest := part.between(after_ms, part.times[-1] + 1):
            ordered.append(rest)
    return ordered


def _point_keys(series: Series) -> Iterable[SeriesKey]:
    instances = (WHOLE, _ONLY) if series.is_whole else series.instances
    return [SeriesKey(series.metric.name, instance) for instance in instances]


def _collected(tasks: dict[Future[_Samples | _RolledUp], str]) -> Readings:
    found = Readings()
    for task, resource in tasks.items():
        try:
            found.add(resource, task.result())
        except CorruptChunkError:
            found.unreadable[resource] = None
    return found
