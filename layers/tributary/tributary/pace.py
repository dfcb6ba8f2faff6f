"""Pace: how often runs come, and until when each of them collects."""

import os
from dataclasses import dataclass
from typing import Self

from tributary.settings import number_from_env
from tributary.windows import FIVE_MINUTES_MS, HOUR_MS, SECOND_MS, floor_to


@dataclass(frozen=True, slots=True)
class Span:
    """A run's times in ms: scheduled for `slot_ms`, collecting until `end_ms`, both by this
    machine's clock but for the minutes by which the provider's is off."""

    slot_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a run comes, and how far collecting stays behind it.

    Providers publish their newest samples `delay_ms` late at most. Unless `fresh`, a run stops at
    a five-minute boundary, so that each raw chunk is written once.
    """

    delay_ms: int
    fresh: bool
    every_ms: int = FIVE_MINUTES_MS

    @classmethod
    def from_env(cls) -> Self:
        """DELAY_SECONDS, FRESH and INTERVAL_SECONDS; SettingsError for what is no number."""
        delay = number_from_env("DELAY_SECONDS", 60, 0, 900)
        every = number_from_env("INTERVAL_SECONDS", 300, 1, HOUR_MS // SECOND_MS)
        fresh = os.environ.get("FRESH", "0") == "1"
        return cls(int(delay * SECOND_MS), fresh, int(every * SECOND_MS))

    def span(self, slot_ms: int) -> Span:
        """What a run scheduled for `slot_ms` collects until."""
        end_ms = slot_ms - self.delay_ms
        return Span(slot_ms, end_ms if self.fresh else floor_to(FIVE_MINUTES_MS, end_ms))
