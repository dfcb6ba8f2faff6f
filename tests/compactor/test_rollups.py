"""Rollups: made by each compaction, per instance and per resource, anew where hours change."""

import random

import pytest

from tests.compactor.world import (
    API,
    DAY,
    ELEVEN,
    HOUR,
    MINUTE,
    TEN,
    World,
    rollup_points,
    samples,
    steady,
)
from tributary.points import WHOLE, Points, SeriesKey
from tributary.registry import Instance
from tributary.store import PARTED_DIGEST
from tributary.table import Item, Key
from tributary.windows import RollupTier, Window

CLOSABLE = ELEVEN + 45 * MINUTE
# 2026-11-22T00:00Z, the Sunday that the world's clock stands in.
SUNDAY = TEN - 10 * HOUR
OVER = SUNDAY + DAY + 45 * MINUTE
FIVE = RollupTier.FIVE_MINUTES


def rollups(
    world: World, tier: RollupTier = FIVE, start: int = SUNDAY, end: int = SUNDAY + DAY
) -> dict[tuple[str, str], Points]:
    found = rollup_points(world.table, API, tier, Window(start, end))
    return {(key.metric, key.instance): one for key, one in found.items()}


def averages(world: World, tier: RollupTier = FIVE) -> dict[str, list[tuple[int, float]]]:
    """By instance, seconds after 10:00 and average of each point of cpu.utilization."""
    sunday = Window(SUNDAY, SUNDAY + DAY)
    return {
        key.instance: [
            ((at - TEN) // 1000, average)
            for at, average in zip(points.times, points.averages, strict=True)
        ]
        for key, points in rollup_points(world.table, API, tier, sunday).items()
    }


def test_an_hours_points_are_made_when_it_is_closed(world: World) -> None:
    world.collect(samples([(0, 0.25), (10, 0.75), (310, 1.0)]))
    world.at(CLOSABLE - 1000)
    world.compact()
    assert world.keys("5#") == []
    world.at(CLOSABLE)

    world.compact()

    assert world.keys("5#") == ["5#2026-11-22T10:00Z"]
    assert averages(world)["api-1"] == [(0, 0.5), (300, 1.0)]


def test_points_of_hours_and_days_are_made_when_the_day_is_over(world: World) -> None:
    world.collect(samples([(0, 0.25), (10, 0.75), (3610, 1.0)]))
    world.at(OVER - 1000)
    world.compact()
    assert (world.keys("H#"), world.keys("D#")) == ([], [])
    world.at(OVER)

    world.compact()

    assert world.keys("H#") == ["H#2026-11-16T00:00Z"]
    assert world.keys("D#") == ["D#2026-11-01T00:00Z"]
    assert averages(world, RollupTier.HOUR)["api-1"] == [(0, 0.5), (3600, 1.0)]
    assert rollups(world, RollupTier.DAY)["cpu.utilization", "api-1"].values("total") == [2.0]


def test_a_week_has_the_points_of_all_its_days(world: World) -> None:
    world.register(API, {"api-1": Instance({}, {"cpu.utilization": 10_000}, TEN - 2 * DAY)})
    for day in (2, 1, 0):
        at = TEN - day * DAY
        world.at(at + 5 * MINUTE)
        world.collect(samples([(0, 0.25 * day)], start=at))
        world.at(at - 10 * HOUR + DAY + 45 * MINUTE)
        world.compact()

    week = rollups(world, RollupTier.HOUR, SUNDAY - 6 * DAY)["cpu.utilization", "api-1"]
    month = rollups(world, RollupTier.DAY, SUNDAY - 6 * DAY)["cpu.utilization", "api-1"]

    assert list(week.times) == [TEN - 2 * DAY, TEN - DAY, TEN]
    assert week.averages == month.averages == [0.5, 0.25, 0.0]


def test_an_hour_that_changes_has_its_points_and_its_days_made_anew(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(OVER)
    world.compact()
    world.collect(samples([(10, 0.75)]))

    world.compact()

    assert averages(world)["api-1"] == [(0, 0.5)]
    assert averages(world, RollupTier.HOUR)["api-1"] == [(0, 0.5)]
    assert averages(world, RollupTier.DAY)["api-1"] == [(-36_000, 0.5)]


def test_a_resource_has_points_over_its_instances(world: World) -> None:
    world.collect(
        samples([(0, 0.25), (10, 0.25)]), samples([(0, 1.0), (20, 0.5)], instance="api-2")
    )
    world.at(CLOSABLE)

    world.compact()

    whole = rollups(world)["cpu.utilization", WHOLE]
    assert (list(whole.count), whole.values("total")) == ([4], [2.0])
    assert (whole.values("least"), whole.values("greatest")) == ([0.25], [1.0])
    assert (whole.values("last"), list(whole.last_ms)) == ([0.5], [TEN + 20_000])
    assert list(whole.covered_ms) == [40_000]


def test_a_total_is_the_greatest_of_each_instant_and_has_no_points_by_instance(
    world: World,
) -> None:
    world.collect(
        samples([(0, 4.0), (60, 1.0)], 60, "http.requests"),
        samples([(0, 3.0), (60, 2.0)], 60, "http.requests", "api-2"),
    )
    world.at(CLOSABLE)

    world.compact()

    found = rollups(world)
    assert found.keys() == {("http.requests", WHOLE)}
    assert found["http.requests", WHOLE].values("total") == [6.0]


def test_a_vps_is_its_only_instance_and_kept_once(world: World) -> None:
    world.collect(samples([(0, 0.5)], 60, instance="-"))
    world.at(CLOSABLE)

    world.compact()

    assert rollups(world).keys() == {("cpu.utilization", "-")}


def test_an_instance_that_came_and_went_within_a_day_is_told_apart_at_five_minutes_only(
    world: World,
) -> None:
    cpu = {"cpu.utilization": 10_000}
    ended = {
        name: Instance({}, cpu, TEN + 4000_000, TEN + at * 1000)
        for name, at in (("brief", 4000), ("last-hour", 9000))
    }
    world.register(API, {"api-1": Instance({}, cpu, TEN), **ended})
    world.at(TEN + 3 * HOUR)
    world.collect(
        steady(0.25, 0, 3 * 3600, 300),
        samples([(4000, 1.0)], instance="brief"),
        samples([(9000, 0.5)], instance="last-hour"),
    )
    world.at(OVER)

    world.compact()

    assert averages(world).keys() == {"api-1", "brief", "last-hour", WHOLE}
    for tier in (RollupTier.HOUR, RollupTier.DAY):
        assert averages(world, tier).keys() == {"api-1", "last-hour", WHOLE}
    # 36 samples of api-1, and one of each of the others.
    assert list(rollups(world, RollupTier.DAY)["cpu.utilization", WHOLE].count) == [38]


def test_an_instance_that_pauses_over_the_ends_of_a_day_is_told_apart_in_it(world: World) -> None:
    cpu = {"cpu.utilization": 300_000}
    # A replica that runs by day only, under one name.
    lives = {"db-0": Instance({}, cpu, TEN), "db-1": Instance({}, cpu, TEN + 4000_000)}
    world.register(API, lives)
    world.at(TEN + 3 * HOUR)
    world.collect(
        samples([(0, 0.5), (4000, 0.5), (9000, 0.5)], 300, instance="db-0"),
        samples([(4000, 0.25)], 300, instance="db-1"),
    )
    world.at(OVER)

    world.compact()

    assert averages(world, RollupTier.HOUR)["db-1"] == [(3600, 0.25)]
    assert averages(world, RollupTier.DAY)["db-1"] == [(-36_000, 0.25)]


def test_a_day_over_instances_has_the_hours_in_which_none_was_named(world: World) -> None:
    world.at(TEN + 3 * HOUR)
    world.collect(
        samples([(0, 1.0), (3700, 0.5), (7300, 0.5)], instance="-"),
        samples([(3700, 0.25)], instance="api-1"),
    )
    world.at(OVER)

    world.compact()

    assert list(rollups(world, RollupTier.HOUR)["cpu.utilization", WHOLE].count) == [1, 2, 1]
    assert list(rollups(world, RollupTier.DAY)["cpu.utilization", WHOLE].count) == [4]


def test_nothing_is_put_that_would_not_change(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(OVER)
    world.compact()
    puts: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.PutItem",
        lambda params, **_: puts.append(params["Item"]["sk"]["S"]),
    )

    world.rollups.renew_hours(API, Window(SUNDAY, SUNDAY + DAY))
    world.rollups.renew_day(API, Window(SUNDAY, SUNDAY + DAY))

    assert puts == []


@pytest.mark.parametrize("sk", ["5#2026-11-22T10:00Z", "H#2026-11-16T00:00Z"])
def test_what_another_wrote_between_is_read_again(world: World, sk: str) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(OVER)
    interfered = False

    def interfere(params: dict[str, object], **_: object) -> None:
        nonlocal interfered
        if not interfered and sk in str(params["Item"]):
            interfered = True
            world.table.put(Item(Key(API, sk), b"", PARTED_DIGEST, parted=True), None)

    world.client.meta.events.register("provide-client-params.dynamodb.PutItem", interfere)

    world.compact()

    assert interfered
    assert averages(world)["api-1"] == [(0, 0.25)]
    assert averages(world, RollupTier.HOUR)["api-1"] == [(0, 0.25)]


def test_rollups_of_many_instances_lie_in_parts(world: World) -> None:
    chance = random.Random(1)
    names = [f"api-{number}" for number in range(400)]
    columns = [
        samples([(at, float(chance.getrandbits(30))) for at in range(0, 3600, 100)], 100,
                "network.receive", name)
        for name in names
    ]  # fmt: skip
    world.at(CLOSABLE)
    world.collect(*columns)

    world.compact()

    keys = world.keys("5#")
    assert keys[0] == "5#2026-11-22T10:00Z"
    assert [key.rpartition("#")[2] for key in keys[1:]] == list("0123456789abcdef")
    found = rollups(world)
    assert {instance for _, instance in found} == {*names, WHOLE}
    assert sum(found["network.receive", WHOLE].count) == 36 * 400
    for name, one in zip(names, columns, strict=True):
        assert sum(found["network.receive", name].values("total")) == sum(one.values)


def test_parts_change_with_their_instances(world: World) -> None:
    marker = Item(Key(API, "5#2026-11-22T10:00Z"), b"", PARTED_DIGEST, parted=True)
    world.table.put(marker, None)
    world.collect(samples([(0, 0.25)]))
    world.at(CLOSABLE)
    world.compact()
    world.collect(samples([(10, 0.75)]))

    world.compact()

    assert averages(world) == {"api-1": [(0, 0.5)], WHOLE: [(0, 0.5)]}


def test_expired_rollups_are_not_read(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(OVER)
    world.compact()

    world.at(ELEVEN + 365 * DAY - 1)
    sunday = Window(SUNDAY, SUNDAY + DAY)
    assert world.rollups.read(API, FIVE, sunday) != {}
    world.at(ELEVEN + 365 * DAY)
    assert world.rollups.read(API, FIVE, sunday) == {}
    assert world.rollups.read(API, RollupTier.HOUR, sunday) != {}


def test_what_rollups_are_made_of_is_read_after_them(world: World) -> None:
    """Else one who was slow would put an old state over a newer one it has never seen."""
    world.collect(samples([(0, 0.25)]))
    world.at(OVER)
    reads: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.Query",
        lambda params, **_: reads.append(params["ExpressionAttributeValues"][":first"]["S"][0]),
    )

    world.compact()

    assert reads.index("5") < reads.index("h")
    assert reads[reads.index("H") :] == ["H", "D", "5"]


def test_series_keys_tell_metrics_apart(world: World) -> None:
    world.collect(samples([(0, 0.25)]), samples([(0, 7.0)], metric="network.receive"))
    world.at(CLOSABLE)

    world.compact()

    def wanted(key: SeriesKey) -> bool:
        return key == SeriesKey("network.receive", "api-1")

    only = world.rollups.read(API, FIVE, Window(TEN, ELEVEN), wanted)
    assert {key: list(one.values) for key, one in only.items()} == {
        ("network.receive", "api-1"): [7.0]
    }
