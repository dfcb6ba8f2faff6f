"""A recorder of AWS calls: stands between a function and moto, and notes what is asked of what."""

import gzip
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.parsers import RpcV2CBORParser

# The service as IAM calls it, by the first part of the operation's header.
_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "secretsmanager": "secretsmanager",
    "GraniteServiceVersion20100801": "cloudwatch",
}
_AFTER_SECONDS = 30.0


@dataclass(frozen=True)
class Call:
    """One request: the action as IAM calls it, and what it was asked of as the request names it."""

    action: str
    named: str
    parameters: Mapping[str, Any] = field(hash=False)


@contextmanager
def recorder(moto: str) -> Iterator[tuple[str, list[Call]]]:
    """An address that hands everything on to moto's, and what has come there so far."""
    calls: list[Call] = []

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Header and body are two writes; Nagle's algorithm would hold the second back for 40 ms.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            calls.append(_call(self.path, dict(self.headers), body))
            connection = http.client.HTTPConnection(urlsplit(moto).netloc, timeout=_AFTER_SECONDS)
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """What is recorded is enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()


def _call(path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """By the three ways in which these services are asked."""
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    if target := headers.get("X-Amz-Target"):
        service, _, operation = target.partition(".")
        parameters = json.loads(body)
    elif "/operation/" in path:
        service, operation = path.removeprefix("/service/").split("/operation/")
        parser = RpcV2CBORParser()
        parameters = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    else:
        given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        service, operation, parameters = "GraniteServiceVersion20100801", given["Action"], given
    # A batch of messages takes no permission of its own.
    action = operation.removesuffix("Batch") if service == "AmazonSQS" else operation
    return Call(f"{_SERVICES[service]}:{action}", _named(parameters), parameters)


def _named(parameters: Mapping[str, Any]) -> str:
    for name in ("TableName", "SecretId", "QueueUrl", "Namespace"):
        if name in parameters:
            return str(parameters[name])
    [table] = parameters["RequestItems"]
    return str(table)
