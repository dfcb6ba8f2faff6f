"""The HTTP front: API Gateway's limits and errors, over real sockets."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.failure import Failure
from local.front import Front, reserve
from local.gateway import Gateway
from local.runtime import Busy, FunctionError
from local.template import Route

ROUTES = [Route("GET", "/v1/query", "Query"), Route("ANY", "$default", "Query")]


@dataclass
class Handler:
    """Answers each event by `answer`, after noting it."""

    answer: Callable[[Any], Any]
    events: list[Any] = field(default_factory=list)

    def invoke(self, event: Any, wait_seconds: float) -> Any:
        self.events.append(event)
        return self.answer(event)


def echo(event: Any) -> Any:
    return {"statusCode": 200, "body": event.get("body", event["routeKey"])}


@dataclass
class Address:
    port: int
    statuses: list[int]

    def ask(self, method: str, path: str, **more: Any) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            connection.request(method, path, **more)
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextmanager
def front(
    answer: Callable[[Any], Any] = echo, routes: list[Route] = ROUTES, seconds: float = 5
) -> Iterator[Address]:
    listener = reserve(0)
    statuses: list[int] = []
    gateway = Gateway(routes, {"Query": Handler(answer)}, seconds)
    running = Front(listener, gateway, statuses.append)
    try:
        yield Address(listener.getsockname()[1], statuses)
    finally:
        running.close()


def test_a_route_takes_its_own_path_and_the_default_takes_the_rest() -> None:
    with front() as api:
        assert api.ask("GET", "/v1/query?a=b") == (200, b"GET /v1/query")
        assert api.ask("POST", "/v1/query") == (200, b"$default")
        assert api.ask("GET", "/elsewhere") == (200, b"$default")


def test_a_path_without_a_route_is_not_found() -> None:
    with front(routes=ROUTES[:1]) as api:
        assert api.ask("GET", "/elsewhere") == (404, b'{"message": "Not Found"}')


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 431)])
def test_request_line_and_header_values_may_have_10240_bytes(excess: int, status: int) -> None:
    with front() as api:
        host, coding, line = f"127.0.0.1:{api.port}", "identity", "GET / HTTP/1.1"
        room = 10_240 - len(host) - len(coding) - len(line)
        assert api.ask("GET", "/", headers={"X": "a" * (room + excess)})[0] == status


def test_a_body_may_have_ten_megabytes_and_an_event_six() -> None:
    def refuse_large(event: Any) -> Any:
        if len(event["body"]) > 6 * 1024 * 1024:
            raise FunctionError("RequestTooLarge", "")
        return echo(event)

    with front(refuse_large) as api:
        text = {"Content-Type": "text/plain"}
        assert api.ask("POST", "/", body=b"a" * 1024, headers=text) == (200, b"a" * 1024)
        assert api.ask("POST", "/", body=b"a" * 7 * 1024 * 1024, headers=text)[0] == 413


def test_a_body_over_ten_megabytes_is_refused_before_it_is_read() -> None:
    with front() as api:
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
        with closing(connection):
            connection.putrequest("POST", "/")
            connection.putheader("Content-Length", str(10 * 1024 * 1024 + 1))
            connection.endheaders()
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (
                413,
                b'{"message": "Request Entity Too Large"}',
            )


def test_an_integration_that_takes_too_long_is_a_503() -> None:
    released = threading.Event()

    def wait(event: Any) -> Any:
        released.wait(10)
        return {}

    with front(wait, seconds=0.1) as api:
        try:
            assert api.ask("GET", "/") == (503, b'{"message": "Service Unavailable"}')
        finally:
            released.set()


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (FunctionError("ValueError", "no"), 500, b'{"message": "Internal Server Error"}'),
        (
            FunctionError("Function.ResponseSizeTooLarge", ""),
            500,
            b'{"message": "Internal Server Error"}',
        ),
        (Busy("Query"), 503, b'{"message": "Service Unavailable"}'),
    ],
)
def test_a_function_that_fails_is_api_gateways_error(
    failure: Exception, status: int, message: bytes
) -> None:
    def fail(event: Any) -> Any:
        raise failure

    with front(fail) as api:
        assert api.ask("GET", "/") == (status, message)


def test_requests_are_answered_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(event: Any) -> Any:
        both.wait()
        return {"statusCode": 204}

    with front(meet) as api:
        asking = [threading.Thread(target=api.ask, args=("GET", "/")) for _ in range(2)]
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        assert api.statuses == [204, 204]


def test_every_answer_is_counted_refusals_too() -> None:
    with front() as api:
        api.ask("GET", "/")
        api.ask("GET", "/", headers={"X": "a" * 11_000})
        assert api.statuses == [200, 431]


def test_a_head_request_is_answered_without_a_body() -> None:
    with front() as api:
        assert api.ask("HEAD", "/") == (200, b"")


def test_a_taken_port_is_one_line_with_its_remedy() -> None:
    with closing(reserve(0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failure, match=rf"^Port {port} .*PORT={port + 1} make run\.$"):
            reserve(port)
