"""The registry: written where it changed, read where it changed, and never lost."""

from dataclasses import asdict, replace

import boto3
import pytest

from tests.dynamodb import TABLE
from tests.layer.samples import TEN
from tests.layer.world import World, before
from tributary.columns import Origin
from tributary.packed import packed
from tributary.provider import Resource
from tributary.registration import placed
from tributary.registry import MOST_ENDED, Entry, Instance, Registry, Shard
from tributary.table import Key

ACCOUNT = "northflank/main"
API = Entry(
    f"{ACCOUNT}/shop/services/api",
    {"provider": "northflank", "account": "main", "name": "API", "tag.public": "true"},
    {
        "api-1": Instance({"container": "api-1"}, {"cpu.utilization": 10_000}, TEN),
        "api-0": Instance({"container": "api-0"}, {"cpu.usage": 10_000}, TEN - 60_000, TEN),
    },
    {"cpu.utilization": Origin("cpu", "pct", 0.01)},
    "0123456789abcdef",
    {"region": "europe-west"},
    TEN,
)


_LATER = ("resource", "gone_ms")
GONE = replace(API, gone_ms=TEN + 60_000)


def shard(*entries: Entry, number: int = 0, account: str = ACCOUNT) -> Shard:
    return Shard(account, number, {entry.resource: entry for entry in entries})


def save(world: World, wanted: Shard) -> Shard:
    empty = replace(wanted, entries={})
    return Registry(world.table).save(
        empty, lambda stored: replace(stored, entries=dict(stored.entries) | dict(wanted.entries))
    )


def vps(number: int) -> Resource:
    return Resource(f"hostup/main/vps_{number:03}", f"vps_{number:03}", {}, {})


def test_a_shard_comes_back_as_it_was_saved(world: World) -> None:
    assert save(world, shard(API)) == shard(API)

    assert Registry(world.table).shards() == [shard(API)]
    assert Registry(world.table).shards_of(ACCOUNT) == [shard(API)]
    assert world.sort_keys() == ["!", "northflank/main#0"]


def test_an_empty_registry_has_no_shards(world: World) -> None:
    assert Registry(world.table).shards() == []
    assert Registry(world.table).shards_of(ACCOUNT) == []


def test_an_account_has_its_own_shards_only(world: World) -> None:
    save(world, shard(API))
    save(world, shard(API, account="northflank/main2"))

    assert [one.account for one in Registry(world.table).shards_of("northflank/main")] == [ACCOUNT]
    assert len(Registry(world.table).shards()) == 2


def test_saving_what_is_stored_puts_nothing(world: World) -> None:
    save(world, shard(API))
    puts = world.calls.puts()

    save(world, shard(API))

    assert world.calls.puts() == puts == 2


def test_unchanged_shards_come_from_memory(world: World) -> None:
    save(world, shard(API))
    save(world, shard(API, number=1))
    registry = Registry(world.table)
    registry.shards()
    world.calls.clear()

    registry.shards()
    assert world.calls == ["BatchGetItem"]

    changed = replace(API, origins={})
    save(world, shard(changed))
    world.calls.clear()
    assert sorted(registry.shards(), key=lambda one: one.number)[0] == shard(changed)
    assert [len(one["RequestItems"][TABLE]["Keys"]) for one in world.calls.parameters[-2:]] == [
        1,
        1,
    ]


def test_another_writers_entries_are_kept(world: World) -> None:
    other = replace(API, resource=f"{ACCOUNT}/shop/services/web")
    rival = world.another()
    before(world.client, "PutItem", lambda: save(rival, shard(other)))

    save(world, shard(API))

    assert Registry(world.table).shards() == [shard(other, API)]


def test_two_writers_of_different_shards_are_both_listed(world: World) -> None:
    rival = world.another()
    before(world.client, "PutItem", lambda: save(rival, shard(API, number=1)), times=2)

    save(world, shard(API))

    assert [one.number for one in Registry(world.table).shards_of(ACCOUNT)] == [0, 1]


