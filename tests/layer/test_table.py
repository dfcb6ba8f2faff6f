"""The table: reads that take many answers, and puts that only replace what was read."""

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.dynamodb import TABLE, delete_table
from tests.layer.samples import TEN
from tests.layer.world import Reported, World, before
from tributary.consumed import Consumed
from tributary.errors import ContendedError, StorageError
from tributary.table import ChangedError, Item, Key, Table

NOON = Key("a", "noon")


def item(sk: str, data: bytes = b"data", expires_s: int | None = None) -> Item:
    return Item(Key("a", sk), data, data[:8].ljust(8), expires_s)


def test_an_item_comes_back_as_it_was_put(world: World) -> None:
    parted = Item(Key("a", "parts"), b"", b"in parts", 2_000_000_000, parted=True)
    world.table.put(item("noon", expires_s=2_000_000_000), None)
    world.table.put(parted, None)

    assert world.table.get(NOON) == item("noon", expires_s=2_000_000_000)
    assert world.table.get(parted.key) == parted
    assert world.table.get(Key("a", "none")) is None


def test_putting_over_what_was_not_read_says_what_is_there(world: World) -> None:
    world.table.put(item("noon", b"theirs"), None)

    with pytest.raises(ChangedError) as unread:
        world.table.put(item("noon", b"mine"), None)
    with pytest.raises(ChangedError) as outdated:
        world.table.put(item("noon", b"mine"), b"earlier ")

    assert unread.value.current == outdated.value.current == item("noon", b"theirs")


def test_putting_over_what_was_deleted_meanwhile_says_that_nothing_is_there(world: World) -> None:
    with pytest.raises(ChangedError) as deleted:
        world.table.put(item("noon"), b"earlier ")

    assert deleted.value.current is None


def test_putting_over_what_was_read_replaces_it(world: World) -> None:
    world.table.put(item("noon", b"one"), None)

    world.table.put(item("noon", b"two"), b"one     ")

    assert world.table.get(NOON) == item("noon", b"two")


def test_extending_an_item_changes_when_it_expires_and_nothing_else(world: World) -> None:
    world.table.put(item("noon", b"data", 2_000_000_000), None)

    assert world.table.extend(NOON, 2_100_000_000) is True
    assert world.table.extend(NOON, 2_100_000_000) is False
    assert world.table.extend(NOON, 2_050_000_000) is False

    assert world.table.get(NOON) == item("noon", b"data", 2_100_000_000)


@pytest.mark.parametrize("expires_s", [None, TEN // 1000 + 900])
def test_an_item_that_never_expires_or_has_is_not_extended(
    world: World, expires_s: int | None
) -> None:
    world.table.put(item("noon", expires_s=expires_s), None)
    before = world.items()

    assert world.table.extend(NOON, 2_100_000_000) is False
    assert world.items() == before


def test_extending_an_item_that_is_not_there_makes_none(world: World) -> None:
    assert world.table.extend(NOON, 2_100_000_000) is False
    assert world.items() == {}


def test_get_reads_strongly(world: World) -> None:
    world.table.get(NOON)

    assert world.calls.parameters[-1]["ConsistentRead"] is True


def test_more_than_100_items_are_got_in_several_requests_and_repeats_once(world: World) -> None:
    for number in range(250):
        world.table.put(item(f"{number:03}"), None)
    world.calls.clear()
    keys = [Key("a", f"{number:03}") for number in range(260)]

    found = world.table.get_many([*keys, *keys])

    assert len(found) == 250
    assert found[Key("a", "249")] == item("249")
    assert world.calls == ["BatchGetItem"] * 3


def test_no_keys_are_no_request(world: World) -> None:
    assert world.table.get_many([]) == {}
    assert world.calls == []


def test_what_dynamodb_leaves_unprocessed_is_asked_for_again(world: World) -> None:
    for name in "abc":
        world.table.put(item(name), None)
    left = {TABLE: {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "c"}}]}}
    answers = [left]

    def keep_one_back(parsed: dict[str, Any], **_: Any) -> None:
        if answers:
            parsed["UnprocessedKeys"] = answers.pop()
            kept = parsed["Responses"][TABLE]
            parsed["Responses"][TABLE] = [one for one in kept if one["sk"]["S"] != "c"]

    world.client.meta.events.register("after-call.dynamodb.BatchGetItem", keep_one_back)
    world.calls.clear()

    found = world.table.get_many(Key("a", name) for name in "abc")

    assert sorted(key.sk for key in found) == ["a", "b", "c"]
    assert world.calls == ["BatchGetItem", "BatchGetItem"]
    assert world.calls.parameters[-1]["RequestItems"] == left


def test_a_query_goes_on_past_a_megabyte(world: World) -> None:
    for number in range(30):
        world.table.put(item(f"r#{number:02}", bytes([number]) * 100_000), None)
    world.calls.clear()

    found = list(world.table.query("a", "r#01", "r#28"))

    assert [one.key.sk for one in found] == [f"r#{number:02}" for number in range(1, 29)]
    assert found[-1].data == bytes([28]) * 100_000
    assert world.calls.count("Query") >= 3


