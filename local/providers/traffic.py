"""Requests and responses of the local HTTP front, counted in steps of ten seconds."""

import threading
import time
from collections.abc import Callable

from local.providers.load import GRID_SECONDS, REMEMBERED_SECONDS, Load, Signal


class Traffic:
    """Counts responses as they are sent; the front calls `count` once for each."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[int, dict[Signal, float]] = {}
        self._lock = threading.Lock()

    def count(self, status: int) -> None:
        """One request was answered with this HTTP status, now."""
        instant = (int(self._clock() // GRID_SECONDS) + 1) * GRID_SECONDS
        with self._lock:
            counts = self._counts.get(instant)
            if counts is None:
                counts = self._counts[instant] = _nothing()
                self._forget_before(instant - REMEMBERED_SECONDS)
            counts[Signal.REQUESTS] += 1
            if 400 <= status < 500:
                counts[Signal.CLIENT_ERRORS] += 1
            elif status >= 500:
                counts[Signal.SERVER_ERRORS] += 1

    def at(self, instant: int) -> Load:
        """The counts of the ten seconds that ended at the instant (Unix seconds)."""
        with self._lock:
            return dict(self._counts.get(instant, _nothing()))

    def _forget_before(self, oldest: int) -> None:
        while (first := next(iter(self._counts))) < oldest:
            del self._counts[first]


def _nothing() -> dict[Signal, float]:
    return dict.fromkeys((Signal.REQUESTS, Signal.CLIENT_ERRORS, Signal.SERVER_ERRORS), 0.0)
