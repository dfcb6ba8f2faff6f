"""The store: what is written stays, once, and is read from whatever holds it."""

import random
from array import array
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from tests.dynamodb import TABLE, delete_table
from tests.layer.samples import SEEN, TEN, key, points, rows
from tests.layer.world import API, World, before
from tributary.chunk import split
from tributary.codec import CorruptChunkError
from tributary.columns import Column, Run, merge
from tributary.errors import ContendedError, FatalError, StorageError
from tributary.retention import Retention
from tributary.store import Store, Written
from tributary.table import Item, Key, Table
from tributary.windows import Tier

THREE = rows([(0, 0.1), (10, 0.2), (20, 0.3)])


def test_what_is_written_is_read(world: World) -> None:
    memory = rows([(0, 1e6), (3.5, 2e6)], key("memory.usage"))

    assert world.write(THREE, memory) == 5
    assert world.read() == [THREE, memory]


def test_nothing_is_read_where_nothing_was_written(world: World) -> None:
    world.write(THREE)

    assert world.read(resource="northflank/main/shop/services/ap") == []
    assert world.read(start=30) == []
    assert world.read(end=0) == []


def test_an_item_has_a_key_from_the_data_and_expires_with_its_tier(world: World) -> None:
    world.write(THREE, rows([(60, 0.5)], key("cpu.usage"), resolution=60))

    items = world.items()

    assert sorted(items) == [(API, "h#2026-11-22T10:00Z"), (API, "r#2026-11-22T10:00Z")]
    raw, hour = items[API, "r#2026-11-22T10:00Z"], items[API, "h#2026-11-22T10:00Z"]
    assert int(raw["ttl"]["N"]) == TEN // 1000 + 300 + 7 * 86_400
    assert int(hour["ttl"]["N"]) == TEN // 1000 + 3600 + 60 * 86_400
    assert len(raw["e"]["B"]) == 8
    assert sorted(raw) == ["d", "e", "pk", "sk", "ttl"]


@pytest.mark.parametrize("expected", [True, False])
def test_writing_twice_changes_nothing(world: World, expected: bool) -> None:
    world.write(THREE, expected=expected)
    items, puts = world.items(), world.calls.puts()

    assert world.write(THREE, expected=True) == 0
    assert world.calls.puts() == puts == 1
    assert world.write(THREE, expected=False) == 0
    assert world.items() == items


def test_a_first_write_that_expects_nothing_is_one_put_and_no_read(world: World) -> None:
    world.write(THREE, expected=False)

    assert world.calls == ["PutItem"]


@pytest.mark.moto("dynalite sends nothing along with a refusal, so that it has to be read")
def test_an_unexpected_item_is_merged_with_what_the_failed_put_gives_back(world: World) -> None:
    world.write(THREE)
    world.calls.clear()

    assert world.write(rows([(20, 0.3), (30, 0.4)]), expected=False) == 1
    assert world.calls == ["PutItem", "PutItem"]
    assert world.read() == [rows([(0, 0.1), (10, 0.2), (20, 0.3), (30, 0.4)])]


def test_a_refetch_with_less_loses_nothing_and_puts_nothing(world: World) -> None:
    world.write(THREE, rows([(0, 5)], key("memory.usage")))
    stored, puts = world.read(), world.calls.puts()

    assert world.write(rows([(10, 0.2)], seen=SEEN + 300_000)) == 0
    assert world.read() == stored
    assert world.calls.puts() == puts


def test_a_revised_value_replaces_the_one_seen_before(world: World) -> None:
    world.write(THREE)

    assert world.write(rows([(20, 0.25)], seen=SEEN + 300_000)) == 1
    assert list(world.read()[0].values) == [0.1, 0.2, 0.25]


def test_a_late_writer_of_an_old_answer_changes_and_puts_nothing(world: World) -> None:
    world.write(rows([(0, 0.1)], seen=SEEN + 300_000))
    puts = world.calls.puts()

    assert world.write(rows([(0, 0.9)], seen=SEEN)) == 0
    assert list(world.read()[0].values) == [0.1]
    assert world.calls.puts() == puts


def test_a_writer_that_comes_between_reading_and_putting_loses_nothing(world: World) -> None:
    world.write(THREE)
    other = world.another()
    before(world.client, "PutItem", lambda: other.write(rows([(30, 0.4)])))

    assert world.write(rows([(40, 0.5)])) == 1
    assert world.read() == [rows([(0, 0.1), (10, 0.2), (20, 0.3), (30, 0.4), (40, 0.5)])]


