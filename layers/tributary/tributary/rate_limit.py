"""The request limit as a provider's answers tell of it, and waiting where they ask for it."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol

from tributary.errors import RateLimitedError, TributaryError

# Nothing is sent later than this before the end of a run's time.
LEAST_SECONDS = 1.0
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is one provider's own in how its answers speak of limits and errors.

    `seconds_until_reset` reads an `X-RateLimit-Reset` header, given the provider's time in Unix
    seconds; None if it can't be read. `errors` says, by status and the error document's code, what
    to do where the status alone would mislead.
    """

    provider: str
    seconds_until_reset: Callable[[str, float], float | None]
    errors: Mapping[tuple[int, str], type[TributaryError]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one answer says of the request limit; None where it says nothing.

    `limit` requests are taken in a window, `remaining` more of them until it ends in
    `reset_seconds`. `refused` is a 429, and `wait_seconds` how long the provider asks to wait.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
    refused: bool = False
    wait_seconds: float | None = None

    @classmethod
    def of(
        cls, status: int, headers: Mapping[str, str], dialect: Dialect, now: float
    ) -> "RateLimit":
        """What headers, whose names may be in any case, say at the provider's time."""
        reset = headers.get("X-RateLimit-Reset", "").strip()
        seconds = dialect.seconds_until_reset(reset, now) if reset else None
        asked = _retry_after(headers.get("Retry-After", "").strip(), now)
        return cls(
            _count(headers.get("X-RateLimit-Limit", "")),
            _count(headers.get("X-RateLimit-Remaining", "")),
            seconds,
            status == _TOO_MANY_REQUESTS,
            seconds if asked is None else asked,
        )


NOTHING_SAID = RateLimit()


class Gate(Protocol):
    """Who says when a client may send."""

    def take(self, asked: str, seconds_left: float) -> int:
        """Waits until one request may be sent, which counts as sent at the instant returned.

        Raises RateLimitedError or OutOfBudgetError, which say that what is `asked` was not sent,
        where that would come less than a second before all seconds are over.
        """

    def heard(self, sent: int, said: RateLimit) -> None:
        """Notes the answer to a request that was taken at `sent`: without an answer, nothing said.

        To be called once for each that was taken.
        """


class Pauses:
    """A gate without a budget: open until the provider says that it takes no more for a while."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._resume_at = -math.inf
        self._lock = threading.Lock()

    def take(self, asked: str, seconds_left: float) -> int:
        """As `Gate` has it."""
        pause = self._resume_at - self._clock()
        if pause > 0:
            if pause + LEAST_SECONDS > seconds_left:
                raise RateLimitedError(
                    f"{asked} not sent: its request limit is used up for {pause:.0f} s", pause
                )
            self._sleep(pause)
        return 0

    def heard(self, sent: int, said: RateLimit) -> None:
        """As `Gate` has it."""
        used_up = said.refused or said.remaining == 0
        if used_up and said.wait_seconds is not None:
            with self._lock:
                self._resume_at = self._clock() + said.wait_seconds


def http_date(text: str) -> float | None:
    """A Date header's Unix seconds, None if it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _count(header: str) -> int | None:
    text = header.strip()
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _retry_after(header: str, now: float) -> float | None:
    if header.isdecimal():
        return float(header)
    date = http_date(header)
    return None if date is None else max(0.0, date - now)
