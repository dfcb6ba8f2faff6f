"""Random schedules of collectors, compactors, readers and kills lose and double nothing.

Each thread stops before each of its table calls, and a seeded scheduler says who goes on; the rules
of time are Lambda's: nobody lives longer than 15 minutes.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from functions.query_api.sources import Kept
from tests.compactor.stepping import Actor, SteppedTable
from tests.compactor.world import (
    ACCOUNT,
    API,
    DAY,
    ELEVEN,
    HOUR,
    MINUTE,
    TEN,
    World,
    emptied,
    rollup_points,
    samples,
    values,
    write,
)
from tributary.columns import Column, merge
from tributary.compaction import Compaction
from tributary.hours import NOTHING_CLOSED, Hours, Marker
from tributary.points import SeriesKey, rolled_up
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.rollups import Rollups
from tributary.store import Store
from tributary.windows import RollupTier, Tier, Window, without

LAMBDA_LIVES = 15 * MINUTE
LOST = "northflank/main/shop/services/lost"

# What four runs fetched: seconds after 10:00 in the windows of 10:00 and 10:05, at two resolutions.
RUNS: tuple[tuple[Column, ...], ...] = (
    (samples([(0, 5.0), (10, 6.0)], 10, seen=1),),
    (samples([(0, 7.0), (300, 8.0)], 10, seen=2),),
    (samples([(10, 1.0), (70, 9.0)], 60, seen=3),),
    (samples([(300, 8.0), (310, 2.0)], 10, seen=4),),
)
ALL = merge(column for run in RUNS for column in run)


CPU = SeriesKey("cpu.utilization", "api-1")
CONTAINER = {"api-1": Instance({}, {"cpu.utilization": 10_000}, TEN)}

type Rank = tuple[int, int, float]


def ranks(columns: list[Column]) -> dict[int, Rank]:
    """By instant what says which of two samples is the better one."""
    return {
        column.times[row]: (-run.resolution_ms, run.seen_ms, column.values[row])
        for column in columns
        for first, last, run in column.spans()
        for row in range(first, last)
    }


@dataclass
class Schedule:
    """One random interleaving; `acked` is what collectors were told is stored, `lost` whether some
    run was killed for good."""

    world: World
    chance: random.Random
    resource: str
    acked: dict[int, Rank] = field(default_factory=dict)
    lost: bool = False
    live: list[tuple[Actor, int, Callable[[Actor], None]]] = field(default_factory=list)
    starts: list[tuple[int, Callable[[Actor], None]]] = field(default_factory=list)

    def play(self) -> None:
        """Runs everything to its end; who is killed mostly starts again later."""
        # Late samples have their hour compacted again, which would mend what went wrong before.
        last = self.chance.choice((15, 28, 55))
        for run in RUNS:
            self.starts.append((self._between(-10, last), self._collector(run)))
        for _ in range(3):
            self.starts.append((self._between(10, 75), self._compactor))
        kills = 4
        while self.live or self.starts:
            self._start()
            if self.chance.random() < 0.25 or not self.live:
                self._let_time_pass()
                continue
            if self.chance.random() < 0.08:
                self.live.append((Actor(self._reader), self.now_ms, self._reader))
            place = self.chance.randrange(len(self.live))
            actor, _, act = self.live[place]
            if kills and act != self._reader and self.chance.random() < 0.03:
                kills -= 1
                self._kill(place)
                continue
            actor.step()
            if actor.done:
                self.live.pop(place)

    @property
    def now_ms(self) -> int:
        """The clock that all actors share."""
        return int(self.world.now * 1000)

    def _between(self, first: int, last: int) -> int:
        """Some time, in minutes after 11:00."""
        return ELEVEN + self.chance.randrange(first * 60, last * 60) * 1000

    def _start(self) -> None:
        due = [one for one in self.starts if one[0] <= self.now_ms]
        self.starts = [one for one in self.starts if one not in due]
        self.live += [(Actor(act), self.now_ms, act) for _, act in due]

    def _let_time_pass(self) -> None:
        most_seconds = 120 if self.live else 600
        self.world.at(self.now_ms + self.chance.randrange(1, most_seconds) * 1000)
        for place in reversed(range(len(self.live))):
            if self.live[place][1] + LAMBDA_LIVES <= self.now_ms:
                self._kill(place)

    def _kill(self, place: int) -> None:
        actor, _, act = self.live.pop(place)
        actor.kill()
        if act == self._reader:
            return
        if self.chance.random() < 0.7:
            self.starts.append((self.now_ms + self.chance.randrange(1, 10) * MINUTE, act))
        elif act != self._compactor:
            self.lost = True

    def _collector(self, columns: tuple[Column, ...]) -> Callable[[Actor], None]:
        def collect(actor: Actor) -> None:
            table = SteppedTable(self.world.table, actor)
            registry = Registry(table)
            shards = registry.shards_of(ACCOUNT)
            marker = Marker(Hours(table), shards[0], columns[0].runs[0].seen_ms, self.world.clock)
            store = Store(table, self.world.retention, self.world.clock)
            for column in columns:
                write(store, marker, [column], self.resource)
                for at, rank in ranks([column]).items():
                    self.acked[at] = max(rank, self.acked.get(at, rank))
            entry = Entry(self.resource, {}, CONTAINER)
            if self.resource not in shards[0].entries:
                registry.save(
                    shards[0],
                    lambda stored: Shard(ACCOUNT, 0, {**stored.entries, self.resource: entry}),
                )

        return collect

    def _compactor(self, actor: Actor) -> None:
        self._compaction(SteppedTable(self.world.table, actor)).run(float("inf"))

    def _compaction(self, table: SteppedTable) -> Compaction:
        world = self.world
        store = Store(table, world.retention, world.clock)
        rollups = Rollups(table, store, world.retention, world.clock)
        return Compaction(
            Registry(table),
            Hours(table),
            store,
            rollups,
            world.retention,
            table,
            world.clock,
            threads=1,
        )

    def _reader(self, actor: Actor) -> None:
        table = SteppedTable(self.world.table, actor)
        wanted = dict(self.acked)
        shards = Registry(table).shards()
        hours = Hours(table).of_shards(shards).get(self.resource)
        if hours is None:
            return  # Not registered yet, so there is nothing a query could ask for.
        store = Store(table, self.world.retention, self.world.clock)
        found = ranks(store.read(self.resource, TEN, ELEVEN, hours=hours))
        assert_none_worse(found, wanted)
        kept = Kept(hours, self.world.retention, int(self.world.now * 1000))
        if not without([Window(TEN, ELEVEN)], kept.windows(RollupTier.FIVE_MINUTES)):
            rollups = Rollups(table, store, self.world.retention, self.world.clock)
            hour, five = Window(TEN, ELEVEN), RollupTier.FIVE_MINUTES
            points = rollups.read(self.resource, five, hour, CPU.__eq__, "count")
            assert sum(points[CPU].values if points else ()) >= len(wanted)


def assert_none_worse(found: Mapping[int, Rank], wanted: Mapping[int, Rank]) -> None:
    """Every acknowledged sample is there, or a better one of its instant."""
    for at, rank in wanted.items():
        assert at in found, f"nothing at {at - TEN}"
        # What only confirms a stored sample is not written, so `seen` may stay behind.
        confirmed = (found[at][0], found[at][2]) == (rank[0], rank[2])
        assert confirmed or found[at] >= rank, f"an older or coarser sample at {at - TEN}"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(seed=st.integers(0, 2**32), registered=st.booleans())
@example(seed=1, registered=False)
def test_any_schedule_ends_as_an_undisturbed_one(world: World, seed: int, registered: bool) -> None:
    world = emptied(world)
    schedule = Schedule(world, random.Random(seed), API if registered else LOST)

    schedule.play()
    for _ in range(2):
        world.at(schedule.now_ms + 2 * HOUR)
        world.compact()

    world.register(schedule.resource, CONTAINER)
    known = world.known(schedule.resource)
    assert known.closed_ms >= ELEVEN
    assert known.dirty == ()
    read = partial(world.store.read, schedule.resource, TEN, ELEVEN)
    for found in (read(tiers=(Tier.HOUR,)), read(hours=known), read(hours=NOTHING_CLOSED)):
        if schedule.lost:
            assert_none_worse(ranks(found), schedule.acked)
        else:
            assert values(found) == values([ALL])
    stored = merge(read())
    world.at(TEN + DAY)
    world.compact()
    for tier in RollupTier:
        rollups = rollup_points(
            world.table, schedule.resource, tier, Window(ELEVEN - DAY, ELEVEN + DAY)
        )
        assert rollups[CPU] == rolled_up(stored, tier.point_ms)
