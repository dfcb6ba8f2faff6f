"""State: how far collecting came, joined by the most that any writer knows."""

from dataclasses import replace

from tests.layer.samples import TEN
from tests.layer.world import World, before
from tributary.coverage import Coverage
from tributary.registry import Shard
from tributary.state import Collected, Failure, ShardState, States

ACCOUNT = "northflank/main"
API = f"{ACCOUNT}/shop/services/api"
FAILED = Failure("upstream", "GET /x from northflank answered 502", TEN)
STATE = Collected(
    newest_ms=TEN,
    resolution_ms=10_000,
    coverage=Coverage(TEN - 3_600_000, TEN + 30_000),
    settled_ms=TEN - 30_000,
    published_ms=TEN - 60_000,
    publishing_ms=TEN,
    attempted_ms=TEN + 60_000,
    failure=FAILED,
    idle=True,
)


def join(world: World, **resources: Collected) -> ShardState:
    return States(world.table).join(ShardState(ACCOUNT, 0, resources))


def test_state_comes_back_as_it_was_joined(world: World) -> None:
    assert join(world, api=STATE) == ShardState(ACCOUNT, 0, {"api": STATE})

    assert States(world.table).get(ACCOUNT, 0) == ShardState(ACCOUNT, 0, {"api": STATE})
    assert list(world.items()) == [("acc#northflank/main", "state#0")]


def test_there_is_no_state_before_the_first(world: World) -> None:
    assert States(world.table).get(ACCOUNT, 3) == ShardState(ACCOUNT, 3, {})


def test_state_of_many_shards_is_one_request(world: World) -> None:
    states = States(world.table)
    states.join(ShardState(ACCOUNT, 0, {"api": STATE}))
    states.join(ShardState("hostup/main", 1, {"vps": STATE}))
    world.calls.clear()

    found = states.of_shards([Shard(ACCOUNT, 0, {}), Shard("hostup/main", 1, {})])

    assert sorted(found, key=lambda state: state.account) == [
        ShardState("hostup/main", 1, {"vps": STATE}),
        ShardState(ACCOUNT, 0, {"api": STATE}),
    ]
    assert world.calls == ["BatchGetItem"]


def test_joining_what_is_stored_puts_nothing(world: World) -> None:
    join(world, api=STATE)
    puts = world.calls.puts()

    join(world, api=STATE)

    assert world.calls.puts() == puts == 1


def test_resources_that_are_not_joined_stay(world: World) -> None:
    join(world, api=STATE)

    assert dict(join(world, web=STATE).resources) == {"api": STATE, "web": STATE}


def test_another_writers_progress_is_never_taken_back(world: World) -> None:
    ahead = replace(STATE, newest_ms=TEN + 600_000)
    rival = world.another()
    before(world.client, "PutItem", lambda: join(rival, api=ahead))

    assert join(world, api=STATE).resources["api"].newest_ms == TEN + 600_000


def test_how_often_an_account_is_collected_comes_back_as_it_was_joined(world: World) -> None:
    stretched = ShardState(ACCOUNT, 0, {"api": STATE}, every_ms=3_600_000)

    assert States(world.table).join(stretched) == stretched
    assert States(world.table).get(ACCOUNT, 0) == stretched


def test_how_often_an_account_is_collected_is_what_the_last_writer_knew(world: World) -> None:
    states = States(world.table)
    states.join(ShardState(ACCOUNT, 0, {"api": STATE}, every_ms=3_600_000))

    assert states.join(ShardState(ACCOUNT, 0, {"web": STATE})).every_ms == 3_600_000
    assert states.join(ShardState(ACCOUNT, 0, {}, every_ms=300_000)).every_ms == 300_000
    assert states.get(ACCOUNT, 0) == ShardState(
        ACCOUNT, 0, {"api": STATE, "web": STATE}, every_ms=300_000
    )
