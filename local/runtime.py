"""The built functions, each run by a few instances, as Lambda runs them: one event per instance."""

import json
import os
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from local.aws import CreatedStack
from local.environment import REGION, bare
from local.template import JSON, Function

# The largest event and the largest answer Lambda takes in a synchronous invocation.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES = 6 * 1024 * 1024


class FunctionError(Exception):
    """The function raised, ended, ran out of time or answered too much; `kind` is Lambda's word."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Busy(Exception):
    """Every instance is at work on another event."""


class Instance(Protocol):
    """One execution environment of a function."""

    def invoke(self, event: bytes) -> bytes:
        """The handler's answer as JSON.

        Raises FunctionError when there is none.
        """

    def close(self) -> None:
        """Ends the environment."""


class RunningFunction:
    """A function with its instances. Thread-safe: each event has an instance to itself."""

    def __init__(self, name: str, instances: Sequence[Instance]) -> None:
        self.name = name
        self._instances = instances
        self._free: queue.SimpleQueue[Instance] = queue.SimpleQueue()
        for instance in instances:
            self._free.put(instance)

    def invoke(self, event: JSON, wait_seconds: float) -> JSON:
        """Sends an event and returns the handler's answer.

        Raises Busy if no instance is free within the wait, FunctionError if there is no answer.
        """
        payload = json.dumps(event).encode()
        if len(payload) > PAYLOAD_BYTES:
            raise FunctionError("RequestTooLarge", f"an event of {len(payload)} bytes")
        try:
            instance = self._free.get(timeout=wait_seconds)
        except queue.Empty:
            raise Busy(self.name) from None
        try:
            answer = instance.invoke(payload)
        finally:
            self._free.put(instance)
        return json.loads(answer)

    def close(self) -> None:
        """Ends all instances."""
        for instance in self._instances:
            instance.close()


type StartInstance = Callable[[Function, Mapping[str, str]], Instance]


def start_functions(
    functions: Mapping[str, Function],
    stack: CreatedStack,
    overrides: Mapping[str, str],
    start: StartInstance,
    instances: Mapping[str, int],
) -> dict[str, RunningFunction]:
    """Starts every function: by logical id, `instances` of it (one where it is not named)."""
    return {
        name: RunningFunction(
            name,
            [
                start(function, function_environment(function, stack, overrides))
                for _ in range(instances.get(name, 1))
            ],
        )
        for name, function in functions.items()
    }


def function_environment(
    function: Function, stack: CreatedStack, overrides: Mapping[str, str]
) -> dict[str, str]:
    """What a function finds in its environment: the template's variables and Lambda's own."""
    return {
        **bare(),
        "PYTHONPATH": os.pathsep.join(map(str, (function.code, *function.layers))),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_megabytes),
        "AWS_REGION": REGION,
        **variables(function.name, stack, overrides),
    }


def variables(function: str, stack: CreatedStack, overrides: Mapping[str, str]) -> dict[str, str]:
    """The variables that the template declares for a function, as they are on this machine.

    Others among the overrides are left out, as `sam local` does.
    """
    declared = stack.environments[function]
    ours = {"AWS_ENDPOINT_URL": stack.endpoint, **overrides}
    return {**declared, **{name: value for name, value in ours.items() if name in declared}}


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)  # between two looks at the condition
    return True
