"""Servers: a peer running on a loopback port of its own, asked over one connection."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

from local.failure import Failure
from local.processes import Processes

_READY_SECONDS = 60.0
_BETWEEN_POLLS_SECONDS = 0.05
_ANSWER_SECONDS = 300.0
_PORT_TRIES = 3
HOST = "127.0.0.1"


class Client:
    """Requests to one server, one after the other over a connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)

    def get(
        self, path: str, parameters: Mapping[str, object] | None = None, encoding: str = "identity"
    ) -> bytes:
        """The body of the answer, as it was sent; Failure if it is not a success."""
        target = f"{path}?{urlencode(parameters)}" if parameters else path
        return self._ask("GET", target, None, {"Accept-Encoding": encoding})

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer; Failure if it is not a success."""
        return self._ask("POST", path, body, {})

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _ask(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        self._connection.request(method, target, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        if response.status // 100 != 2:
            said = content.decode(errors="replace").strip()
            raise Failure(f"{method} {target.partition('?')[0]}: {response.status} {said}")
        return content


@contextmanager
def running(
    command: Sequence[str | Path], listen: str, health: str, folder: Path
) -> Iterator[Client]:
    """A server while it is needed: `listen` is the option that takes its address, `health` the
    path that answers once it is ready. Its log is in the folder. Raises Failure."""
    with Processes() as processes, (folder / "server.log").open("ab") as log:
        for _ in range(_PORT_TRIES):
            port = _free_port()
            child = processes.start([*command, f"{listen}{HOST}:{port}"], os.environ, folder, log)
            if _is_ready(child, port, health):
                break
            processes.end(child)
        else:
            raise Failure(f"{Path(command[0]).name} does not start: {_last_line(folder)}")
        client = Client(port)
        try:
            yield client
        finally:
            client.close()


def _is_ready(child: "subprocess.Popen[bytes]", port: int, health: str) -> bool:
    """False if the server ended, as it does where another took its port, or is never ready."""
    deadline = time.monotonic() + _READY_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        client = Client(port)
        try:
            client.get(health)
        except (OSError, HTTPException, Failure):
            time.sleep(_BETWEEN_POLLS_SECONDS)
        else:
            return True
        finally:
            client.close()
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _last_line(folder: Path) -> str:
    lines = (folder / "server.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it logged nothing"
