"""What the comparison tells apart, and what it takes for equal."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.crashes import fleet
from tests.crashes.calls import Calls
from tests.crashes.comparing import differences
from tests.crashes.world import Invocation, State, world
from tributary.codec import decode, encode

VPS = "hostup/main/vps_01jc4w8e2m5k9r3t7y1a6d0f4h"
HOUR = (VPS, "h#2026-11-21T23:00Z")


@pytest.fixture(scope="module")
def state() -> Iterator[State]:
    """What a first run over the VPS leaves."""
    with world(fleet.SMALL) as new:
        new.run(Invocation("hostup", "2026-11-21T23:35:00Z"), Calls())
        yield new.state()


def with_item(state: State, key: tuple[str, str], **changes: Mapping[str, Any]) -> State:
    return replace(state, items={**state.items, key: {**state.items[key], **changes}})


def with_chunk(state: State, add: float = 0.0, seen_ms: int | None = None) -> State:
    """The state with another first value of the first column, or fetched at another time."""
    first, *others = decode(state.items[HOUR]["d"]["B"])
    values = first.values[:]
    values[0] += add
    runs = tuple(run if seen_ms is None else run._replace(seen_ms=seen_ms) for run in first.runs)
    data, digest = encode([replace(first, values=values, runs=runs), *others])
    return with_item(state, HOUR, d={"B": data}, e={"B": digest})


def test_equal_states_do_not_differ(state: State) -> None:
    assert list(differences(state, state)) == []


def test_a_missing_item_is_named(state: State) -> None:
    items = {key: one for key, one in state.items.items() if key != ("acc#hostup/main", "state#0")}

    assert list(differences(replace(state, items=items), state)) == [
        "acc#hostup/main state#0 is missing"
    ]


def test_another_value_is_named_in_its_chunk_and_hour(state: State) -> None:
    found = list(differences(with_chunk(state, add=1.0), state))

    assert any(one.startswith(f"{VPS} h#2026-11-21T23:00Z: cpu.utilization - ") for one in found)
    assert any(one.startswith(f"{VPS} r or h#2026-11-21T23: cpu.utilization - ") for one in found)


def test_the_time_of_fetching_is_no_difference(state: State) -> None:
    later = with_chunk(state, seen_ms=1)

    assert later.items[HOUR]["e"] != state.items[HOUR]["e"]
    assert list(differences(later, state)) == []


def test_another_time_of_expiry_is_a_difference(state: State) -> None:
    found = differences(with_item(state, HOUR, ttl={"N": "1"}), state)

    assert next(iter(found)).startswith(f"{VPS} h#2026-11-21T23:00Z: ttl is (('N', '1'),), not ")


def test_a_digest_that_is_listed_no_more_is_a_difference(state: State) -> None:
    found = differences(with_item(state, ("reg", "hostup/main#0"), e={"B": b"another"}), state)

    assert list(found) == ["reg !: hostup/main#0 is False, not True"]


def test_datums_sent_twice_differ_in_their_count_alone(state: State) -> None:
    twice = replace(state, datums=(*state.datums, *state.datums))

    assert list(differences(twice, state, counts_may_differ=True)) == []
    assert next(iter(differences(twice, state))).endswith("has SampleCount 2.0, not 1.0")


def test_another_average_is_a_difference_even_where_counts_may_differ(state: State) -> None:
    first = state.datums[0]
    more = replace(state, datums=(*state.datums, first._replace(total=first.total + 1)))

    found = list(differences(more, state, counts_may_differ=True))

    assert len(found) == 1
    assert found[0].startswith(f"CloudWatch's {first.metric} {first.resource} 2026-11-21T")
