"""The bytes of a state: what goes in comes out, in few bytes, and no other bytes pass."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layer.samples import TEN
from tests.layer.world import World
from tributary.collected import Collected, Failure
from tributary.packed import packed
from tributary.state import ShardState, States, state_key
from tributary.state_codec import CorruptStateError, decode, encode
from tributary.table import Item

ACCOUNT = "northflank/main"
STATE = Collected(
    newest_ms=TEN - 13_310,
    resolution_ms=10_000,
    asked_ms=TEN,
    published_ms=TEN - 360_000,
    publishing_ms=TEN - 60_000,
    attempted_ms=TEN + 60_000,
    failure=Failure("upstream", "GET /x from northflank answered 502", TEN + 60_000),
    idle=True,
)

TIMES = st.integers(min_value=0, max_value=2**53) | st.sampled_from([TEN, TEN + 60_000])
FAILURES = st.builds(Failure, st.text(), st.text(), TIMES)
STATES = st.builds(
    Collected,
    newest_ms=st.none() | TIMES,
    resolution_ms=TIMES,
    asked_ms=st.none() | TIMES,
    published_ms=TIMES,
    publishing_ms=TIMES,
    attempted_ms=TIMES,
    failure=st.none() | FAILURES,
    idle=st.booleans(),
)


@given(st.dictionaries(st.text(), STATES))
def test_a_state_comes_back_as_it_was(resources: dict[str, Collected]) -> None:
    assert decode(encode(resources).data) == resources


def test_equal_states_have_equal_bytes_in_whatever_order_they_came() -> None:
    other = replace(STATE, failure=None)

    assert encode({"api": STATE, "web": other}) == encode({"web": other, "api": STATE})
    assert encode({"api": STATE}).digest != encode({"api": other}).digest


def steady(names: list[str], spread_ms: int) -> dict[str, Collected]:
    """Resources of one run whose newest samples lie `spread_ms` apart, in no order."""
    at = {name: TEN - 100 - place * 7919 % 100 * spread_ms for place, name in enumerate(names)}
    return {
        name: Collected(newest_ms, 10_000, TEN, TEN - 60_000, TEN - 60_000, TEN + 60_000)
        for name, newest_ms in at.items()
    }


def test_a_hundred_services_take_less_than_a_write_unit() -> None:
    services = [f"northflank/main/shop/services/api-{number}" for number in range(100)]

    assert len(encode(steady(services, 97)).data) < 700


def test_what_a_run_says_of_all_resources_alike_takes_a_byte_for_each_at_most() -> None:
    names = [f"{number:03}" for number in range(256)]

    ids_alone = len(encode(dict.fromkeys(names, Collected())).data)

    assert len(encode(steady(names, 0)).data) < ids_alone + 100


def test_a_state_from_before_versions_is_read_and_joined(world: World) -> None:
    key = state_key(ACCOUNT, 0)
    world.table.put(packed(key, {"api": asdict(STATE)}), None)
    states = States(world.table)
    assert states.get(ACCOUNT, 0) == ShardState(ACCOUNT, 0, {"api": STATE})

    later = replace(STATE, attempted_ms=TEN + 360_000, failure=None)
    joined = states.join(ShardState(ACCOUNT, 0, {"api": later}))

    assert joined == states.get(ACCOUNT, 0) == ShardState(ACCOUNT, 0, {"api": later})
    assert world.items()[key]["d"]["B"][:1] == b"\1"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "state of version none, not 1"),
        (b"\7", "state of version 07, not 1"),
        (b"\1", "1 bytes that are no state"),
        (b"\1oops", "5 bytes that are no state"),
        (encode({"api": STATE}).data[:-9], "bytes that are no state"),
    ],
)
def test_bytes_that_are_no_state_are_an_error(data: bytes, said: str) -> None:
    with pytest.raises(CorruptStateError, match=said):
        decode(data)


def test_a_state_that_cannot_be_read_is_never_written_over(world: World) -> None:
    damaged = Item(state_key(ACCOUNT, 0), b"\7", b"8 bytes!")
    world.table.put(damaged, None)

    with pytest.raises(CorruptStateError):
        States(world.table).join(ShardState(ACCOUNT, 0, {"api": STATE}))

    assert world.table.get(damaged.key) == damaged
