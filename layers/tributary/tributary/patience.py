"""Patience: how often and how long DynamoDB is asked again for what it could not do at once."""

import math
import random
import time
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from tributary.errors import OutOfTimeError

_ATTEMPTS = 8
# With pauses that double, three to six seconds in all.
_FIRST_PAUSE_SECONDS = 0.05
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_PASSING = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)
_SERVER_ERROR = 500


class Patience:
    """Asks up to eight times, with pauses that double and differ, until a deadline.

    botocore's own retries begin with pauses of up to a second, and know of no deadline but the
    number of attempts. `clock` gives seconds that only grow.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._deadline = math.inf

    def until(self, deadline: float) -> None:
        """Sets the instant of the clock from which on nothing is asked any more."""
        self._deadline = deadline

    def attempts(self) -> Iterator[int]:
        """Numbers of attempts from 0, each when it is time for it, as long as there is time.

        Raises OutOfTimeError if there was none from the beginning.
        """
        pause = 0.0
        for attempt in range(_ATTEMPTS):
            if self._clock() + pause >= self._deadline:
                if not attempt:
                    raise OutOfTimeError("the deadline came before all was asked")
                return
            if attempt:
                self._sleep(pause)
            yield attempt
            # Equal pauses of all who were refused together would have them meet again.
            jitter = random.uniform(0.5, 1)  # nosec B311 # nobody gains by guessing a pause
            pause = _FIRST_PAUSE_SECONDS * 2**attempt * jitter

    def ask[Answer](self, request: Callable[[], Answer]) -> Answer:
        """What the request answers in the end; raises what it raises, if there is no use in asking
        again or no more time, and OutOfTimeError."""
        for _ in self.attempts():
            try:
                return request()
            except (ClientError, BotoCoreError) as error:
                if not _passes(error):
                    raise
                refusal = error
        raise refusal


def _passes(error: ClientError | BotoCoreError) -> bool:
    """Whether the same request may be answered a moment later."""
    if isinstance(error, ClientError):
        answered = error.response.get("ResponseMetadata")
        failed = answered is not None and answered["HTTPStatusCode"] >= _SERVER_ERROR
        return failed or error.response["Error"]["Code"] in _PASSING
    return isinstance(error, (ConnectionError, HTTPClientError))
