"""The HTTP server on this machine that stands where API Gateway's would."""

import os
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.failure import Failure
from local.gateway import BODY_BYTES, Gateway, refuse
from local.payload import Request, Response

HOST = "127.0.0.1"
_IDLE_SECONDS = 75.0


def reserve(port: int) -> socket.socket:
    """Takes the port before anything else is set up; 0 takes a free one.

    Raises Failure if it is taken.
    """
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise Failure(
            f"Port {port} cannot be used ({os.strerror(error.errno or 0)}): free it, or choose"
            f" another: PORT={port + 1} make run."
        ) from error


class Front:
    """Serves a gateway on a reserved port until closed; `answered` is told each status."""

    def __init__(
        self, listener: socket.socket, gateway: Gateway, answered: Callable[[int], None]
    ) -> None:
        self._server = _Server(listener, gateway, answered)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="front",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.gateway.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, gateway: Gateway, answered: Callable[[int], None]
    ) -> None:
        super().__init__(listener.getsockname(), _Exchange, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_port = listener.getsockname()[1]
        self.gateway = gateway
        self.answered = answered


class _Exchange(BaseHTTPRequestHandler):
    """Reads a request, asks the gateway, writes its answer."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "tributary-local"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # headers and body in one write

    def answer(self) -> None:
        body = self._read_body()
        if body is None:
            return
        request = Request(
            method=self.command,
            target=self.path,
            protocol=self.request_version,
            headers=self.headers.items(),
            body=body,
            source_ip=self.client_address[0],
        )
        self._send(self.server.gateway.answer(request))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_<method>` of any: the route of ANY has all, and its function says what of it."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Malformed requests are answered in API Gateway's words too."""
        self.close_connection = True
        self._send(refuse(HTTPStatus(code)))

    def log_message(self, format: str, *args: object) -> None:
        """No line per request: the terminal belongs to the live table."""

    def _read_body(self) -> bytes | None:
        """The body, or None when the request has been refused for it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif not length.isdecimal():
            self.send_error(HTTPStatus.BAD_REQUEST)
        elif int(length) > BODY_BYTES:
            self.send_error(HTTPStatus.CONTENT_TOO_LARGE)
        else:
            return self.rfile.read(int(length))
        return None

    def _send(self, response: Response) -> None:
        self.server.answered(response.status)
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.send_header("content-length", str(len(response.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()
