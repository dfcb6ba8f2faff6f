"""Quota: how many requests a token may make, and what is left of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from functions.query_api.problems import TooManyRequestsError
from tributary.settings import whole_number_from_env
from tributary.table import Table
from tributary.tokens import Token
from tributary.usage import BURST_MS, Usage
from tributary.windows import HOUR_MS, SECOND_MS, floor_to

REQUESTS_PER_HOUR = 1000
BURST = 50
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """What a token may do in an hour of the clock and in ten seconds of it, the hour's at
    `hour_ms`, and what it has done."""

    requests_per_hour: int
    burst: int
    in_hour: int
    in_burst: int
    hour_ms: int
    burst_ms: int

    @property
    def remaining(self) -> int:
        """Requests left in the hour."""
        return max(0, self.requests_per_hour - self.in_hour)

    @property
    def hour_ends_ms(self) -> int:
        """When the hour's requests begin anew."""
        return self.hour_ms + HOUR_MS

    @property
    def refused_until_ms(self) -> int:
        """Until when requests are refused; 0 if they are not."""
        if self.in_hour > self.requests_per_hour:
            return self.hour_ends_ms
        return self.burst_ms + BURST_MS if self.in_burst > self.burst else 0

    @property
    def exceeded(self) -> int:
        """The limit that the request is one too many of; that of the hour where it is none."""
        in_time = self.in_hour <= self.requests_per_hour and self.in_burst > self.burst
        return self.burst if in_time else self.requests_per_hour

    def check(self) -> None:
        """TooManyRequestsError if this request is one too many."""
        until_ms = self.refused_until_ms
        if self.in_hour > self.requests_per_hour:
            raise TooManyRequestsError(
                f"The token's {self.requests_per_hour} requests of this hour are used up: send the "
                "next one when the hour is over, or ask for a token that may send more.",
                until_ms,
            )
        if until_ms:
            raise TooManyRequestsError(
                f"The token may send {self.burst} requests in 10 seconds: send the next one when "
                "these are over.",
                until_ms,
            )

    def headers(self, now_ms: int) -> Mapping[str, str]:
        """`x-ratelimit-*` of the hour, the reset in seconds from now."""
        seconds = -((now_ms - self.hour_ends_ms) // SECOND_MS)
        return {
            "x-ratelimit-limit": str(self.requests_per_hour),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(max(0, seconds)),
        }


class Quotas:
    """Counts the requests of each token against its quota."""

    def __init__(
        self, usage: Usage, requests_per_hour: int = REQUESTS_PER_HOUR, burst: int = BURST
    ) -> None:
        self._usage = usage
        self._requests_per_hour = requests_per_hour
        self._burst = burst
        self._refused: dict[str, Quota] = {}

    @classmethod
    def from_env(cls, table: Table) -> Self:
        """The quota of tokens that have none of their own: TOKEN_REQUESTS_PER_HOUR, TOKEN_BURST."""
        return cls(
            Usage(table),
            whole_number_from_env("TOKEN_REQUESTS_PER_HOUR", REQUESTS_PER_HOUR, 1, _MOST),
            whole_number_from_env("TOKEN_BURST", BURST, 1, _MOST),
        )

    def take(self, token: Token, now_ms: int) -> Quota | None:
        """What is left once this request is counted; None where it could not be counted, for then
        nobody is refused.

        What is refused until some instant is refused until then without counting.
        """
        refused = self._refused.pop(token.id, None)
        if refused and now_ms < refused.refused_until_ms:
            self._refused[token.id] = refused
            return refused
        counts = self._usage.count(token.id, now_ms)
        if counts is None:
            return None
        quota = Quota(
            token.requests_per_hour or self._requests_per_hour,
            token.burst or self._burst,
            *counts,
            floor_to(HOUR_MS, now_ms),
            floor_to(BURST_MS, now_ms),
        )
        if quota.refused_until_ms:
            self._refused[token.id] = quota
        return quota