def test_a_shard_whose_writer_died_before_listing_it_is_listed_by_the_next(world: World) -> None:
    save(world, shard(API))
    listed = world.items()["reg", "!"]
    changed = shard(replace(API, origins={}))
    save(world, changed)
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=listed)
    reader = Registry(world.table)

    assert Registry(world.table).shards_of(ACCOUNT) == [changed]
    assert reader.shards() == [changed]
    assert world.items()["reg", "!"] != listed


def test_a_first_shard_whose_writer_died_before_listing_it_is_listed_by_the_next(
    world: World,
) -> None:
    save(world, shard(API))
    boto3.client("dynamodb").delete_item(
        TableName=TABLE, Key={"pk": {"S": "reg"}, "sk": {"S": "!"}}
    )
    assert Registry(world.table).shards() == []

    save(world, shard(API))

    assert Registry(world.table).shards() == [shard(API)]


def test_new_resources_fill_a_shard_of_256_and_then_the_next() -> None:
    places = placed([], "hostup/main", [vps(number) for number in range(600)])

    assert [(shard.number, len(here)) for shard, here in places] == [(0, 256), (1, 256), (2, 88)]


def test_resources_never_move_and_new_ones_go_where_there_is_room() -> None:
    def entries(*numbers: int) -> dict[str, Entry]:
        return {vps(number).id: Entry(vps(number).id, {}) for number in numbers}

    first = Shard("hostup/main", 0, entries(*range(255)))
    second = Shard("hostup/main", 1, entries(400, 401))

    places = placed(
        [first, second], "hostup/main", [vps(401), vps(500), vps(7), vps(501), vps(400)]
    )

    assert [(shard.number, [one.id[-3:] for one in here]) for shard, here in places] == [
        (0, ["500", "007"]),
        (1, ["401", "501", "400"]),
    ]


def test_shards_without_listed_resources_are_still_there() -> None:
    kept = shard(API)

    assert placed([kept], ACCOUNT, []) == [(kept, [])]


@pytest.mark.parametrize("number", [0, 7])
def test_a_shards_name_is_its_account_and_number(number: int) -> None:
    assert shard(number=number).name == f"northflank/main#{number}"


def test_since_when_a_resource_is_gone_comes_back(world: World) -> None:
    Registry(world.table).save(shard(), lambda _: shard(GONE))

    assert Registry(world.table).shards_of(ACCOUNT) == [shard(GONE)]


def test_an_entry_from_before_resources_could_be_gone_is_read(world: World) -> None:
    older = {name: value for name, value in asdict(API).items() if name not in _LATER}
    world.table.put(packed(Key("reg", f"{ACCOUNT}#0"), {API.resource: older}), None)
    world.table.put(packed(Key("reg", "!"), {f"{ACCOUNT}#0": ""}), None)

    assert Registry(world.table).shards_of(ACCOUNT) == [shard(API)]


def flooded(living: int, ended: int) -> Entry:
    """A service of which so many containers live, and one ended in each minute after 10:00."""
    lives = {
        f"new-{n}": Instance({"container": f"new-{n}"}, {"cpu.usage": 10_000}, TEN)
        for n in range(living)
    }
    over = {
        f"old-{n}": Instance(
            {"container": f"old-{n}"}, {"cpu.usage": 10_000}, TEN, TEN + n * 60_000
        )
        for n in range(ended)
    }
    return replace(API, instances=lives | over)


def test_of_a_flood_of_instances_those_that_ended_first_are_known_together_alone() -> None:
    entry = shard(flooded(3, 5000)).bounded().entries[API.resource]

    assert MOST_ENDED == 4096
    assert len(entry.instances) == 3 + 4096
    assert "old-903" not in entry.instances
    assert "old-904" in entry.instances
    assert entry.past == Instance({}, {"cpu.usage": 10_000}, TEN, TEN + 903 * 60_000)


def test_as_many_instances_as_a_shard_holds_are_all_known() -> None:
    assert shard(flooded(5000, 4096)).bounded() == shard(flooded(5000, 4096))
