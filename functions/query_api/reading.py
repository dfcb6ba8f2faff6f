"""Reading: the samples of many series from the store, in parallel, as one column each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from functions.query_api.plan import Grid
from functions.query_api.problems import UnansweredInTimeError
from functions.query_api.series import Series
from tributary.codec import CorruptChunkError
from tributary.columns import Column, ColumnKey, Origin, merge
from tributary.hours import ResourceHours
from tributary.store import Store
from tributary.windows import DAY_MS, FIVE_MINUTES_MS, HOUR_MS, SECOND_MS, Tier

# Reading waits for DynamoDB most of the time; the client keeps as many connections twice.
_THREADS = 16

# The coarsest resolution in each tier: how long before a step a sample may lie that still holds.
_HOLDS_MS = {
    Tier.RAW: 30 * SECOND_MS,
    Tier.HOUR: FIVE_MINUTES_MS,
    Tier.DAY: HOUR_MS,
    Tier.MONTH: 7 * DAY_MS,
}
_ANY_ORIGIN = Origin("", "", 1.0)


@dataclass(frozen=True, slots=True)
class Samples:
    """The column of each series in the order asked, None where there is nothing; `unreadable` are
    resources of which some chunk could not be decoded."""

    columns: list[Column | None]
    unreadable: list[str]

    @property
    def count(self) -> int:
        """How many samples all columns hold."""
        return sum(len(column) for column in self.columns if column)


def read(
    store: Store,
    series: Sequence[Series],
    hours: Mapping[str, ResourceHours],
    grid: Grid,
    seconds: float,
) -> Samples:
    """The samples that the grid's steps hold, and those before that still hold in its first ones.

    `hours`, by resource, were read before: what is closed since is found all the same.

    Raises UnansweredInTimeError after so many seconds, and what the store raises.
    """
    wanted: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in series:
        wanted[one.resource].update((one.metric.name, instance) for instance in one.instances)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="reading")
    try:
        tasks = {
            pool.submit(_read_tier, store, resource, hours[resource], tier, keys, grid): resource
            for resource, keys in wanted.items()
            for tier in Tier
        }
        _, late = wait(tasks, timeout=seconds)
        if late:
            raise UnansweredInTimeError(
                f"Reading {len(wanted)} resources took over {seconds:.0f} seconds: "
                "send a shorter range, or match fewer series with where."
            )
        return _collected(series, tasks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def one_column(series: Series, columns: Iterable[Column]) -> Column | None:
    """The samples of a series, wherever they came from: what one provider metric or another, in
    one unit or another, said of the same instant is one sample.

    Of several instances (metrics of scope resource) the maximum per instant, never the sum.
    """
    found: defaultdict[str, list[Column]] = defaultdict(list)
    for column in columns:
        found[column.key.instance].append(_rekeyed(column, column.key.instance))
    merged = [merge(alike) for alike in found.values()]
    if len(merged) > 1:
        # When each was fetched does not matter between instances: of one instant the finer
        # resolution stays, then the larger value.
        merged = [merge(_unseen(_rekeyed(column, "-")) for column in merged)]
    return merged[0] if merged else None


def _read_tier(
    store: Store,
    resource: str,
    hours: ResourceHours,
    tier: Tier,
    keys: set[tuple[str, str]],
    grid: Grid,
) -> list[Column]:
    def wanted(key: ColumnKey) -> bool:
        return (key.metric, key.instance) in keys

    # A sample is repeated in steps inside its interval only, so only where steps are finer.
    start_ms = grid.start_ms - max(0, _HOLDS_MS[tier] - grid.step_ms)
    return store.read(resource, max(0, start_ms), grid.end_ms, wanted, (tier,), hours)


def _collected(series: Sequence[Series], tasks: dict[Future[list[Column]], str]) -> Samples:
    found: defaultdict[tuple[str, str, str], list[Column]] = defaultdict(list)
    unreadable: dict[str, None] = {}
    for task, resource in tasks.items():
        try:
            for column in task.result():
                found[resource, column.key.metric, column.key.instance].append(column)
        except CorruptChunkError:
            unreadable[resource] = None
    columns = [one_column(one, _columns_of(one, found)) for one in series]
    return Samples(columns, list(unreadable))


def _columns_of(
    series: Series, found: dict[tuple[str, str, str], list[Column]]
) -> Iterator[Column]:
    for instance in series.instances:
        yield from found.get((series.resource, series.metric.name, instance), ())


def _rekeyed(column: Column, instance: str) -> Column:
    return replace(column, key=ColumnKey(column.key.metric, instance, _ANY_ORIGIN))


def _unseen(column: Column) -> Column:
    return replace(column, runs=tuple(run._replace(seen_ms=0) for run in column.runs))
