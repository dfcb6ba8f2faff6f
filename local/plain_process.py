"""Instances without the emulator: the same handlers, each in a plain Python process of its own."""

import json
import selectors
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from local.processes import Processes
from local.runtime import PAYLOAD_BYTES, FunctionError
from local.template import Function

_HOST = Path(__file__).with_name("handler_host.py")


class PlainInstance:
    """A process that keeps a handler loaded; ended and started anew when it runs out of time."""

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        processes: Processes,
        log: IO[bytes],
    ) -> None:
        self._function = function
        self._environment = environment
        self._processes = processes
        self._log = log
        self._start()

    def invoke(self, event: bytes) -> bytes:
        """The handler's answer; raises FunctionError when there is none."""
        if self._child.poll() is not None:
            self._restart()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(event + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise FunctionError("Runtime.ExitError", "the process ended between events") from error
        return _answer(self._next_line())

    def close(self) -> None:
        """Ends the process."""
        self._processes.end(self._child)

    def _start(self) -> None:
        self._child = self._processes.start(
            # -P: neither this folder nor the checkout on the handler's path; -u: its log current
            [sys.executable, "-P", "-B", "-u", _HOST, self._function.handler],
            self._environment,
            self._function.code,
            self._log,
            piped=True,
        )

    def _restart(self) -> None:
        self.close()
        self._start()

    def _next_line(self) -> bytes:
        """The line the process answers with, or a FunctionError when time runs out or it ends."""
        assert self._child.stdout is not None
        seconds = self._function.timeout_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self._restart()
                raise FunctionError(
                    "Sandbox.Timedout", f"Task timed out after {seconds}.00 seconds"
                )
        line = self._child.stdout.readline()
        if not line:
            status = self._child.wait()
            raise FunctionError("Runtime.ExitError", f"exit status {status}")
        return line


def _answer(line: bytes) -> bytes:
    answer, error = json.loads(line)
    if error:
        raise FunctionError(error["errorType"], error["errorMessage"])
    body = json.dumps(answer).encode()
    if len(body) > PAYLOAD_BYTES:
        raise FunctionError("Function.ResponseSizeTooLarge", f"an answer of {len(body)} bytes")
    return body
