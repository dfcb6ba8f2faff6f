"""Throttling, lost answers, pages and unprocessed keys, as they come over the wire."""

import time
from itertools import pairwise

import pytest

from tests.providers.loopback import Clock
from tests.wire import Fault, Wire, half, lost, page_of, refused, unsent
from tributary.errors import ContendedError, OutOfTimeError, StorageError
from tributary.patience import Patience
from tributary.table import ChangedError, Item, Key, Table

NOON = Key("a", "noon")
THROTTLED = refused("ProvisionedThroughputExceededException")
PASSING = {
    "too many for the table": THROTTLED,
    "too many at once": refused("ThrottlingException"),
    "too many for the account": refused("RequestLimitExceeded"),
    "an error inside": refused("InternalServerError", 500),
    "down": refused("ServiceUnavailable", 503),
    "an answer lost": lost,
    "a request lost": unsent,
}


def item(sk: str) -> Item:
    return Item(Key("a", sk), b"data", sk.encode().ljust(8))


def patient(clock: Clock, seconds: float = float("inf")) -> Table:
    """The table with so many seconds left, of which sleeping takes none."""
    table = Table.from_env(patience=Patience(clock, clock.sleep))
    table.until(clock.now + seconds)
    return table


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_is_asked_again(wire: Wire, fault: Fault) -> None:
    table = patient(Clock())
    table.put(item("noon"), None)
    wire.next("GetItem", fault, times=3)
    wire.next("BatchGetItem", fault, times=3)
    wire.next("Query", fault, times=3)

    assert table.get(NOON) == item("noon")
    assert table.get_many([NOON]) == {NOON: item("noon")}
    assert list(table.query("a", "a", "z")) == [item("noon")]
    assert [len(wire.requests(name)) for name in ("GetItem", "BatchGetItem", "Query")] == [4] * 3


@pytest.mark.parametrize("fault", [THROTTLED, unsent], ids=["refused", "lost"])
def test_a_put_that_was_not_done_is_sent_again(wire: Wire, fault: Fault) -> None:
    table = patient(Clock())
    wire.next("PutItem", fault, times=3)

    table.put(item("noon"), None)

    assert table.get(NOON) == item("noon")
    assert len(wire.requests("PutItem")) == 4


def test_a_put_whose_answer_was_lost_is_found_to_be_done(wire: Wire) -> None:
    table = patient(Clock())
    wire.next("PutItem", lost)

    with pytest.raises(ChangedError) as done:
        table.put(item("noon"), None)

    assert done.value.current == item("noon")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_what_does_not_pass_is_asked_once(wire: Wire, code: str) -> None:
    clock = Clock()
    wire.next("GetItem", refused(code))

    with pytest.raises(StorageError, match=rf"reading a noon: .*{code}"):
        patient(clock).get(NOON)

    assert (len(wire.asked), clock.slept) == (1, [])


def test_a_real_clock_waits_between_attempts(wire: Wire) -> None:
    wire.next("GetItem", THROTTLED, times=2)
    before = time.monotonic()

    assert Table.from_env().get(NOON) is None

    # 50 and 100 ms, of which half at least.
    assert time.monotonic() - before >= 0.075


def test_pauses_double_and_differ_and_end_after_eight_attempts(wire: Wire) -> None:
    clock = Clock()
    wire.next("GetItem", THROTTLED, times=100)

    with pytest.raises(StorageError, match=r"reading a noon: .*ProvisionedThroughputExceeded"):
        patient(clock).get(NOON)

    assert len(wire.asked) == 8
    assert len(clock.slept) == 7
    assert all(0.05 * 2**n / 2 <= pause <= 0.05 * 2**n for n, pause in enumerate(clock.slept))
    assert any(later != 2 * pause for pause, later in pairwise(clock.slept))


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_no_pause_goes_beyond_the_deadline(wire: Wire, seconds: float) -> None:
    clock = Clock()
    wire.next("GetItem", THROTTLED, times=100)

    with pytest.raises(StorageError, match="ProvisionedThroughputExceeded"):
        patient(clock, seconds).get(NOON)

    assert 0 < sum(clock.slept) < seconds
    assert 1 < len(wire.asked) < 8


def test_nothing_is_asked_after_the_deadline(wire: Wire) -> None:
    table = patient(Clock(), seconds=0)

    with pytest.raises(OutOfTimeError):
        table.get(NOON)
    with pytest.raises(OutOfTimeError):
        table.get_many([NOON])
    with pytest.raises(OutOfTimeError):
        list(table.query("a", "a", "z"))

    assert wire.asked == []


def test_unprocessed_keys_alone_are_asked_for_again_until_there_are_none(wire: Wire) -> None:
    clock = Clock()
    table = patient(clock)
    keys = [Key("a", f"{number:02}") for number in range(40)]
    for key in keys:
        table.put(item(key.sk), None)
    wire.next("BatchGetItem", half, times=3)

    assert table.get_many(keys) == {key: item(key.sk) for key in keys}

    [sizes] = [[_size(request) for request in wire.requests("BatchGetItem")]]
    assert sizes == [40, 20, 10, 5]
    assert len(clock.slept) == 3


def test_keys_that_stay_unprocessed_are_given_up(wire: Wire) -> None:
    clock = Clock()
    wire.next("BatchGetItem", half, times=100)

    with pytest.raises(ContendedError, match="reading 1 items: DynamoDB leaves some unread"):
        patient(clock).get_many([NOON])

    assert len(wire.asked) == 8
    assert sum(clock.slept) <= 6.35


def test_pages_come_once_each_though_some_are_refused_between(wire: Wire) -> None:
    table = patient(Clock())
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        table.put(item(name), None)
    wire.next("Query", page_of(7))
    wire.next("Query", THROTTLED, times=2)
    wire.next("Query", page_of(7))
    wire.next("Query", lost)

    assert [found.key.sk for found in table.query("a", "00", "99")] == names

    starts = [request.get("ExclusiveStartKey") for request in wire.requests("Query")]
    seventh, fourteenth = ({"pk": {"S": "a"}, "sk": {"S": name}} for name in ("06", "13"))
    assert starts == [None, seventh, seventh, seventh, fourteenth, fourteenth]


def test_a_page_that_ends_where_it_began_is_an_error(wire: Wire) -> None:
    table = patient(Clock())
    key = {"pk": {"S": "a"}, "sk": {"S": "06"}}
    wire.next("Query", lambda request, send: (200, {"Items": [], "LastEvaluatedKey": key}), 2)

    with pytest.raises(StorageError, match="ends where it began"):
        list(table.query("a", "00", "99"))


def _size(request: dict[str, dict[str, dict[str, list[object]]]]) -> int:
    [wanted] = request["RequestItems"].values()
    return len(wanted["Keys"])
