"""Any order, repetition and split of the same samples ends in the same stored bytes.

That is for sets with one value per instant and resolution. What raw chunks hold depends on when it
was written, for what is written to an hour that is old goes straight into its hour chunk. So where
all is written at one time, all items are the same: contents, digests and expiries. Where the clock
goes on meanwhile, all but the raw chunks are, once the compactor has closed the hours; and the
raw chunks that there are hold nothing that the hour chunks do not.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.compactor.world import API, DAY, HOUR, MINUTE, TEN, World, emptied
from tests.dynamodb import TABLE
from tests.layer.samples import VALUES
from tributary.chunk import split
from tributary.columns import Column, ColumnKey, Origin, column, merge
from tributary.hours import Marker
from tributary.windows import Tier

INSTANCES = ("-", "api-1", "api-2", "api-2/data")
METRICS = ("cpu.utilization", "memory.usage", "http.requests", "hostup.iops")
SECONDS = (10, 15, 60, 300, 1800, 6 * 3600)
# The edges of windows of five minutes and an hour, so that many samples are of one instant.
OFFSETS = st.sampled_from([0, 1, 10_000, 299_999, 300_000, HOUR - 1, HOUR, HOUR + 10_000])
# Minutes after 10:00 at which runs write: its hour is old from 11:30 on, the next from 12:30.
CLOCK = (58, 89, 90, 125, 149, 150, 166, 240)


class Sample(NamedTuple):
    """One sample; `key`, `seconds` and `at` name it."""

    key: ColumnKey
    seconds: int
    at: int
    value: float
    seen: int


def named(metric: str, instance: str) -> ColumnKey:
    return ColumnKey(metric, instance, Origin(metric, "pct", 0.01))


SAMPLES = st.builds(
    Sample,
    st.builds(named, st.sampled_from(METRICS), st.sampled_from(INSTANCES)),
    st.sampled_from(SECONDS),
    OFFSETS.map(lambda offset: TEN + offset),
    VALUES,
    st.integers(1, 3),
)
FEW = st.lists(
    SAMPLES, min_size=1, max_size=30, unique_by=lambda one: (one.key, one.seconds, one.at)
)


def many(rows: int, *, replaced: bool, seed: int) -> list[Sample]:
    """So many samples of one hour in each of 20 columns, that don't compress.

    Halves of them take more bytes than all: columns with different gaps share no times, and where
    `replaced`, each has a finer one of its instant, which is a shorter number.
    """
    chaos = random.Random(seed)
    times = sorted(chaos.sample(range(TEN, TEN + HOUR), rows))
    seen = {at: chaos.randint(1, 3) for at in times}
    samples = []
    for key in (named("hostup.iops", f"api-{number}") for number in range(20)):
        for at in times:
            samples.append(Sample(key, 60, at, chaos.uniform(-1e9, 1e9), seen[at]))
            if replaced:
                samples.append(Sample(key, 40, at, 0.5, seen[at]))
    return samples


class Delivery:
    """One way, of all there are, in which samples are written: in pieces, some of them repeatedly,
    in some order."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def pieces(self, samples: Sequence[Sample]) -> list[list[Column]]:
        """What is written at a time; every sample is in one of these at least."""
        count = self.chance.randint(1, 6)
        pieces: list[list[Sample]] = [[] for _ in range(count)]
        for one in samples:
            for piece in self.chance.sample(pieces, self.chance.randint(1, min(2, count))):
                piece.append(one)
        pieces += self.chance.choices(pieces, k=self.chance.randint(0, 2))
        self.chance.shuffle(pieces)
        return [in_columns(piece) for piece in pieces]

    def write(self, world: World, columns: list[Column]) -> None:
        """Writes as a run does, or chunk by chunk in any order."""
        self.chance.shuffle(columns)
        chunks = split(API, columns)
        marker = Marker(world.hours, world.shard(), int(world.now * 1000), world.clock)
        if self.chance.random() < 0.5:
            newest_ms = self.chance.choice((0, TEN, TEN + DAY))
            world.store.write_all(chunks, newest_ms, lambda hour: marker.before_old(API, hour))
            return
        self.chance.shuffle(chunks)
        for chunk in chunks:
            expected = self.chance.random() < 0.5
            world.store.write(
                chunk, expected=expected, before_old=lambda hour: marker.before_old(API, hour)
            )