def test_a_writer_that_comes_first_with_the_same_leaves_nothing_to_put(world: World) -> None:
    other = world.another()
    before(world.client, "PutItem", lambda: other.write(THREE))

    assert world.write(THREE, expected=False) == 0
    assert world.calls.puts() == 1


def test_two_writers_in_either_order_end_in_the_same_bytes(world: World) -> None:
    mine, theirs = rows([(0, 0.1), (10, 0.2)]), rows([(10, 0.2), (20, 0.3)])
    other = world.another()
    before(world.client, "PutItem", lambda: other.write(theirs, resource="a/b/1"))
    world.write(mine, resource="a/b/1", expected=False)
    before(world.client, "PutItem", lambda: other.write(mine, resource="a/b/2"))
    world.write(theirs, resource="a/b/2", expected=False)

    items = world.items()

    assert items["a/b/1", "r#2026-11-22T10:00Z"]["d"] == items["a/b/2", "r#2026-11-22T10:00Z"]["d"]


def test_a_writer_that_always_comes_second_gives_up_and_loses_nothing(world: World) -> None:
    other = world.another()
    seconds = iter(range(0, 300, 10))
    before(world.client, "PutItem", lambda: other.write(rows([(next(seconds), 0.1)])), times=30)

    with pytest.raises(ContendedError, match="changed by others 12 times"):
        world.write(rows([(295, 0.9)]))

    assert len(world.read()[0]) == 12


def test_an_hour_that_ended_half_an_hour_ago_is_written_whole(world: World) -> None:
    world.now = TEN / 1000 + 5400

    assert world.write(THREE, rows([(600, 0.5)])) == 4
    assert world.sort_keys() == ["h#2026-11-22T10:00Z"]
    assert world.read() == [merge([THREE, rows([(600, 0.5)])])]


def test_an_hour_is_not_old_a_second_before(world: World) -> None:
    world.now = TEN / 1000 + 5399

    world.write(THREE)

    assert world.sort_keys() == ["r#2026-11-22T10:00Z"]


def test_late_samples_of_an_old_hour_leave_its_raw_chunks_alone(world: World) -> None:
    world.write(THREE)
    raw = world.items()[API, "r#2026-11-22T10:00Z"]
    world.now = TEN / 1000 + 7200

    assert world.write(rows([(20, 0.35), (30, 0.4)], seen=SEEN + 300_000)) == 2
    assert world.items()[API, "r#2026-11-22T10:00Z"] == raw
    assert list(world.read()[0].values) == [0.1, 0.2, 0.35, 0.4]


def test_a_sample_in_several_tiers_is_read_once_and_the_finest_counts(world: World) -> None:
    world.write(rows([(0, 0.9), (1800, 0.8)], resolution=1800))
    world.write(rows([(0, 0.5), (60, 0.6)], resolution=60))
    world.write(rows([(0, 0.1)]))

    (found,) = world.read()

    assert [(time - TEN, value, step) for _, time, value, step, _ in points([found])] == [
        (0, 0.1, 10_000),
        (60_000, 0.6, 60_000),
        (1_800_000, 0.8, 1_800_000),
    ]


def test_only_wanted_columns_and_tiers_are_read(world: World) -> None:
    memory = rows([(0, 1e6)], key("memory.usage"))
    world.write(THREE, memory, rows([(0, 0.4)], resolution=60))

    def read(*tiers: Tier) -> list[Column]:
        wanted = key("memory.usage")
        return world.store.read(API, TEN, TEN + 60_000, lambda named: named == wanted, tiers)

    assert read(Tier.RAW, Tier.HOUR) == [memory]
    assert read(Tier.HOUR) == []


def test_ranges_hold_their_start_and_not_their_end_over_chunks(world: World) -> None:
    world.write(rows([(290, 0.1), (300, 0.2), (599.999, 0.3), (600, 0.4)]))

    assert list(world.read(300, 600)[0].values) == [0.2, 0.3]
    assert list(world.read(299.999, 600.001)[0].values) == [0.2, 0.3, 0.4]


def test_months_of_coarse_samples_are_read_over_the_turn_of_the_month(world: World) -> None:
    days = rows([(7 * 86_400, 0.1), (9 * 86_400, 0.2)], resolution=86_400)

    world.write(days)

    assert world.sort_keys() == ["m#2026-11-01T00:00Z", "m#2026-12-01T00:00Z"]
    assert world.read(end=10 * 86_400) == [days]


def test_expired_samples_are_invisible_though_dynamodb_still_has_them(world: World) -> None:
    world.write(THREE)
    world.now = TEN / 1000 + 300 + 7 * 86_400 - 1
    assert world.read() == [THREE]

    world.now += 1

    assert world.read() == []
    assert world.sort_keys() == ["r#2026-11-22T10:00Z"]


