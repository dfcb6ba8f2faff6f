"""The stack in memory stores and answers what Tributary does in AWS."""

import json
from array import array

import pytest

from benchmarks.fleet import METRICS, START_MS, Series
from benchmarks.queries import Question
from benchmarks.stack import Clock, MemoryTable, Stack, body_of
from local.failure import Failure
from tributary.table import ChangedError, Item, Key
from tributary.windows import Tier

API = "northflank/main/shop/services/api-0"


def series(metric: str, *values: float) -> Series:
    """An hour at ten seconds, the values in turn."""
    repeated = array("d", [values[row % len(values)] for row in range(360)])
    return Series(API, metric, "-", START_MS, 10_000, repeated)


def test_what_is_collected_is_compacted_and_answered() -> None:
    stack = Stack()
    stack.collect([series(metric, 0.25, 0.75) for metric in METRICS])

    start = START_MS // 1000
    found = json.loads(body_of(stack.ask(Question(start, start + 3600, 1800).ours())))

    assert len(stack.items(API, Tier.HOUR)) == 1
    assert [one["metric"] for one in found["series"]] == list(METRICS)
    assert found["series"][0]["values"] == [0.5, 0.5]


def test_a_refused_query_is_a_failure_with_what_was_said() -> None:
    with pytest.raises(Failure, match=r"answered 400: .*There is no parameter"):
        body_of(Stack().ask("nonsense=1"))


def test_a_table_in_memory_puts_only_what_replaces_what_was_read() -> None:
    table = MemoryTable(Clock())
    first, second = (Item(Key("a", "b"), b"", digest) for digest in (b"1", b"2"))
    table.put(first, None)

    with pytest.raises(ChangedError) as refused:
        table.put(second, None)

    assert refused.value.current == first
    assert list(table.query("a", "a", "c")) == [first]
