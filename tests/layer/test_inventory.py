"""The inventory: what the providers' lists said, written where it changed."""

from tests.layer.world import World
from tributary.inventory import Inventory
from tributary.provider import Json, Resource

PAYLOAD: dict[str, Json] = {
    "id": "api",
    "name": "Ä – API",
    "tags": ["public"],
    "billing": {"amount": 49.5, "x": None},
}
API = Resource("northflank/main/shop/services/api", "shop/services/api", {}, PAYLOAD)


def test_a_payload_comes_back_untouched(world: World) -> None:
    Inventory(world.table).keep("northflank/main", API, "")

    assert Inventory(world.table).payloads("northflank/main") == {API.id: PAYLOAD}
    assert list(world.items()) == [("inv#northflank/main", API.id)]


def test_an_unchanged_payload_is_neither_read_nor_written(world: World) -> None:
    digest = Inventory(world.table).keep("northflank/main", API, "")
    world.calls.clear()
    reordered = Resource(API.id, API.native, {}, dict(reversed(PAYLOAD.items())))

    assert Inventory(world.table).keep("northflank/main", reordered, digest) == digest
    assert world.calls == []


def test_a_payload_that_is_stored_already_is_not_written_again(world: World) -> None:
    digest = Inventory(world.table).keep("northflank/main", API, "")
    puts = world.calls.puts()

    assert Inventory(world.table).keep("northflank/main", API, "") == digest
    assert world.calls.puts() == puts == 1


def test_a_changed_payload_replaces_the_one_before(world: World) -> None:
    digest = Inventory(world.table).keep("northflank/main", API, "")
    renamed = Resource(API.id, API.native, {}, PAYLOAD | {"name": "Shop API"})

    assert Inventory(world.table).keep("northflank/main", renamed, digest) != digest
    assert Inventory(world.table).payloads("northflank/main") == {API.id: renamed.payload}


def test_accounts_are_kept_apart(world: World) -> None:
    Inventory(world.table).keep("northflank/main", API, "")

    assert Inventory(world.table).payloads("northflank/mai") == {}
    assert Inventory(world.table).payloads("northflank/main2") == {}


def test_many_payloads_are_all_read(world: World) -> None:
    inventory = Inventory(world.table)
    for number in range(120):
        vps = Resource(f"hostup/main/vps_{number}", f"vps_{number}", {}, {"id": number})
        inventory.keep("hostup/main", vps, "")

    assert len(inventory.payloads("hostup/main")) == 120
