"""Re-stamping: a raised retention reaches what is still there, and touches nothing else of it."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.compactor.stepping import Actor, SteppedTable
from tests.compactor.world import API, DAY, HOUR, MINUTE, TEN, World, samples, values, write
from tributary.compaction import Compaction, CompactionReport
from tributary.compactor import Compactor
from tributary.errors import StorageError
from tributary.hours import Hours, Marker
from tributary.registry import Instance, Registry
from tributary.restamping import Restamping
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.stamps import Raise, Stamps
from tributary.store import PARTED_DIGEST, Store
from tributary.table import Item, Key, Table
from tributary.windows import RollupTier, Tier, Window, key_time

USUAL = Retention.of_days(7, 60, 1825, 365, 1825)
LONGER = Retention.of_days(14, 120, 3650, 730, 3650)
# Raised in two tiers only.
SAMPLES_LONGER = Retention.of_days(14, 120, 1825, 365, 1825)
WEB = "northflank/main/shop/services/web"
# When the history of `collected` is complete: 2026-11-24T00:50Z, a Tuesday.
NOW = TEN + 38 * HOUR + 50 * MINUTE
# From when on there are hour chunks if a raise is noticed an hour later: what expires within the
# half hour that it waits, the hour until the next run and two more may be gone by then.
HOURS_FROM = NOW + HOUR - 60 * DAY + 3 * HOUR + 30 * MINUTE
DAY_S, HOUR_S = 86_400, 3600


def restamp(
    world: World,
    retention: Retention,
    table: Table | None = None,
    timer: Callable[[], float] = lambda: 0.0,
) -> CompactionReport:
    """What a compactor under this retention does once hours are closed, until the timer says 1."""
    table, report = table or world.table, CompactionReport()
    run = Restamping(Registry(table), Hours(table), table, retention, world.clock, timer, 1)
    run.run(report, 1.0)
    return report


def raise_noticed(world: World, retention: Retention = LONGER) -> None:
    """Two runs, an hour apart, of which the second finds a raised retention."""
    restamp(world, USUAL)
    world.at(NOW + HOUR)
    restamp(world, retention)
    world.at(NOW + 2 * HOUR)


def expiries(world: World, resource: str = API) -> dict[str, int]:
    """By sort key, the Unix seconds at which a resource's items expire, or have."""
    items = world.client.scan(TableName="tributary")["Items"]
    return {item["sk"]["S"]: int(item["ttl"]["N"]) for item in items if item["pk"]["S"] == resource}


def contents(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """All items of resources, but for when they expire."""
    return {
        (item["pk"]["S"], item["sk"]["S"]): {key: item[key] for key in item.keys() - {"ttl"}}
        for item in world.client.scan(TableName="tributary")["Items"]
        if "ttl" in item
    }


def stamps(world: World) -> dict[str, Stamps]:
    return dict(world.hours.get(world.shard()).stamps)


def queried(world: World) -> list[str]:
    """The first sort key of each query from now on."""
    found: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.Query",
        lambda params, **_: found.append(params["ExpressionAttributeValues"][":first"]["S"]),
    )
    return found


@pytest.fixture
def collected(world: World) -> World:
    """Samples of 10 seconds, half an hour and six hours on a Sunday, compacted and rolled up, so
    that each tier has one item."""
    world.collect(
        samples([(0, 0.25)]),
        samples([(0, 0.5)], seconds=1800),
        samples([(0, 0.75)], seconds=6 * HOUR_S),
    )
    world.at(NOW)
    world.compact()
    return world