def test_an_expired_item_does_not_stand_in_a_writers_way(world: World) -> None:
    world.write(THREE, rows([(0, 0.5)], key("cpu.usage"), resolution=86_400))
    stored = world.items()[API, "r#2026-11-22T10:00Z"]
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=stored | {"ttl": {"N": "1"}})
    assert len(world.read()) == 1

    world.write(rows([(30, 0.4)]))

    assert len(world.read()) == 2


def test_ranges_are_clipped_to_the_retention_in_force_whatever_items_say(world: World) -> None:
    world.write(THREE, rows([(600, 0.4)]))
    shortened = world.store_with(raw=10 / 1440)

    (found,) = shortened.read(API, TEN, TEN + 3_600_000)

    assert list(found.values) == [0.4]


def test_what_would_be_expired_already_is_not_written(world: World) -> None:
    world.now = TEN / 1000 + 3600 + 60 * 86_400

    assert world.write(THREE) == 0
    assert world.items() == {}


def test_the_environment_names_the_table(world: World) -> None:
    for chunk in split(API, [THREE]):
        Store(Table.from_env(), Retention.from_env()).write(chunk, expected=False)

    assert world.read() == [THREE]


def noise(instances: int, count: int, start: float = 0, prefix: str = "api") -> Iterator[Column]:
    """Columns that don't compress: eight bytes a sample, 10 s apart over less than an hour."""
    chaos = random.Random(f"{prefix} {start}")
    step = 3599 / count
    for number in range(instances):
        named = key("hostup.iops", f"{prefix}-{number}", "", 1.0)
        samples = [(start + row * step, chaos.uniform(-1e9, 1e9)) for row in range(count)]
        yield rows(samples, named, resolution=60)


def test_a_chunk_above_64_kb_lies_in_parts_by_instance(world: World) -> None:
    columns = list(noise(40, 300))

    assert world.write(*columns) == 12_000
    assert world.sort_keys()[0] == "h#2026-11-22T10:00Z"
    assert {sk[:20] for sk in world.sort_keys()[1:]} == {"h#2026-11-22T10:00Z#"}
    assert 10 < len(world.sort_keys()) <= 17
    assert "d" not in world.items()[API, "h#2026-11-22T10:00Z"]
    assert world.read() == sorted(columns, key=lambda column: column.key)


def test_a_chunk_that_grows_above_64_kb_comes_apart_and_loses_nothing(world: World) -> None:
    few, many = list(noise(10, 300)), list(noise(30, 300, prefix="web"))
    world.write(*few)
    assert world.sort_keys() == ["h#2026-11-22T10:00Z"]

    assert world.write(*many) == 9000
    assert len(world.sort_keys()) > 10
    assert world.read() == sorted([*few, *many], key=lambda column: column.key)


def test_a_chunk_comes_apart_for_its_samples_whatever_was_written_first(world: World) -> None:
    # The coarser samples take 96 KB. Of the finer ones, which stay, all are alike, and take none.
    coarse = list(noise(40, 300))
    fine = [
        replace(one, values=array("d", [0.5] * 300), runs=(Run(300, 40_000, SEEN),))
        for one in coarse
    ]
    world.write(*coarse, resource="a/b/1")
    world.write(*fine, resource="a/b/1")
    world.write(*fine, resource="a/b/2")
    world.write(*coarse, resource="a/b/2")

    items = world.items()

    first, second = (
        {sk: item["e"] for (pk, sk), item in items.items() if pk == resource}
        for resource in ("a/b/1", "a/b/2")
    )
    assert len(first) == 17
    assert first == second


def test_writing_parts_twice_changes_nothing(world: World) -> None:
    columns = list(noise(40, 300))
    world.write(*columns)
    items, puts = world.items(), world.calls.puts()

    assert world.write(*columns) == 0
    assert world.calls.puts() == puts
    assert world.write(*columns, expected=False) == 0
    assert world.items() == items


def test_a_writer_that_meets_the_marker_writes_into_the_parts(world: World) -> None:
    world.write(*noise(40, 300))
    marker = world.items()[API, "h#2026-11-22T10:00Z"]
    late = rows([(3599.5, 1.5)], key("hostup.iops", "api-0", "", 1.0), resolution=60)

    assert world.write(late, expected=True) == 1
    assert world.write(late, expected=False) == 0
    assert world.items()[API, "h#2026-11-22T10:00Z"] == marker
    (found,) = [one for one in world.read() if one.key.instance == "api-0"]
    assert found.values[-1] == 1.5
    assert len(found) == 301


