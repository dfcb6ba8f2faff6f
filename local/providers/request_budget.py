"""The request budget of a simulated provider: a fixed window that opens with its first request."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a budget, and when it starts afresh (Unix seconds)."""

    allowed: bool
    limit: int
    remaining: int
    resets_at: float


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a budget: when it was opened (Unix seconds), and how its requests fared."""

    opened_at: float
    allowed: int = 0
    refused: int = 0


class RequestBudget:
    """Counts requests; refuses once `limit` of them fell into one window."""

    def __init__(self, limit: int, window_seconds: int) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._windows: list[Window] = []
        self._lock = threading.Lock()

    def spend(self, now: float) -> Standing:
        """Counts a request, if there is room for it, and says where that leaves the budget."""
        with self._lock:
            if not self._windows or now >= self._windows[-1].opened_at + self._window_seconds:
                self._windows.append(Window(now))
            window = self._windows[-1]
            allowed = window.allowed < self._limit
            window = replace(
                window,
                allowed=window.allowed + allowed,
                refused=window.refused + (not allowed),
            )
            self._windows[-1] = window
            resets_at = window.opened_at + self._window_seconds
            return Standing(allowed, self._limit, self._limit - window.allowed, resets_at)

    def windows(self) -> tuple[Window, ...]:
        """Every window that was opened, oldest first: what was received, refused ones included."""
        with self._lock:
            return tuple(self._windows)
