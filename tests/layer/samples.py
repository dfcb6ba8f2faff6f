"""Columns in the few words that a test needs, and hypothesis's way to make all sorts of them."""

from array import array
from collections.abc import Iterable

from hypothesis import strategies as st

from tributary.columns import Column, ColumnKey, Origin, Run, column

# 2026-11-22T10:00:00Z
TEN = 1_795_341_600_000
SEEN = TEN + 300_000

CPU = ColumnKey("cpu.utilization", "api-1", Origin("cpu", "pct", 0.01))


def key(
    metric: str = "cpu.utilization",
    instance: str = "api-1",
    unit: str = "pct",
    factor: float = 0.01,
) -> ColumnKey:
    """A column's key; the provider's metric is called as the model's."""
    return ColumnKey(metric, instance, Origin(metric, unit, factor))


def rows(
    samples: Iterable[tuple[float, float]],
    named: ColumnKey = CPU,
    resolution: float = 10,
    seen: int = SEEN,
) -> Column:
    """A column of samples (seconds after 10:00, value), each standing for so many seconds."""
    times = [(TEN + int(second * 1000), value) for second, value in samples]
    return column(named, times, int(resolution * 1000), seen)


def points(columns: Iterable[Column]) -> list[tuple[ColumnKey, int, float, int, int]]:
    """Every sample: key, time, value, resolution and seen."""
    return [
        (one.key, one.times[row], one.values[row], run.resolution_ms, run.seen_ms)
        for one in columns
        for first, last, run in one.spans()
        for row in range(first, last)
    ]


METRICS = ("cpu.utilization", "memory.usage", "http.requests", "network.transfer", "hostup.iops")
TIMES = st.integers(-(2**45), 2**45) | st.integers(TEN, TEN + 300_000)
# No negative zero: normalising makes it 0.
VALUES = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**53), 2**53).map(float)
    | st.integers(0, 10**7).map(lambda number: number / 10**5)
).map(lambda value: value + 0.0)

RUNS = st.tuples(
    st.integers(1, 5), st.sampled_from([1, 10_000, 60_000, 10**10]), st.integers(0, 2**41)
)


@st.composite
def axes(draw: st.DrawFn) -> tuple[array[int], tuple[Run, ...]]:
    """Times in order, and runs that cover them: one at least."""
    runs = tuple(Run(*run) for run in draw(st.lists(RUNS, min_size=1, max_size=4)))
    size = sum(run.rows for run in runs)
    even = st.tuples(TIMES, st.integers(1, 10**6)).map(
        lambda made: [made[0] + row * made[1] for row in range(size)]
    )
    uneven = st.lists(TIMES, min_size=size, max_size=size, unique=True).map(sorted)
    return array("q", draw(even | uneven)), runs


@st.composite
def chunk_columns(draw: st.DrawFn) -> list[Column]:
    """Columns of a chunk: some metrics of some instances, on shared time axes or on their own."""
    shared = draw(st.lists(axes(), min_size=1, max_size=3))
    keys = draw(
        st.lists(
            st.builds(
                ColumnKey,
                st.sampled_from(METRICS),
                st.sampled_from(["-", "api-1", "api-1/data", "ö" * 40]),
                st.builds(
                    Origin,
                    st.sampled_from(["cpu", "diskReadMbPerSecond", ""]),
                    st.sampled_from(["pct", "mb", "", "ÅÄÖ"]),
                    st.sampled_from([1.0, 0.01, 125.0, 1e-300]),
                ),
            ),
            max_size=6,
            unique=True,
        )
    )
    columns = []
    for named in sorted(keys):
        times, runs = draw(st.sampled_from(shared) | axes())
        values = draw(st.lists(VALUES, min_size=len(times), max_size=len(times)))
        columns.append(Column(named, times, array("d", values), runs))
    return columns