def test_a_writer_whose_item_comes_apart_meanwhile_writes_into_the_parts(world: World) -> None:
    few, many = list(noise(10, 300)), list(noise(30, 300, prefix="web"))
    world.write(*few)
    other = world.another()
    before(world.client, "PutItem", lambda: other.write(*many))
    late = rows([(3599.5, 1.5)], key("cpu.usage"), resolution=60)

    assert world.write(late) == 1
    assert world.read() == sorted([*few, *many, late], key=lambda column: column.key)


def test_what_is_written_while_a_chunk_comes_apart_is_in_the_parts(world: World) -> None:
    few, many = list(noise(10, 300)), list(noise(30, 300, prefix="web"))
    late = rows([(3599.5, 1.5)], key("cpu.usage"), resolution=60)
    world.write(*few)
    other = world.another()
    before(world.client, "PutItem", lambda: other.write(late))

    world.write(*many)

    assert "d" not in world.items()[API, "h#2026-11-22T10:00Z"]
    assert world.read() == sorted([*few, *many, late], key=lambda column: column.key)


def test_killed_between_the_parts_and_the_marker_all_is_read_once(world: World) -> None:
    few, many = list(noise(10, 300)), list(noise(30, 300, prefix="web"))
    world.write(*few)
    whole = world.items()[API, "h#2026-11-22T10:00Z"]
    world.write(*many)
    marked = world.items()
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=whole)

    assert world.read() == sorted([*few, *many], key=lambda column: column.key)
    world.write(*many)
    assert world.items() == marked


def test_a_chunk_beyond_an_items_size_lies_in_parts_from_the_first_write(world: World) -> None:
    columns = list(noise(60, 1000))

    assert world.write(*columns, expected=False) == 60_000
    assert sum(len(column) for column in world.read()) == 60_000


def test_a_chunk_that_is_light_and_yet_beyond_an_items_size_lies_in_parts(world: World) -> None:
    chaos = random.Random(1)
    columns = []
    for number in range(31):
        times = array("q", sorted(chaos.sample(range(TEN, TEN + 3_600_000), 1000)))
        # Too large to be integers, and each fetched at another time.
        values = array("d", [chaos.uniform(1e17, 1e18) for _ in times])
        runs = tuple(Run(1, 60_000, SEEN + chaos.randrange(10**9)) for _ in times)
        columns.append(
            Column(key("memory.usage", f"api-{number:02}", "mb", 1e6), times, values, runs)
        )

    assert world.write(*columns) == 31_000
    assert len(world.sort_keys()) > 10
    assert world.read() == columns


def test_a_part_beyond_an_items_size_says_what_to_do(world: World) -> None:
    with pytest.raises(FatalError, match=r"h#2026-11-22T10:00Z#.: 60000 samples take \d+ bytes"):
        world.write(*noise(1, 60_000))


def test_a_failing_table_is_a_storage_error_that_names_what_was_done(world: World) -> None:
    delete_table()

    with pytest.raises(StorageError, match=f"writing {API} r#2026-11-22T10:00Z: .*not found"):
        world.write(THREE, expected=False)
    with pytest.raises(StorageError, match=f"reading {API} r#2026-11-22T10:00Z: "):
        world.write(THREE, expected=True)
    with pytest.raises(StorageError, match=f"reading {API} from r#2026-11-22T10:00Z: "):
        world.read(0, 60)


def test_a_corrupt_item_is_named_and_never_overwritten(world: World) -> None:
    world.table.put(Item(Key(API, "r#2026-11-22T10:00Z"), b"\7nonsense", b"8 bytes!"), None)

    with pytest.raises(CorruptChunkError):
        world.read()
    with pytest.raises(CorruptChunkError):
        world.write(THREE)
    assert world.items()[API, "r#2026-11-22T10:00Z"]["d"]["B"] == b"\7nonsense"


def test_pieces_of_one_old_hour_are_put_once(world: World) -> None:
    world.now = TEN / 1000 + 5400
    whole = rows([(second, 0.1) for second in range(0, 3600, 10)])
    late = rows([(3600, 0.1), (3610, 0.2)])

    assert world.store.write_all(split(API, [whole, late]), TEN) == Written(362, TEN)
    assert world.sort_keys() == ["h#2026-11-22T10:00Z", "r#2026-11-22T11:00Z"]
    assert world.calls.puts() == 2
    assert world.store.write_all(split(API, [whole, late]), TEN + 3_610_000) == Written(0, None)
    assert world.calls.puts() == 2
