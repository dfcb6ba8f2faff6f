"""The bytes of a state: what goes in comes out, in few bytes, and no other bytes pass."""

import random
from dataclasses import replace
from itertools import batched

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layer.samples import TEN
from tests.layer.world import World
from tributary.collected import Collected, Failure
from tributary.coverage import NOTHING, OPEN, Coverage, Gap
from tributary.state import ShardState, States, state_key
from tributary.state_codec import CorruptStateError, Pace, decode, encode
from tributary.table import Item

ACCOUNT = "northflank/main"
STATE = Collected(
    newest_ms=TEN - 13_310,
    resolution_ms=10_000,
    asked_ms=TEN,
    coverage=Coverage(TEN - 86_400_000, TEN, (Gap(TEN - 7_200_000, TEN - 3_600_000, 300_000),)),
    settled_ms=TEN - 43_310,
    imported=100,
    empty_ms=3_600_000,
    published_ms=TEN - 360_000,
    publishing_ms=TEN - 60_000,
    attempted_ms=TEN + 60_000,
    failure=Failure("upstream", "GET /x from northflank answered 502", TEN + 60_000, 3),
    idle=True,
)

TIMES = st.integers(min_value=0, max_value=2**53) | st.sampled_from([TEN, TEN + 60_000])
FAILURES = st.builds(Failure, st.text(), st.text(), TIMES, st.integers(1, 1000))
GAPS = st.builds(Gap, TIMES, TIMES, st.sampled_from([OPEN, NOTHING, 60_000, 300_000]))
COVERAGES = st.builds(Coverage, TIMES, TIMES, st.lists(GAPS, max_size=5).map(tuple))
STATES = st.builds(
    Collected,
    newest_ms=st.none() | TIMES,
    resolution_ms=TIMES,
    coverage=st.none() | COVERAGES,
    settled_ms=TIMES,
    imported=st.integers(0, 100),
    paused_ms=st.sampled_from([0, TEN - 1, TEN + 1_800_000]),
    empty_ms=TIMES,
    published_ms=TIMES,
    publishing_ms=TIMES,
    attempted_ms=TIMES,
    failure=st.none() | FAILURES,
    idle=st.booleans(),
)


@given(st.dictionaries(st.text(), STATES), TIMES)
def test_a_state_comes_back_as_it_was(resources: dict[str, Collected], every_ms: int) -> None:
    assert decode(encode(resources, Pace(every_ms, TEN)).data) == (Pace(every_ms, TEN), resources)


def test_equal_states_have_equal_bytes_in_whatever_order_they_came() -> None:
    other = replace(STATE, failure=None)

    assert encode({"api": STATE, "web": other}) == encode({"web": other, "api": STATE})
    assert encode({"api": STATE}).digest != encode({"api": other}).digest
    assert encode({"api": STATE}).digest != encode({"api": STATE}, Pace(300_000)).digest


def steady(names: list[str], spread_ms: int, coverage: Coverage) -> dict[str, Collected]:
    """Resources of one run whose newest samples lie `spread_ms` apart, in no order."""
    newest = {name: TEN - 100 - place * 7919 % 100 * spread_ms for place, name in enumerate(names)}
    return {
        name: Collected(
            newest_ms=newest_ms,
            resolution_ms=10_000,
            coverage=coverage,
            settled_ms=newest_ms - 30_000,
            imported=100,
            published_ms=TEN - 60_000,
            publishing_ms=TEN - 60_000,
            attempted_ms=TEN + 60_000,
        )
        for name, newest_ms in newest.items()
    }


SERVICES = [f"northflank/main/shop/services/api-{number}" for number in range(100)]
WHOLE = Coverage(TEN - 5_184_000_000, TEN)
# Two outages, of which one has been repaired.
HOLED = Coverage(
    WHOLE.since_ms,
    TEN,
    (
        Gap(TEN - 172_800_000, TEN - 150_000_000, 300_000),
        Gap(TEN - 3_600_000, TEN - 1_800_000, OPEN),
    ),
)


@pytest.mark.parametrize("coverage", [WHOLE, HOLED])
def test_a_hundred_services_take_less_than_a_write_unit(coverage: Coverage) -> None:
    assert len(encode(steady(SERVICES, 97, coverage), Pace(300_000)).data) < 700


def test_what_a_run_says_of_all_resources_alike_takes_a_byte_for_each_at_most() -> None:
    names = [f"{number:03}" for number in range(256)]

    ids_alone = len(encode(dict.fromkeys(names, Collected())).data)

    assert len(encode(steady(names, 0, HOLED)).data) < ids_alone + 100


def test_services_found_at_different_times_take_few_bytes_more_each() -> None:
    chance = random.Random(1)
    services = {
        name: replace(
            state, coverage=replace(WHOLE, since_ms=TEN - chance.randrange(5_184_000_000))
        )
        for name, state in steady(SERVICES, 97, WHOLE).items()
    }

    assert len(encode(services, Pace(300_000)).data) < 1100


def test_a_full_shard_with_as_many_gaps_as_are_kept_fits_in_an_item() -> None:
    chance = random.Random(1)

    def holed() -> Coverage:
        edges = sorted(chance.sample(range(TEN - 5_184_000_000, TEN), 128))
        gaps = (Gap(start_ms, end_ms, OPEN) for start_ms, end_ms in batched(edges, 2, strict=True))
        return Coverage(WHOLE.since_ms, TEN, tuple(gaps))

    names = [f"hostup/main/vps_{chance.randbytes(13).hex()}" for _ in range(256)]
    states = {
        name: replace(state, coverage=holed()) for name, state in steady(names, 97, WHOLE).items()
    }

    assert len(encode(states).data) < 300_000


# A service that failed, and one that never was answered for, as they were stored before coverage.
VERSION_1 = bytes.fromhex(
    "01636260604e2cc8642e4f4de2677870efdcd405268c0756b2ef5fc9ce08c40d97f9187f9f67fc319f99f1c0"
    "abbed50732fe1f6807928cfbcfab34ccf7649c3f87f1c00e268ed282e292a2d4c45c6577d71005fd0a85b4a2"
    "fc5c85bcfca2928cb49cc4bc6c85c4bce2f2d4a2d414055303230600"
)
OF_VERSION_1 = {
    "api": replace(
        STATE,
        # Until the end of its newest sample, and no more is known of what was before.
        coverage=Coverage(TEN - 3_310, TEN - 3_310),
        imported=0,
        empty_ms=0,
        failure=Failure("upstream", "GET /x from northflank answered 502", TEN + 60_000, 1),
    ),
    "web": Collected(attempted_ms=TEN),
}


def test_a_state_of_version_1_is_read_and_joined(world: World) -> None:
    key = state_key(ACCOUNT, 0)
    world.table.put(Item(key, VERSION_1, b"8 bytes!"), None)
    states = States(world.table)
    assert states.get(ACCOUNT, 0) == ShardState(ACCOUNT, 0, OF_VERSION_1)

    later = replace(STATE, attempted_ms=TEN + 360_000, failure=None)
    joined = states.join(ShardState(ACCOUNT, 0, {"api": later}))

    assert joined == ShardState(ACCOUNT, 0, {"api": later, "web": Collected(attempted_ms=TEN)})
    assert joined == states.get(ACCOUNT, 0)
    assert world.items()[key]["d"]["B"][:1] == b"\2"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "state of version none, not 2"),
        (b"\7", "state of version 07, not 2"),
        (b"x\x9c", "state of version 78, not 2"),
        (b"\1oops", "5 bytes that are no state"),
        (b"\2", "1 bytes that are no state"),
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
