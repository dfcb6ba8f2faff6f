"""Runs a handler for `local.plain_process`: an event a line in, [answer, error] a line out."""

import importlib
import json
import os
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any


class Context:
    """What a handler sees of its invocation, under Lambda's names."""

    def __init__(self) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
        self.invoked_function_arn = (
            f"arn:aws:lambda:{os.environ['AWS_REGION']}:123456789012:function:{self.function_name}"
        )
        self.aws_request_id = str(uuid.uuid4())
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        timeout_seconds = int(os.environ["AWS_LAMBDA_FUNCTION_TIMEOUT"])
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main() -> None:
    """Answers events until stdin closes; what the handler prints goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    handler: Callable[[Any, Context], Any] | None = None
    for line in sys.stdin:
        try:
            handler = handler or _load(sys.argv[1])
            answer = [handler(json.loads(line), Context()), None]
            encoded = json.dumps(answer)
        except Exception as error:  # at the process's edge, as Lambda's own runtime does
            traceback.print_exc()
            encoded = json.dumps(
                [None, {"errorType": type(error).__name__, "errorMessage": str(error)}]
            )
        print(encoded, file=answers, flush=True)


def _load(name: str) -> Callable[[Any, Context], Any]:
    module, _, attribute = name.rpartition(".")
    handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(module), attribute)
    return handler


if __name__ == "__main__":
    main()