def test_a_raised_retention_reaches_items_of_every_tier(collected: World) -> None:
    raise_noticed(collected)
    before = expiries(collected)

    report = restamp(collected, LONGER)

    hour, day = (TEN + HOUR) // 1000, (TEN + 14 * HOUR) // 1000
    month = day + 8 * DAY_S  # 1 December
    assert before == {
        "r#2026-11-22T10:00Z": TEN // 1000 + 300 + 7 * DAY_S,
        "h#2026-11-22T10:00Z": hour + 60 * DAY_S,
        "d#2026-11-22T00:00Z": day + 1825 * DAY_S,
        "m#2026-11-01T00:00Z": month + 1825 * DAY_S,
        "5#2026-11-22T10:00Z": hour + 365 * DAY_S,
        "H#2026-11-16T00:00Z": day + 1825 * DAY_S,
        "D#2026-11-01T00:00Z": month + 1825 * DAY_S,
    }
    assert expiries(collected) == {
        "r#2026-11-22T10:00Z": TEN // 1000 + 300 + 14 * DAY_S,
        "h#2026-11-22T10:00Z": hour + 120 * DAY_S,
        "d#2026-11-22T00:00Z": day + 3650 * DAY_S,
        "m#2026-11-01T00:00Z": month + 3650 * DAY_S,
        "5#2026-11-22T10:00Z": hour + 730 * DAY_S,
        "H#2026-11-16T00:00Z": day + 3650 * DAY_S,
        "D#2026-11-01T00:00Z": month + 3650 * DAY_S,
    }
    assert report.restamped == 7
    assert report.errors == {}
    noticed_ms = NOW + HOUR
    assert stamps(collected) == {
        tier.value: Stamps(kept, kept, noticed_ms - USUAL.by_tier[tier] + 3 * HOUR + 30 * MINUTE)
        for tier, kept in LONGER.by_tier.items()
    }


def test_readers_are_told_what_had_expired_when_a_retention_was_raised(collected: World) -> None:
    raise_noticed(collected, SAMPLES_LONGER)

    known = collected.known()

    now, later = NOW + 2 * HOUR, NOW + 70 * DAY
    assert known.since == (("h", HOURS_FROM), ("r", HOURS_FROM + 53 * DAY))
    assert known.kept_from(Tier.HOUR, SAMPLES_LONGER, now) == HOURS_FROM - 20 * MINUTE
    assert known.kept_from(Tier.HOUR, SAMPLES_LONGER, later) == NOW - 50 * DAY - 50 * MINUTE
    assert known.kept_from(Tier.DAY, LONGER, now) == LONGER.kept_from(Tier.DAY, now)


def test_content_and_digest_stay_as_they_are(collected: World) -> None:
    before = contents(collected)
    raise_noticed(collected)

    restamp(collected, LONGER)

    assert contents(collected) == before


def test_the_first_run_over_a_shard_notes_the_retention_and_reads_nothing(collected: World) -> None:
    queries = queried(collected)

    report = restamp(collected, LONGER)

    assert (report.restamped, queries) == (0, [])
    assert stamps(collected)["h"] == Stamps(120 * DAY, 120 * DAY)


def test_nothing_is_written_or_queried_while_the_retention_is_the_same(collected: World) -> None:
    restamp(collected, USUAL)
    calls: list[str] = []
    collected.client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: calls.append(model.name)
    )

    restamp(collected, USUAL)

    assert calls == ["BatchGetItem", "BatchGetItem", "GetItem"]


def test_closing_hours_and_marking_them_leaves_the_stamps(collected: World) -> None:
    restamp(collected, USUAL)
    before = stamps(collected)

    collected.collect(samples([(10, 0.5)]))
    assert len(collected.hours.get(collected.shard()).marks) == 1
    collected.at(NOW + 2 * HOUR)
    collected.compact()

    assert stamps(collected) == before
    assert collected.hours.get(collected.shard()).closed_ms == NOW + 10 * MINUTE + HOUR


def test_a_raise_waits_until_nobody_writes_for_the_old_retention(collected: World) -> None:
    restamp(collected, USUAL)
    restamp(collected, LONGER)
    collected.at(NOW + 30 * MINUTE - 1000)
    # While the stack is updated, a collector that knows of no raise goes on.
    collected.collect(samples([(20, 0.5)], start=NOW, seconds=60))
    assert restamp(collected, LONGER).restamped == 0

    collected.at(NOW + 30 * MINUTE)
    report = restamp(collected, LONGER)

    assert report.restamped == 8
    assert expiries(collected)["h#2026-11-24T00:00Z"] == (NOW + 10 * MINUTE) // 1000 + 120 * DAY_S


def test_a_lowered_retention_is_clipped_to_and_restamps_nothing(collected: World) -> None:
    restamp(collected, LONGER)
    before = expiries(collected)
    brief = Retention.of_days(raw=1, hour=1, coarse=1, five_minutes=1, rollup=1)
    collected.at(NOW + 31 * DAY)

    report = restamp(collected, brief)

    assert (report.restamped, expiries(collected)) == (0, before)
    store = Store(collected.table, brief, collected.clock)
    assert store.read(API, 0, NOW) == []
    assert values(collected.store.read(API, 0, NOW)) == [(0, 0.25)]
    rollups = Rollups(collected.table, store, brief, collected.clock)
    for tier in RollupTier:
        assert rollups.read(API, tier, Window(0, NOW)) == {}
        assert collected.rollups.read(API, tier, Window(0, NOW)) != {}


