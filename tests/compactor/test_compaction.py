"""Compaction: hours are closed once nobody writes raw chunks of them, and late samples get in."""

from dataclasses import replace

import pytest

from tests.compactor.world import (
    ACCOUNT,
    API,
    DAY,
    ELEVEN,
    HOUR,
    MINUTE,
    TEN,
    World,
    samples,
    steady,
    values,
)
from tributary.errors import StorageError
from tributary.hours import DirtyMark, ShardHours, hours_key
from tributary.packed import packed
from tributary.registry import Instance, Shard
from tributary.table import Item, Key
from tributary.windows import Tier, Window

CLOSABLE = ELEVEN + 45 * MINUTE


def test_raw_chunks_become_an_hour_chunk_when_the_hour_is_45_minutes_over(world: World) -> None:
    world.collect(samples([(0, 0.25), (310, 0.5), (3590, 0.75)]))
    world.at(CLOSABLE)

    report = world.compact()

    assert report.samples == 3
    assert report.behind_seconds == 0
    assert values(world.compacted()) == [(0, 0.25), (310, 0.5), (3590, 0.75)]
    assert world.hours.get(world.shard()).closed_ms == ELEVEN


def test_an_hour_stays_open_until_45_minutes_after_its_end(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(CLOSABLE - 1000)

    world.compact()

    assert world.compacted() == []
    assert world.hours.get(world.shard()).closed_ms == TEN


def test_nothing_is_deleted(world: World) -> None:
    world.collect(samples([(0, 0.25), (310, 0.5)]))
    world.at(CLOSABLE)

    world.compact()

    assert world.keys("r#") == ["r#2026-11-22T10:00Z", "r#2026-11-22T10:05Z"]
    assert world.keys("h#") == ["h#2026-11-22T10:00Z"]


def test_the_hour_chunk_keeps_what_it_had(world: World) -> None:
    world.collect(samples([(0, 0.25), (10, 0.5)]))
    world.collect(samples([(0, 0.75), (60, 0.875)], seconds=60, seen=2))
    world.at(CLOSABLE)

    world.compact()

    assert values(world.compacted()) == [(0, 0.25), (10, 0.5), (60, 0.875)]


def test_nothing_is_written_when_all_is_closed(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(CLOSABLE)
    world.compact()
    calls: list[str] = []
    world.client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: calls.append(model.name)
    )

    world.compact()

    assert "PutItem" not in calls


def test_a_compactor_that_was_down_catches_up(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(TEN + 3 * DAY)
    world.collect(samples([(0, 0.5)], start=TEN + 3 * DAY - MINUTE))
    world.at(TEN + 3 * DAY + 2 * HOUR)

    world.compact()

    assert world.hours.get(world.shard()).closed_ms == TEN + 3 * DAY + HOUR
    assert values(world.compacted(TEN, TEN + 4 * DAY)) == [(0, 0.25), (3 * 86_400 - 60, 0.5)]


def test_the_deadline_ends_a_compaction_and_the_next_goes_on(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(CLOSABLE)

    late = world.compact(seconds=-1)
    closed = world.hours.get(world.shard()).closed_ms
    again = world.compact()

    assert (late.samples, late.behind_seconds, late.errors) == (0, 3600.0, {})
    assert closed is None
    assert (again.samples, again.behind_seconds) == (1, 0.0)


def test_an_old_hour_is_marked_before_it_is_written_to(world: World) -> None:
    world.at(ELEVEN + 30 * MINUTE)

    world.collect(samples([(0, 0.25)]))

    assert world.keys("r#") == []
    assert values(world.compacted()) == [(0, 0.25)]
    assert world.known().dirty == (Window(TEN, ELEVEN),)


def test_hour_chunks_of_minutes_are_marked_once_they_are_old(world: World) -> None:
    world.collect(samples([(0, 0.25)], seconds=60))
    assert world.known().dirty == ()
    world.at(ELEVEN + 30 * MINUTE)

    world.collect(samples([(60, 0.5)], seconds=60))

    assert world.known().dirty == (Window(TEN, ELEVEN),)


def test_a_refetch_without_news_marks_nothing(world: World) -> None:
    world.collect(samples([(0, 0.25)], seconds=60))
    world.at(ELEVEN + 30 * MINUTE)

    assert world.collect(samples([(0, 0.25)], seconds=60, seen=2)) == 0

    assert world.known().dirty == ()


def test_a_run_marks_all_old_hours_from_its_first_at_once(world: World) -> None:
    world.at(TEN + 5 * HOUR)
    puts: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.PutItem",
        lambda params, **_: puts.append(params["Item"]["sk"]["S"]),
    )

    world.collect(steady(0.5, 0, 3 * 3600, 300))

    assert world.known().dirty == (Window(TEN, TEN + 4 * HOUR),)
    assert puts.count("hours#0") == 1


def test_a_mark_is_cleared_when_its_hours_are_compacted_and_its_writer_is_gone(
    world: World,
) -> None:
    world.at(CLOSABLE)
    world.compact()
    world.collect(samples([(0, 0.25)]))

    world.at(CLOSABLE + 15 * MINUTE - 1000)
    world.compact()
    assert world.known().dirty == (Window(TEN, ELEVEN),)

    world.at(CLOSABLE + 15 * MINUTE)
    world.compact()
    assert world.known().dirty == ()


def test_a_mark_that_was_renewed_meanwhile_stays(world: World) -> None:
    old = DirtyMark(API, TEN, ELEVEN, CLOSABLE)
    world.hours.mark(ACCOUNT, 0, "run", old)
    renewed = replace(old, at_ms=CLOSABLE + HOUR)
    world.hours.mark(ACCOUNT, 0, "run", renewed)

    world.hours.close(world.shard(), ELEVEN, {"run": old})

    assert world.hours.get(world.shard()) == ShardHours(ELEVEN, {"run": renewed})


def test_closed_never_goes_back(world: World) -> None:
    world.hours.close(world.shard(), ELEVEN, {})
    world.hours.close(world.shard(), TEN, {})

    assert world.hours.get(world.shard()).closed_ms == ELEVEN


def test_a_resource_whose_run_died_unregistered_is_compacted(world: World) -> None:
    lost = "northflank/main/shop/services/lost"
    before = world.shard()
    world.collect(samples([(0, 0.25)]), resource=lost, shard=before)
    world.at(CLOSABLE)

    world.compact()

    assert values(world.compacted(resource=lost)) == [(0, 0.25)]
    world.register(lost, {"api-1": Instance({}, {"cpu.utilization": 10_000}, TEN)})
    hours = world.known(lost)
    assert values(world.store.read(lost, TEN, ELEVEN, hours=hours)) == [(0, 0.25)]


def test_a_chunk_that_cannot_be_read_holds_up_no_other_resource(world: World) -> None:
    broken = "northflank/main/shop/services/broken"
    world.register(broken, {"api-1": Instance({}, {"cpu.utilization": 10_000}, TEN)})
    world.collect(samples([(0, 0.25)]))
    world.table.put(Item(Key(broken, "r#2026-11-22T10:00Z"), b"\xff", b"digest"), None)
    world.at(CLOSABLE)

    report = world.compact()

    assert values(world.compacted()) == [(0, 0.25)]
    assert report.errors == {"corrupt_chunk": 1}
    assert world.hours.get(world.shard()).closed_ms == ELEVEN
    assert world.known().dirty == ()
    assert world.known(broken).dirty == (Window(TEN, ELEVEN),)


def test_a_resource_that_failed_is_compacted_by_the_next_run(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.at(CLOSABLE)
    failing = True

    def refuse(params: dict[str, object], **_: object) -> None:
        if failing and str(params["Item"]).find("h#") > 0:
            raise StorageError("DynamoDB refuses for a while")

    world.client.meta.events.register("provide-client-params.dynamodb.PutItem", refuse)
    report = world.compact()
    assert report.errors == {"storage": 1}
    assert world.known().dirty == (Window(TEN, ELEVEN),)
    assert values(world.store.read(API, TEN, ELEVEN, hours=world.known())) == [(0, 0.25)]

    failing = False
    world.at(CLOSABLE + HOUR)
    world.compact()

    assert values(world.compacted()) == [(0, 0.25)]
    assert world.known().dirty == ()


def test_readers_leave_out_raw_chunks_from_an_hour_before_what_is_closed(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    world.hours.close(world.shard(), ELEVEN + HOUR, {})
    queries: list[str] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.Query",
        lambda params, **_: queries.append(params["ExpressionAttributeValues"][":first"]["S"]),
    )

    world.store.read(API, TEN, TEN + 3 * HOUR, tiers=(Tier.RAW,), hours=world.known())
    world.store.read(API, TEN, ELEVEN, tiers=(Tier.RAW,), hours=world.known())

    assert queries == ["r#2026-11-22T11:00Z"]


@pytest.mark.parametrize("marked", [False, True])
def test_hours_past_their_retention_are_not_compacted(world: World, marked: bool) -> None:
    world.collect(samples([(0, 0.25)]))
    if marked:
        world.hours.mark(ACCOUNT, 0, "run", DirtyMark(API, TEN, ELEVEN, TEN))
    world.at(TEN + 60 * DAY + HOUR)

    report = world.compact()

    assert report.samples == 0
    assert world.known().dirty == ()
    assert world.hours.get(world.shard()).closed_ms == TEN + 60 * DAY


def test_a_shard_without_samples_is_closed_up_to_now(world: World) -> None:
    world.registry.save(Shard("hostup/main", 0, {}), lambda shard: shard)
    world.at(CLOSABLE)

    report = world.compact()

    assert report.shards == 2
    assert world.hours.get(Shard("hostup/main", 0, {})).closed_ms == ELEVEN


def test_hours_closed_before_there_were_rollups_are_closed_again(world: World) -> None:
    world.collect(samples([(0, 0.25)]))
    before = {"closed_ms": ELEVEN, "marks": {}}
    world.table.put(packed(hours_key(ACCOUNT, 0), before), None)
    assert world.known().closed_ms == 0
    world.at(CLOSABLE)

    world.compact()

    assert world.known().closed_ms == ELEVEN
    assert world.keys("5#") == ["5#2026-11-22T10:00Z"]
