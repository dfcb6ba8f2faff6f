"""A WSGI app served over HTTP/1.1 by threads of this process.

The standard library's and werkzeug's own servers close every connection after one answer; the
providers keep them open, and so does this one, so that a collector's connection pool is real.
"""

import contextlib
import io
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


def serve(app: "WSGIApplication", host: str = "127.0.0.1", port: int = 0) -> "RunningServer":
    """Serves a WSGI app, one thread per connection; port 0 takes a free one.

    Raises OSError if the address cannot be bound.
    """
    return RunningServer(app, host, port)


class ConnectionDropped(Exception):
    """Raised by an app in place of an answer: the connection is closed without one."""


class RunningServer:
    """A server that answers at `url` until it is closed."""

    def __init__(self, app: "WSGIApplication", host: str, port: int) -> None:
        self._server = _Server(app, host, port)
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=f"server of {self.url}",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening, frees the port and drops the connections that are open."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    # not HTTPServer, whose bind asks DNS for the host's name, which can take seconds
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, app: "WSGIApplication", host: str, port: int) -> None:
        self.app = app
        self._connections: set[socket.socket] = set()
        super().__init__((host, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self._connections):
            # its thread may be closing it at this moment
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # header and body are two writes; Nagle's algorithm would hold the second for 40 ms
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        try:
            response = Response.from_app(self.server.app, self._environ(), buffered=True)
        except ConnectionDropped:
            self.close_connection = True
            return
        body = response.get_data()
        # not send_response, which adds a Date of its own clock
        self.send_response_only(response.status_code)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests leave no line: the terminal belongs to the live table."""

    def _environ(self) -> "WSGIEnvironment":
        path, _, query = self.path.partition("?")
        # what is not read here would be taken for the connection's next request
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        host, port = self.server.server_address[:2]
        return {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        } | {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()
        }
