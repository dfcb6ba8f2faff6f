"""A loopback HTTP server that gives recorded answers, and a clock that only sleeping moves."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

type Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer; `length` says more bytes than there are where it is to be cut off."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    length: int | None = None

    @classmethod
    def of(cls, body: object, status: int = 200, **headers: str) -> "Recorded":
        """An answer in JSON; header names in keyword form (`retry_after`)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, named, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names in lower case."""

    path: str
    query: Query
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where the server is, and what it was asked."""

    url: str
    asked: list[Asked]


class Clock:
    """Seconds that pass only by sleeping, so that no test waits."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def loopback(answer: Callable[[Asked], Recorded]) -> Iterator[Loopback]:
    """Serves `answer` of each request until left."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(parts.path, parse_qsl(parts.query, keep_blank_values=True), headers)
            asked.append(request)
            recorded = answer(request)
            self.send_response_only(recorded.status)
            for name, value in recorded.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(recorded.length or len(recorded.body)))
            if recorded.length:
                self.close_connection = True
            self.end_headers()
            self.wfile.write(recorded.body)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the tests' output to the tests'."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Loopback(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*answers: Recorded) -> Callable[[Asked], Recorded]:
    """The answers one after the other, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