def in_columns(samples: Iterable[Sample]) -> list[Column]:
    """Columns as a run has them: a reply's samples are of one resolution and were seen at once."""
    found: defaultdict[tuple[ColumnKey, int, int], list[tuple[int, float]]] = defaultdict(list)
    for one in samples:
        found[one.key, one.seconds, one.seen].append((one.at, one.value))
    return [column(key, rows, seconds * 1000, seen) for (key, seconds, seen), rows in found.items()]


def stored(world: World) -> dict[str, tuple[Any, ...]]:
    """What every item of the resource holds, by sort key: content, digest, expiry."""
    return {
        item["sk"]["S"]: tuple(item.get(name) for name in ("d", "e", "ttl"))
        for page in world.client.get_paginator("scan").paginate(TableName=TABLE)
        for item in page["Items"]
        if item["pk"]["S"] == API
    }


def together(samples: Iterable[Sample]) -> list[Column]:
    """The columns that the samples make: of one instant the finest."""
    found: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
    for one in in_columns(samples):
        found[one.key].append(one)
    return [merge(found[key]) for key in sorted(found)]


def quick(examples: int) -> settings:
    """The same examples every time; the table is emptied for each."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
    )


def written(world: World, samples: Sequence[Sample], seed: int, minute: int) -> World:
    """A new world with the samples in it, all delivered at one time."""
    world = emptied(world)
    world.at(TEN + minute * MINUTE)
    delivery = Delivery(seed)
    for columns in delivery.pieces(samples):
        delivery.write(world, columns)
    return world


def assert_same_items(
    world: World, samples: Sequence[Sample], first: int, second: int, minute: int
) -> None:
    one = written(world, samples, first, minute)
    items, found = stored(one), one.store.read(API, TEN, TEN + DAY)
    other = written(world, samples, second, minute)

    assert found == together(samples)
    assert stored(other) == items


SEEDS = st.integers(0, 2**32)


@quick(20)
@given(samples=FEW, first=SEEDS, second=SEEDS, minute=st.sampled_from([58, 180]))
def test_any_delivery_at_one_time_ends_in_the_same_items(
    world: World, samples: list[Sample], first: int, second: int, minute: int
) -> None:
    assert_same_items(world, samples, first, second, minute)


@quick(5)
@given(rows=st.integers(395, 445), replaced=st.booleans(), made=SEEDS, first=SEEDS, second=SEEDS)
def test_any_delivery_of_what_may_come_apart_ends_in_the_same_items(
    world: World, rows: int, replaced: bool, made: int, first: int, second: int
) -> None:
    samples = many(rows, replaced=replaced, seed=made)

    assert_same_items(world, samples, first, second, 180)


def compacted(world: World, samples: Sequence[Sample], seed: int) -> World:
    """A new world with the samples in it, delivered while the compactor was at work."""
    world = emptied(world)
    delivery = Delivery(seed)
    pieces = delivery.pieces(samples)
    minutes = sorted(delivery.chance.choices(CLOCK, k=len(pieces)))
    for minute, columns in zip(minutes, pieces, strict=True):
        world.at(TEN + minute * MINUTE)
        if delivery.chance.random() < 0.4:
            world.compact()
        delivery.write(world, columns)
    for day in (2, 3):
        world.at(TEN + day * DAY)
        world.compact()
    return world


@quick(8)
@given(samples=FEW, first=SEEDS, second=SEEDS)
def test_any_delivery_at_any_time_ends_in_the_same_items_once_compacted(
    world: World, samples: list[Sample], first: int, second: int
) -> None:
    one = compacted(world, samples, first)
    items = without_raw(stored(one))
    other = compacted(world, samples, second)

    assert without_raw(stored(other)) == items
    assert other.known().dirty == ()
    tiers = tuple(tier for tier in Tier if tier is not Tier.RAW)
    found = other.store.read(API, TEN, TEN + DAY, tiers=tiers)
    assert found == other.store.read(API, TEN, TEN + DAY) == together(samples)


def without_raw(items: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {key: item for key, item in items.items() if not key.startswith("r#")}
