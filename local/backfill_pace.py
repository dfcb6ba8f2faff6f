"""The pace of backfilling: which requests scheduled runs can spare, and how long the rest takes."""

import math
from dataclasses import dataclass

from tributary.pacing import Standing
from tributary.windows import SECOND_MS

# Of the budget, for what scheduled runs need besides what is current.
_RESERVE = 0.1
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come: requests done and in all, samples that were news to the store, about how
    long the rest takes, at how many requests an hour, and for how long it waits for the next."""

    done: int
    total: int
    samples: int
    seconds_left: float
    per_hour: float
    waiting_seconds: float = 0.0

    @property
    def percent(self) -> float:
        """The done of all."""
        return 100 * self.done / self.total if self.total else 0.0


NOTHING_YET = Progress(0, 0, 0, 0.0, 0.0)


def spare(standing: Standing, living: int, every_ms: int) -> int:
    """Requests of the budget that scheduled runs, which ask about so many resources every
    `every_ms`, leave until it starts afresh.

    Where they leave none, it is a part of a tenth, as such a run takes for what is missing.
    """
    least = _reserve(standing) * every_ms // max(standing.window_ms, every_ms)
    return max(_beyond(standing, living, every_ms), min(standing.left, max(1, least)))


def per_hour(standing: Standing, living: int, every_ms: int) -> float:
    """How many requests an hour the budget spares in the long run."""
    window_ms = standing.window_ms
    whole = Standing(standing.allowed, window_ms, standing.allowed, window_ms)
    spared = max(_beyond(whole, living, every_ms), _reserve(whole), 1)
    return spared * _HOUR_SECONDS * SECOND_MS / window_ms


def _beyond(standing: Standing, living: int, every_ms: int) -> int:
    runs = standing.resets_in_ms / every_ms
    if standing.window_ms >= every_ms:
        runs = math.ceil(runs)
    return standing.left - math.ceil(living * runs) - _reserve(standing)


def _reserve(standing: Standing) -> int:
    return int(_RESERVE * standing.allowed)


def seconds_for(requests: int, standing: Standing, spared: int, hourly: float) -> float:
    """How long so many requests take: what is spared now takes next to nothing, and the rest begins
    when the budget starts afresh."""
    later = requests - spared
    if later <= 0:
        return 0.0
    return standing.resets_in_ms / SECOND_MS + later * _HOUR_SECONDS / hourly