def test_a_raise_after_a_lowered_retention_reaches_what_either_left(world: World) -> None:
    world.register(API, {"api-1": Instance({}, {}, TEN - 90 * DAY)})
    restamp(world, LONGER)
    for days in (90, 20):
        world.table.put(item(f"h#{dated(days)}", TEN - days * DAY + HOUR + 120 * DAY), None)
    restamp(world, USUAL)
    world.table.put(item(f"h#{dated(10)}", TEN - 10 * DAY + HOUR + 60 * DAY), None)
    twice = Retention.of_days(7, 240, 1825, 365, 1825)
    restamp(world, twice)
    world.at(TEN + 2 * HOUR)

    report = restamp(world, twice)

    assert report.restamped == 3
    assert [expires - TEN // 1000 for _, expires in sorted(expiries(world).items())] == [
        HOUR_S + (240 - 90) * DAY_S,
        HOUR_S + (240 - 20) * DAY_S,
        HOUR_S + (240 - 10) * DAY_S,
    ]


def test_a_retention_raised_again_meanwhile_begins_anew(collected: World) -> None:
    raise_noticed(collected)
    still_longer = Retention.of_days(14, 240, 3650, 730, 3650)

    restamp(collected, still_longer)
    assert stamps(collected)["h"].raised == Raise(240 * DAY, NOW + 2 * HOUR, TEN)
    collected.at(NOW + 3 * HOUR)
    restamp(collected, still_longer)

    assert expiries(collected)["h#2026-11-22T10:00Z"] == (TEN + HOUR) // 1000 + 240 * DAY_S
    assert stamps(collected)["h"] == Stamps(240 * DAY, 240 * DAY, HOURS_FROM)


def test_a_raise_that_is_taken_back_ends(collected: World) -> None:
    raise_noticed(collected)
    before = expiries(collected)

    restamp(collected, USUAL)
    collected.at(NOW + 3 * HOUR)
    report = restamp(collected, USUAL)

    assert (report.restamped, expiries(collected)) == (0, before)
    # Of the little while some items may be stamped for longer.
    assert stamps(collected)["h"] == Stamps(60 * DAY, 120 * DAY, HOURS_FROM)


def test_what_has_expired_or_is_about_to_stays_so(world: World) -> None:
    world.register(API, {"api-1": Instance({}, {}, TEN - 60 * DAY)})
    restamp(world, USUAL)
    restamp(world, LONGER)
    now = TEN + 2 * HOUR
    # DynamoDB takes up to days to delete what has expired.
    expired = item("h#2026-09-23T10:00Z", now - 1000)
    expiring = item("h#2026-09-23T11:00Z", now + 2 * HOUR)
    kept = item("h#2026-09-23T12:00Z", now + 2 * HOUR + 1000)
    for one in (expired, expiring, kept):
        world.table.put(one, None)
    world.at(now)

    report = restamp(world, LONGER)

    assert report.restamped == 1
    assert expiries(world) == {
        expired.key.sk: expired.expires_s,
        expiring.key.sk: expiring.expires_s,
        kept.key.sk: (TEN + 3 * HOUR) // 1000 + 60 * DAY_S,
    }


