"""A wire to DynamoDB on which answers get lost, are refused or cut short, over real HTTP."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

type Document = dict[str, Any]
type Send = Callable[[Document], Document]
# Given a request and how to send one on; answers with a status and a document, None not at all.
type Fault = Callable[[Document, Send], tuple[int, Document] | None]


@dataclass
class Wire:
    """What was asked, by operation, and the faults that the next requests of an operation meet."""

    url: str = ""
    asked: list[tuple[str, Document]] = field(default_factory=list)
    _faults: list[tuple[str, Fault]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def next(self, operation: str, fault: Fault, times: int = 1) -> None:
        """Has so many requests meet a fault, after those that were asked for before."""
        self._faults += [(operation, fault)] * times

    def requests(self, operation: str) -> list[Document]:
        """The requests of an operation."""
        return [document for name, document in self.asked if name == operation]

    def met(self, operation: str, document: Document) -> Fault | None:
        """Notes a request; returns the fault that it meets."""
        with self._lock:
            self.asked.append((operation, document))
            for fault in self._faults:
                if fault[0] == operation:
                    self._faults.remove(fault)
                    return fault[1]
        return None


def refused(code: str, status: int = 400) -> Fault:
    """DynamoDB's refusal in its protocol's form."""
    name = f"com.amazonaws.dynamodb.v20120810#{code}"
    return lambda request, send: (status, {"__type": name, "message": "refused by the test"})


def lost(request: Document, send: Send) -> None:
    """The request is done, its answer never comes."""
    send(request)


def unsent(request: Document, send: Send) -> None:
    """The request never comes."""


def half(request: Document, send: Send) -> tuple[int, Document]:
    """Half of a batch, the rest of its keys unprocessed."""
    [(table, wanted)] = request["RequestItems"].items()
    keys = wanted["Keys"]
    middle = len(keys) // 2
    some = {"RequestItems": {table: wanted | {"Keys": keys[:middle]}}}
    answer = send(request | some) if middle else {"Responses": {}}
    return 200, answer | {"UnprocessedKeys": {table: wanted | {"Keys": keys[middle:]}}}


def page_of(items: int) -> Fault:
    """A page of a query that ends after so many items."""
    return lambda request, send: (200, send(request | {"Limit": items}))


@contextmanager
def wire_to(upstream: str) -> Iterator[Wire]:
    """A wire to the DynamoDB at an address, until left."""
    wire = Wire()
    handler = type("Handler", (_Handler,), {"wire": wire, "upstream": urlsplit(upstream).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # Waited for: what is still on its way would meet the next test's table.
    server.daemon_threads = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    wire.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    wire: Wire
    upstream: str
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Sends a request on and its answer back, by the fault that it meets."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.wire.met(self.headers["X-Amz-Target"].rpartition(".")[2], request)
        met = fault(request, self._done) if fault else self._forward(request)
        if met is None:
            return  # The connection closes without an answer.
        status, answer = met
        body = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _done(self, request: Document) -> Document:
        return self._forward(request)[1]

    def _forward(self, request: Document) -> tuple[int, Document]:
        kept = ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date")
        headers = {name: value for name in kept if (value := self.headers[name])}
        connection = http.client.HTTPConnection(self.upstream, timeout=10)
        try:
            connection.request("POST", "/", json.dumps(request), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the tests' output to the tests'."""