def test_a_query_keeps_to_its_partition_and_keys(world: World) -> None:
    for pk, sk in [("a", "h#1"), ("a", "r#1"), ("a", "r#2"), ("b", "r#1")]:
        world.table.put(Item(Key(pk, sk), b"", b"12345678"), None)

    assert [one.key for one in world.table.query("a", "r#1", "r#1~")] == [Key("a", "r#1")]


def test_expired_items_are_not_there(world: World) -> None:
    now = int(world.now)
    world.table.put(item("now", expires_s=now), None)
    world.table.put(item("soon", expires_s=now + 1), None)
    keys = [Key("a", "now"), Key("a", "soon")]

    assert world.table.get(keys[0]) is None
    assert list(world.table.get_many(keys)) == keys[1:]
    assert [one.key for one in world.table.query("a", "n", "t")] == keys[1:]


def test_update_puts_what_is_made_of_what_is_stored(world: World) -> None:
    made = world.table.update(NOON, lambda _: item("noon", b"one"))

    assert made == world.table.get(NOON) == item("noon", b"one")


def test_update_that_makes_nothing_puts_nothing(world: World) -> None:
    stored = item("noon", b"one")
    world.table.put(stored, None)
    puts = world.calls.puts()

    assert world.table.update(NOON, lambda _: None, stored) == stored
    assert world.calls.puts() == puts


def test_update_starts_again_from_what_another_writer_made(world: World) -> None:
    other = world.another()
    before(world.client, "PutItem", lambda: other.table.put(item("noon", b"theirs"), None))

    def add(current: Item | None) -> Item:
        return item("noon", (current.data if current else b"") + b"+mine")

    assert world.table.update(NOON, add) == item("noon", b"theirs+mine")
    assert world.table.get(NOON) == item("noon", b"theirs+mine")


def test_update_gives_up_where_others_always_come_first(world: World) -> None:
    other = world.another()
    numbers = iter(range(100))

    def change() -> None:
        fresh = item("noon", f"theirs{next(numbers)}".encode())
        other.table.update(NOON, lambda _: fresh, other.table.get(NOON))

    before(world.client, "PutItem", change, times=100)

    with pytest.raises(ContendedError, match="a noon: changed by others 12 times in a row"):
        world.table.update(NOON, lambda _: item("noon", b"mine"))


def test_what_aws_refuses_is_a_storage_error_that_says_what_was_done(world: World) -> None:
    delete_table()

    with pytest.raises(StorageError, match=r"reading a noon: .*ResourceNotFoundException"):
        world.table.get(NOON)
    with pytest.raises(StorageError, match=r"reading 2 items: "):
        world.table.get_many([NOON, Key("a", "b")])
    with pytest.raises(StorageError, match=r"reading a from n: "):
        list(world.table.query("a", "n", "o"))
    with pytest.raises(StorageError, match=r"writing a noon: "):
        world.table.put(item("noon"), None)


def test_an_endpoint_that_cannot_be_reached_is_a_storage_error(aws: None) -> None:
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=once)

    with pytest.raises(StorageError, match="reading a noon: Could not connect"):
        Table(client, TABLE).get(NOON)


def test_what_is_consumed_is_what_all_answers_report(world: World) -> None:
    reported = Reported(world.client)
    keys = [Key("a", f"{number:03}") for number in range(120)]

    for key in keys:
        world.table.put(Item(key, bytes(20_000), b"12345678"), None)
    world.table.get(keys[0])
    world.table.get_many(keys)
    assert len(list(world.table.query("a", "000", "999"))) == 120

    assert world.calls.count("BatchGetItem") >= 2
    assert world.calls.count("Query") >= 3
    assert reported.read_units > 0
    assert reported.write_units > 0
    assert world.table.consumed == Consumed(reported.read_units, reported.write_units)


@pytest.mark.dynalite("moto reports the same units whatever the size")
def test_units_go_by_size_and_reading_strongly_costs_twice(world: World) -> None:
    table, keys = world.table, [Key("a", name) for name in "bcd"]

    def units(act: Callable[[], object]) -> Consumed:
        before_it = table.consumed
        act()
        return table.consumed - before_it

    for key in keys:
        put = Item(key, bytes(20_000), b"12345678")
        assert units(partial(table.put, put, None)) == Consumed(0, 20)
    assert units(lambda: table.get(keys[0])) == Consumed(5, 0)
    assert units(lambda: table.get_many(keys)) == Consumed(7.5, 0)
    assert units(lambda: list(table.query("a", "b", "d"))) == Consumed(7.5, 0)
    assert units(lambda: list(table.query("a", "b", "d", consistent=True))) == Consumed(15, 0)


def test_what_a_refused_put_consumes_is_not_reported(world: World) -> None:
    world.table.put(item("noon"), None)
    before_refusal = world.table.consumed

    with pytest.raises(ChangedError):
        world.table.put(item("noon", b"mine"), None)

    assert (world.table.consumed - before_refusal).write_units == 0


def test_a_metered_table_counts_apart(world: World) -> None:
    world.table.put(item("noon"), None)
    consumed = world.table.consumed
    apart = world.table.metered()
    nothing = apart.consumed

    assert apart.get(NOON) == item("noon")

    assert (nothing, world.table.consumed) == (Consumed(0, 0), consumed)
    assert apart.consumed.read_units > 0
