"""Instances under AWS's Lambda runtime emulator, on a Python that holds what Lambda's does."""

import http.client
import json
import socket
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from local.build import ROOT
from local.environment import architecture
from local.failure import Failure
from local.processes import Processes
from local.runtime import FunctionError, wait_until
from local.template import Function

PYTHON = ROOT / ".runtime" / "bin" / "python"
_START_SECONDS = 10.0
# Beyond the function's own timeout, which the emulator enforces.
_ANSWER_SECONDS = 30.0


def runs_here() -> bool:
    """Whether AWS has made the emulator for this machine."""
    return sys.platform == "linux"


class EmulatedInstance:
    """The emulator with awslambdaric and one function; it restarts the handler as Lambda does."""

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        processes: Processes,
        log: IO[bytes],
    ) -> None:
        self._timeout_seconds = function.timeout_seconds + _ANSWER_SECONDS
        self._port, runtime_port = _free_ports()
        self._processes = processes
        self._child = processes.start(
            [
                _emulator(),
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{self._port}",
                "--runtime-api-address",
                f"127.0.0.1:{runtime_port}",
                PYTHON,
                "-m",
                "awslambdaric",
                function.handler,
            ],
            environment,
            function.code,  # Lambda's working directory too, and so first on sys.path
            log,
        )
        if not wait_until(self._listens, _START_SECONDS):
            raise Failure(f"the Lambda runtime emulator did not start ({log.name})")

    def invoke(self, event: bytes) -> bytes:
        """The handler's answer; raises FunctionError when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, self._timeout_seconds)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", event)
            response = connection.getresponse()
            return _answer(response.status, response.read())
        except OSError as error:
            raise FunctionError("Runtime.ExitError", f"no answer from the emulator: {error}") from (
                error
            )
        finally:
            connection.close()

    def close(self) -> None:
        """Ends the emulator and the handler."""
        self._processes.end(self._child)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def _answer(status: int, body: bytes) -> bytes:
    # Lambda marks a failure with a header, X-Amz-Function-Error; the emulator only with its shape.
    if body.startswith(b"Task timed out"):
        raise FunctionError("Sandbox.Timedout", body.decode())
    answer = json.loads(body)
    if isinstance(answer, dict) and "errorMessage" in answer and "errorType" in answer:
        raise FunctionError(answer["errorType"], answer["errorMessage"])
    if status != http.client.OK:
        raise FunctionError("Runtime.Unknown", f"the emulator answered {status}")
    return body


def _emulator() -> Path:
    package = find_spec("samcli")
    if package is None or package.origin is None:
        raise Failure("the Lambda runtime emulator is missing: it comes with aws-sam-cli")
    name = f"aws-lambda-rie-{architecture()}"
    return Path(package.origin).parent / "local" / "rapid" / name


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
