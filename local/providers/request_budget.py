"""The request budget of a simulated provider: a fixed window that opens with its first request."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a budget, and when it starts afresh (Unix seconds)."""

    allowed: bool
    limit: int
    remaining: int
    resets_at: float


class RequestBudget:
    """Counts requests; refuses once `limit` of them fell into one window."""

    def __init__(self, limit: int, window_seconds: int) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._opened_at: float | None = None
        self._spent = 0
        self._lock = threading.Lock()

    def spend(self, now: float) -> Standing:
        """Counts a request, if there is room for it, and says where that leaves the budget."""
        with self._lock:
            if self._opened_at is None or now >= self._opened_at + self._window_seconds:
                self._opened_at, self._spent = now, 0
            allowed = self._spent < self._limit
            self._spent += allowed
            resets_at = self._opened_at + self._window_seconds
            return Standing(allowed, self._limit, self._limit - self._spent, resets_at)
