"""State: how far collecting came, joined by the most that any writer knows."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layer.samples import TEN
from tests.layer.world import World, before
from tributary.errors import RateLimitedError
from tributary.provider import Progress
from tributary.registry import Shard
from tributary.state import Collected, Failure, ShardState, States, failure_of

ACCOUNT = "northflank/main"
API = f"{ACCOUNT}/shop/services/api"
FAILED = Failure("upstream", "GET /x from northflank answered 502", TEN)
STATE = Collected(
    newest_ms=TEN,
    resolution_ms=10_000,
    asked_ms=TEN + 30_000,
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

    assert found == {"api": STATE, "vps": STATE}
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
    ahead = replace(STATE, newest_ms=TEN + 600_000, asked_ms=TEN + 600_000)
    rival = world.another()
    before(world.client, "PutItem", lambda: join(rival, api=ahead))

    assert join(world, api=STATE).resources["api"].newest_ms == TEN + 600_000


@pytest.mark.parametrize("first", [True, False])
def test_the_later_attempt_says_what_failed_and_the_most_is_kept_of_both(first: bool) -> None:
    later = Collected(
        newest_ms=TEN - 10_000,
        resolution_ms=60_000,
        asked_ms=TEN + 90_000,
        published_ms=TEN,
        attempted_ms=TEN + 120_000,
    )

    joined = STATE.joined(later) if first else later.joined(STATE)

    assert joined == Collected(
        newest_ms=TEN,
        resolution_ms=10_000,
        asked_ms=TEN + 90_000,
        published_ms=TEN,
        publishing_ms=TEN,
        attempted_ms=TEN + 120_000,
        failure=None,
        idle=False,
    )


@pytest.mark.parametrize("first", [True, False])
def test_of_two_attempts_at_one_slot_the_one_that_succeeded_counts(first: bool) -> None:
    # As when the key was renewed and the run repeated, or an event came twice.
    done = replace(STATE, failure=None)

    assert (STATE.joined(done) if first else done.joined(STATE)).failure is None


SOME = st.none() | st.sampled_from([TEN, TEN + 1, TEN + 2])
MORE = st.sampled_from([0, TEN, TEN + 1])
COLLECTED = st.builds(
    Collected,
    newest_ms=SOME,
    resolution_ms=st.sampled_from([0, 10_000, 60_000]),
    asked_ms=SOME,
    published_ms=MORE,
    publishing_ms=MORE,
    attempted_ms=MORE,
    failure=st.sampled_from([None, FAILED]),
    idle=st.just(False),
)


@given(COLLECTED, COLLECTED, COLLECTED)
def test_joining_does_not_depend_on_order_or_repetition(
    a: Collected, b: Collected, c: Collected
) -> None:
    joined = {
        str(one.joined(two).joined(three)) for one, two, three in itertools.permutations([a, b, c])
    }

    assert joined == {str(a.joined(b.joined(c)))}
    assert a.joined(b).joined(a) == a.joined(b)


@pytest.mark.parametrize(
    ("state", "watermark"),
    [
        (Collected(), None),
        # Live: the end of its newest sample.
        (Collected(TEN, 10_000, TEN + 30_000), TEN + 10_000),
        # Never past what was asked.
        (Collected(TEN, 10_000, TEN + 5_000), TEN + 5_000),
        # Silent: an hour behind what was asked.
        (Collected(TEN, 10_000, TEN + 86_400_000), TEN + 82_800_000),
        (Collected(None, 0, TEN), TEN - 3_600_000),
    ],
)
def test_the_watermark_is_behind_what_was_stored_or_an_hour_behind_what_was_asked(
    state: Collected, watermark: int | None
) -> None:
    assert state.watermark_ms == watermark


def test_progress_is_the_newest_sample_while_they_come() -> None:
    assert Collected(TEN, 10_000, TEN + 30_000).progress == Progress(TEN, 10_000)


def test_progress_of_a_silent_resource_is_an_hour_ago() -> None:
    assert Collected(TEN, 10_000, TEN + 86_400_000).progress == Progress(TEN + 82_790_000, 10_000)


def test_nothing_has_progress_before_the_first_answer() -> None:
    assert Collected().progress is None


def test_a_failures_message_is_bounded() -> None:
    failure = failure_of(RateLimitedError("x" * 5000), TEN)

    assert failure == Failure("rate_limited", "x" * 300, TEN)
