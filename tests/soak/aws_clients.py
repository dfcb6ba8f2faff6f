"""Clients of moto within this process: atomic as DynamoDB is, and throttled now and then."""

from collections.abc import Callable
from random import Random
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

# moto answers one request at a time, for within a process it is not atomic.
_ONE_AT_A_TIME = Lock()


class AtomicClient:
    """A client whose every operation is done before the next, of whatever thread, begins.

    `noted` is told what was asked with success. As long as `throttling`, a twentieth of what is
    asked is refused for want of capacity.
    """

    def __init__(
        self,
        client: Any,
        noted: Callable[[dict[str, Any]], None] = lambda asked: None,
        seed: int = 0,
    ) -> None:
        self.meta, self.exceptions = client.meta, client.exceptions
        self.throttling = False
        self.refused = 0
        self._client, self._noted, self._random = client, noted, Random(seed)

    def __getattr__(self, method: str) -> Any:
        operation = self.meta.method_to_api_mapping[method]

        def ask(**asked: Any) -> Any:
            with _ONE_AT_A_TIME:
                if self.throttling and self._random.random() < 0.05:
                    self.refused += 1
                    raise _throttled(operation)
                answer = getattr(self._client, method)(**asked)
                self._noted(asked)
                return answer

        return ask


def _throttled(operation: str) -> ClientError:
    error = {"Code": "ProvisionedThroughputExceededException", "Message": "too fast"}
    metadata = {"HTTPStatusCode": 400}
    return ClientError({"Error": error, "ResponseMetadata": metadata}, operation)  # type: ignore[typeddict-item]
