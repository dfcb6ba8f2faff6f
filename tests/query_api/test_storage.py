"""A table that throttles, is slow or silent: answered for all the same, and in time."""

import time
from collections.abc import Mapping
from typing import cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.query_api.api import Api
from tests.query_api.conftest import CONTEXT, Reply, World, reply, request
from tests.wire import Document, Fault, Send, Wire, half, lost, refused

THROTTLED = refused("ProvisionedThroughputExceededException")
QUERY = "metric=cpu.utilization"


class Hurried:
    """A context with seven seconds left, of which reading may take one."""

    def get_remaining_time_in_millis(self) -> int:
        return 7000


def slow(request: Document, send: Send) -> tuple[int, Document]:
    """An answer after most of the second that there is."""
    time.sleep(0.7)
    return 200, send(request)


def asked(path: str, query: str = "", context: object = CONTEXT) -> Reply:
    """What the API of the environment answers, whose table is behind the wire."""
    event: Mapping[str, object] = request(path, query)
    return reply(Api.from_env().handle(dict(event), cast(LambdaContext, context)))


@pytest.mark.parametrize("fault", [THROTTLED, lost, half], ids=["refused", "lost", "halved"])
def test_what_passes_is_not_seen_in_an_answer(world: World, wire: Wire, fault: Fault) -> None:
    undisturbed = asked("/v1/metrics")
    wire.next("BatchGetItem", fault, times=2)

    found = asked("/v1/metrics")

    assert (found.status, found.json) == (200, undisturbed.json)
    assert len(wire.requests("BatchGetItem")) == 6


@pytest.mark.parametrize("path", ["/v1/query", "/v1/resources", "/v1/metrics", "/v1/coverage"])
def test_a_table_that_throttles_for_good_is_a_problem_in_time(
    world: World, wire: Wire, path: str
) -> None:
    wire.next("BatchGetItem", THROTTLED, times=1000)
    began = time.monotonic()

    found = asked(path, QUERY if path == "/v1/query" else "", Hurried())

    assert (found.status, found.json["code"]) == (503, "storage_unavailable")
    assert found.headers["Retry-After"] == "5"
    assert time.monotonic() - began < 7


def test_a_table_that_is_slow_is_a_problem_in_time(world: World, wire: Wire) -> None:
    wire.next("BatchGetItem", slow, times=1000)

    found = asked("/v1/query", QUERY, Hurried())

    assert (found.status, found.json["code"]) == (503, "not_answered_in_time")
    assert "a shorter range" in found.json["detail"]
    assert len(wire.requests("BatchGetItem")) == 2


def test_a_new_request_has_time_again_after_one_that_had_none(world: World, wire: Wire) -> None:
    api = Api.from_env()
    wire.next("BatchGetItem", slow, times=2)
    event = request("/v1/query", QUERY)

    first = reply(api.handle(dict(event), cast(LambdaContext, Hurried())))
    second = reply(api.handle(dict(event), CONTEXT))

    assert (first.status, second.status) == (503, 200)


@pytest.mark.parametrize(
    "fault",
    [THROTTLED, refused("AccessDeniedException"), lost, slow],
    ids=["throttled", "denied", "lost", "slow"],
)
def test_a_request_that_cannot_be_counted_is_answered_all_the_same(
    world: World, wire: Wire, fault: Fault
) -> None:
    wire.next("UpdateItem", fault)

    found = asked("/v1/metrics")

    assert found.status == 200
    assert "x-ratelimit-limit" not in found.headers
    assert len(wire.requests("UpdateItem")) == 1
    assert asked("/v1/metrics").headers["x-ratelimit-limit"] == "1000"


def test_a_request_costs_one_write_and_what_is_refused_until_then_none(
    world: World, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_REQUESTS_PER_HOUR", "1")
    api = Api.from_env()

    found = [reply(api.handle(request("/v1/metrics"), CONTEXT)).status for _ in range(4)]

    assert found == [200, 429, 429, 429]
    # The first one too many is counted, or nobody would know that it is.
    assert len(wire.requests("UpdateItem")) == 2
    assert wire.requests("PutItem") == []
