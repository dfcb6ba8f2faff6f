"""Sources: from which tier each part of a query's range is read, and how much that is."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from functions.query_api.folds import PERCENTILES
from functions.query_api.plan import MOST_SAMPLES, Grid
from functions.query_api.problems import TooMuchError
from functions.query_api.series import Series
from functions.query_api.times import length_text
from tributary.hours import ResourceHours
from tributary.retention import Retention
from tributary.windows import (
    DAY_MS,
    HOUR_MS,
    SECOND_MS,
    RollupTier,
    Tier,
    Window,
    ceil_to,
    floor_to,
    without,
)

_FOREVER_MS = 2**62
# A point takes as much time and room as so many samples.
_SAMPLES_PER_POINT = 4
_COARSEST_FIRST = (RollupTier.DAY, RollupTier.HOUR, RollupTier.FIVE_MINUTES)


@dataclass(frozen=True, slots=True)
class Source:
    """A part of the range, and the tier of the rollups it is read from; None for samples."""

    tier: RollupTier | None
    window: Window


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of one resource: hours compacted, and items not yet expired at `now_ms`.

    Of `brief` days there are no rollups coarser than five minutes that could be believed.
    """

    hours: ResourceHours
    retention: Retention
    now_ms: int
    brief: Sequence[Window] = ()

    def windows(self, tier: RollupTier | None) -> list[Window]:
        """Where the tier's rollups, or samples, tell everything there is."""
        if tier is None:
            start_ms = self.hours.kept_from(Tier.HOUR, self.retention, self.now_ms)
            return [Window(start_ms, _FOREVER_MS)]
        # An hour's rollups are believed once it is closed, a day's once the day is.
        unit_ms = HOUR_MS if tier is RollupTier.FIVE_MINUTES else DAY_MS
        start_ms = self.hours.kept_from(tier, self.retention, self.now_ms)
        closed = Window(start_ms, max(start_ms, floor_to(unit_ms, self.hours.closed_ms)))
        dirty = [_widened(window, unit_ms) for window in self.hours.dirty]
        return without([closed], dirty if unit_ms == HOUR_MS else [*dirty, *self.brief])


@dataclass(frozen=True, slots=True)
class ResourceRead:
    """What is read of one resource: some of its series, all from the same sources."""

    resource: str
    hours: ResourceHours
    sources: tuple[Source, ...]
    series: tuple[Series, ...]

    @property
    def samples(self) -> int:
        """About how much there is to read, in samples."""
        return sum(_samples(one, source) for one in self.series for source in self.sources)


def planned_reads(
    series: Iterable[Series], kept: Callable[[Series], Kept], grid: Grid, over: Iterable[str]
) -> list[ResourceRead]:
    """What has to be read for an answer; TooMuchError where that is more than one may take."""
    folds = tuple(over)
    alike: defaultdict[tuple[str, ResourceHours, tuple[Source, ...]], list[Series]]
    alike = defaultdict(list)
    # Resources of a shard mostly have the same hours.
    planned: dict[tuple[ResourceHours, tuple[Window, ...]], tuple[Source, ...]] = {}
    for one in series:
        known = kept(one)
        key = (known.hours, tuple(known.brief))
        if key not in planned:
            planned[key] = sources(grid, folds, known)
        alike[one.resource, known.hours, planned[key]].append(one)
    reads = [ResourceRead(*key, tuple(found)) for key, found in alike.items()]
    _check_samples(reads, grid)
    return reads


def sources(grid: Grid, over: Iterable[str], kept: Kept) -> tuple[Source, ...]:
    """The coarsest tier that answers exactly for each part of the grid's range.

    A rollup answers exactly where steps are made of whole points, and any fold but a percentile.
    What is left is read from samples and, where those have expired, from the finest rollups that
    there are.
    """
    percentiles = any(fold in PERCENTILES for fold in over)
    exact = [
        tier for tier in _COARSEST_FIRST if grid.step_ms % tier.point_ms == 0 and not percentiles
    ]
    finest = [tier for tier in reversed(_COARSEST_FIRST) if tier not in exact]
    left, found = [Window(grid.start_ms, grid.end_ms)], list[Source]()
    for tier in (*exact, None, *finest):
        covered = kept.windows(tier)
        found += [
            Source(tier, part)
            for window in left
            for one in covered
            if (part := window.common(one)).length_ms
        ]
        left = without(left, covered)
    return tuple(found)


def _widened(window: Window, unit_ms: int) -> Window:
    return Window(floor_to(unit_ms, window.start_ms), ceil_to(unit_ms, window.end_ms))


def _samples(series: Series, source: Source) -> int:
    length_ms = series.life.common(source.window).length_ms
    if source.tier:
        return _SAMPLES_PER_POINT * length_ms // source.tier.point_ms
    return length_ms // max(series.resolution_ms, SECOND_MS) * len(series.instances)


def _check_samples(reads: Sequence[ResourceRead], grid: Grid) -> None:
    samples = sum(one.samples for one in reads)
    if samples <= MOST_SAMPLES:
        return
    seconds = (grid.end_ms - grid.start_ms) // SECOND_MS * MOST_SAMPLES // samples
    # Steps of whole rollup points need no samples where there are rollups.
    longer = [tier.point_ms for tier in reversed(_COARSEST_FIRST) if grid.step_ms < tier.point_ms]
    remedy = f"step={length_text(longer[0] // SECOND_MS)} or more, " if longer else ""
    raise TooMuchError(
        "start",
        f"About {samples} samples are more than the {MOST_SAMPLES} that are read at once: "
        f"send {remedy}a range of about {seconds}s, or match fewer series with where.",
    )