def test_parts_are_restamped_like_what_they_are_parts_of(world: World) -> None:
    whole = Item(Key(API, "h#2026-11-22T10:00Z"), b"", PARTED_DIGEST, 1_800_000_000, parted=True)
    world.table.put(whole, None)
    for digit in "0af":
        world.table.put(item(f"h#2026-11-22T10:00Z#{digit}", 1_800_000_000_000), None)
    restamp(world, USUAL)
    restamp(world, LONGER)
    world.at(TEN + 2 * HOUR)

    report = restamp(world, LONGER)

    assert report.restamped == 4
    assert set(expiries(world).values()) == {(TEN + HOUR) // 1000 + 120 * DAY_S}
    assert world.table.get(whole.key) == replace(
        whole, expires_s=(TEN + HOUR) // 1000 + 120 * DAY_S
    )


def test_an_item_deleted_before_its_update_does_not_come_back(collected: World) -> None:
    raise_noticed(collected)
    key = {"pk": {"S": API}, "sk": {"S": "h#2026-11-22T10:00Z"}}
    before_update(collected, lambda: collected.client.delete_item(TableName="tributary", Key=key))

    report = restamp(collected, LONGER)

    assert report.restamped == 6
    assert "h#2026-11-22T10:00Z" not in expiries(collected)


def test_a_put_between_reading_and_updating_stays_and_is_kept_longer(collected: World) -> None:
    raise_noticed(collected)
    before_update(collected, lambda: collected.collect(samples([(60, 0.5)], seconds=60)))

    restamp(collected, LONGER)

    hour = collected.store.read(API, TEN, TEN + HOUR, tiers=(Tier.HOUR,))
    assert values(hour) == [(0, 0.25), (60, 0.5)]
    assert expiries(collected)["h#2026-11-22T10:00Z"] == (TEN + HOUR) // 1000 + 120 * DAY_S


def test_a_put_of_what_was_read_before_its_update_succeeds(collected: World) -> None:
    raise_noticed(collected)
    read = collected.table.get(Key(API, "h#2026-11-22T10:00Z"))
    assert read

    restamp(collected, LONGER)

    collected.table.put(replace(read, digest=b"changed!"), read.digest)


def test_what_expires_soonest_comes_first(world: World) -> None:
    world.register(API, {"api-1": Instance({}, {}, TEN - 57 * DAY)})
    restamp(world, USUAL)
    for days in (5, 2):
        world.table.put(item(f"r#{dated(days)}", TEN - days * DAY + 7 * DAY + 300_000), None)
    for days in (57, 50, 56):
        world.table.put(item(f"h#{dated(days)}", TEN - days * DAY + 60 * DAY + HOUR), None)
    restamp(world, LONGER)
    world.at(TEN + 2 * HOUR)
    updated: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.UpdateItem",
        lambda params, **_: updated.append(params["Key"]["sk"]["S"]),
    )

    restamp(world, LONGER)

    assert updated == [
        f"r#{dated(5)}", f"h#{dated(57)}", f"h#{dated(56)}", f"r#{dated(2)}", f"h#{dated(50)}",
    ]  # fmt: skip


def test_the_deadline_ends_a_run_and_the_next_goes_on_where_it_was(world: World) -> None:
    world.register(API, {"api-1": Instance({}, {}, TEN - 4 * DAY)})
    for sk in (f"h#{dated(4)}", f"h#{dated(3)}", f"h#{dated(3, 11)}", f"h#{dated(1)}"):
        world.table.put(item(sk, TEN + 60 * DAY), None)
    restamp(world, USUAL)
    hour = Retention.of_days(7, 120, 1825, 365, 1825)
    restamp(world, hour)
    world.at(TEN + 2 * HOUR)
    updates: list[str] = []
    world.client.meta.events.register(
        "before-call.dynamodb.UpdateItem", lambda model, **_: updates.append(model.name)
    )
    assert restamp(world, hour, timer=lambda: 1.0).restamped == 0

    first = restamp(world, hour, timer=lambda: len(updates) / 2)
    queries = queried(world)
    second = restamp(world, hour)

    assert (first.restamped, second.restamped) == (2, 2)
    assert (first.errors, second.errors) == ({}, {})
    # The time was up in the midst of the second day, which is gone over again.
    assert queries == [f"h#{dated(days)}" for days in (3, 2, 1, 0)]


def test_a_resource_that_fails_is_the_next_runs_and_holds_up_no_other(collected: World) -> None:
    collected.register(WEB, {"web-1": Instance({}, {}, TEN)})
    key = Key(WEB, "h#2026-11-22T10:00Z")
    collected.table.put(replace(item(key.sk, NOW + 9 * DAY), key=key), None)
    hour = Retention.of_days(7, 120, 1825, 365, 1825)
    raise_noticed(collected, hour)
    failing = True

    def refuse(params: dict[str, Any], **_: object) -> None:
        if failing and params["Key"]["pk"]["S"] == API:
            raise StorageError("DynamoDB refuses for a while")

    collected.client.meta.events.register("provide-client-params.dynamodb.UpdateItem", refuse)
    first = restamp(collected, hour)
    failing = False
    second = restamp(collected, hour)

    assert (first.restamped, second.restamped) == (1, 1)
    assert first.errors == {"storage": 1}
    assert first.messages == [f"{API}: DynamoDB refuses for a while"]
    assert stamps(collected)["h"] == Stamps(120 * DAY, 120 * DAY, HOURS_FROM)


