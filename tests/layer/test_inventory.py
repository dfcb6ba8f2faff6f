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

    assert Inventory(world.table).payloads([API.id]) == {API.id: PAYLOAD}
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
    assert Inventory(world.table).payloads([API.id]) == {API.id: renamed.payload}


def test_payloads_are_read_by_resource(world: World) -> None:
    inventory = Inventory(world.table)
    for number in range(120):
        vps = Resource(f"hostup/main/vps_{number}", f"vps_{number}", {}, {"id": number})
        inventory.keep("hostup/main", vps, "")

    wanted = [f"hostup/main/vps_{number}" for number in range(110)]
    found = inventory.payloads([*wanted, "hostup/main/unknown", "hostup/other/vps_1"])

    assert found == {name: {"id": number} for number, name in enumerate(wanted)}


def test_projects_are_those_of_the_last_list(world: World) -> None:
    inventory = Inventory(world.table)
    inventory.keep_projects("northflank/main", [{"id": "shop"}, {"id": "blog"}])
    inventory.keep_projects("northflank/main", [{"id": "shop", "name": "Shop"}])

    found = inventory.projects(["northflank/main", "northflank/other"])

    assert found == {"northflank/main": [{"id": "shop", "name": "Shop"}]}


def test_projects_that_did_not_change_are_not_written_again(world: World) -> None:
    inventory = Inventory(world.table)
    inventory.keep_projects("northflank/main", [{"id": "shop"}])
    puts = world.calls.puts()

    inventory.keep_projects("northflank/main", [{"id": "shop"}])

    assert world.calls.puts() == puts