def test_stamps_that_an_older_collector_left_out_are_noted_anew(collected: World) -> None:
    raise_noticed(collected)
    before_update(collected, lambda: collected.hours.stamp(collected.shard(), lambda _: {}))

    report = restamp(collected, LONGER)
    assert report.errors == {}
    restamp(collected, LONGER)

    assert stamps(collected)["h"] == Stamps(120 * DAY, 120 * DAY)


def test_killed_before_any_call_the_next_run_ends_as_an_undisturbed_one(collected: World) -> None:
    raise_noticed(collected, SAMPLES_LONGER)
    start = snapshot(collected)
    restamp(collected, SAMPLES_LONGER)
    undisturbed = snapshot(collected)

    for calls in range(100):
        restored(collected, start)
        actor = Actor(stepped(collected))
        for _ in range(calls):
            actor.step()
        if actor.done:
            break
        actor.kill()
        restamp(collected, SAMPLES_LONGER)
        assert snapshot(collected) == undisturbed
    assert 15 < calls < 99


@pytest.mark.parametrize("seed", range(5))
def test_two_at_once_and_a_late_writer_end_as_one(collected: World, seed: int) -> None:
    raise_noticed(collected, SAMPLES_LONGER)
    start = snapshot(collected)
    collected.collect(samples([(3, 0.5)]))
    restamp(collected, SAMPLES_LONGER)
    undisturbed = snapshot(collected)
    restored(collected, start)
    chance = random.Random(seed)

    def late(actor: Actor) -> None:
        table = SteppedTable(collected.table, actor)
        slot_ms = int(collected.now * 1000)
        marker = Marker(Hours(table), collected.shard(), slot_ms, collected.clock)
        write(Store(table, SAMPLES_LONGER, collected.clock), marker, [samples([(3, 0.5)])])

    actors = [Actor(stepped(collected)), Actor(stepped(collected)), Actor(late)]
    while actors:
        actor = chance.choice(actors)
        actor.step()
        if actor.done:
            actors.remove(actor)

    assert snapshot(collected) == undisturbed


@pytest.mark.parametrize(("seconds", "restamped"), [(60, 7), (0, 0)])
def test_a_compactor_restamps_in_the_time_that_hours_leave_and_logs_how_many(
    collected: World, seconds: int, restamped: int, caplog: pytest.LogCaptureFixture
) -> None:
    raise_noticed(collected)
    compaction = Compaction.on(collected.table, LONGER, collected.clock)
    restamping = Restamping(
        compaction.registry, compaction.hours, collected.table, LONGER, collected.clock
    )

    answer = Compactor(compaction, restamping).handle({}, Lasting(seconds))

    assert answer["restamped"] == restamped
    assert [vars(line)["restamped"] for line in caplog.records] == [restamped]


class Lasting:
    """Lambda's context with so many seconds left."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self._seconds * 1000


def item(sk: str, expires_ms: int) -> Item:
    """Some item of the service, as far as re-stamping is concerned."""
    return Item(Key(API, sk), b"content", b"a digest", expires_ms // 1000)


def dated(days: int, hour: int = 10) -> str:
    """A time so many days before the world's Sunday, as it stands in keys."""
    return key_time(TEN - days * DAY - (10 - hour) * HOUR)


def before_update(world: World, act: Callable[[], object]) -> None:
    """Lets another writer act before the first update."""
    left = [act]

    def come_between(params: dict[str, Any], **_: object) -> None:
        if left and params["Key"]["sk"]["S"].startswith("h#"):
            left.pop()()

    world.client.meta.events.register("provide-client-params.dynamodb.UpdateItem", come_between)


def stepped(world: World) -> Callable[[Actor], None]:
    """A run that waits before each of its calls."""

    def act(actor: Actor) -> None:
        restamp(world, SAMPLES_LONGER, SteppedTable(world.table, actor))

    return act


def snapshot(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """All items as DynamoDB has them."""
    return {
        (item["pk"]["S"], item["sk"]["S"]): dict(item)
        for item in world.client.scan(TableName="tributary")["Items"]
    }


def restored(world: World, items: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Puts everything back as it was."""
    for pk, sk in snapshot(world).keys() - items.keys():
        world.client.delete_item(TableName="tributary", Key={"pk": {"S": pk}, "sk": {"S": sk}})
    for one in items.values():
        world.client.put_item(TableName="tributary", Item=one)
