"""Retention: how long the items of each tier are kept after the end of their window."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tributary.windows import DAY_MS, AnyTier, RollupTier, Tier, Window, window_holding

# By tier: the parameter of template.yaml's environment variable, and its default in days.
VARIABLES: Mapping[str, tuple[str, float]] = {
    "raw": ("RAW_RETENTION_DAYS", 7),
    "hour": ("HOUR_RETENTION_DAYS", 60),
    "coarse": ("COARSE_RETENTION_DAYS", 1825),
    "five_minutes": ("FIVE_MINUTE_RETENTION_DAYS", 365),
    "rollup": ("ROLLUP_RETENTION_DAYS", 1825),
}


@dataclass(frozen=True, slots=True)
class Retention:
    """How many milliseconds after a window's end its item is kept, by tier."""

    by_tier: Mapping[AnyTier, int]

    @classmethod
    def of_days(
        cls,
        raw: float = 7,
        hour: float = 60,
        coarse: float = 1825,
        five_minutes: float = 365,
        rollup: float = 1825,
    ) -> Self:
        """Days for five-minute chunks, hour chunks, chunks of coarser samples, rollups of five
        minutes, and those of an hour and a day.

        What is made of others is kept at least as long as they are, since it is made anew of them
        when they change.
        """
        five_minutes = max(five_minutes, hour)
        rollup = max(rollup, five_minutes)
        days: dict[AnyTier, float] = {
            Tier.RAW: raw,
            Tier.HOUR: hour,
            Tier.DAY: coarse,
            Tier.MONTH: coarse,
            RollupTier.FIVE_MINUTES: five_minutes,
            RollupTier.HOUR: rollup,
            RollupTier.DAY: rollup,
        }
        return cls({tier: int(length * DAY_MS) for tier, length in days.items()})

    @classmethod
    def from_env(cls) -> Self:
        """The variables of VARIABLES; a default where one is not set."""
        return cls.of_days(
            **{
                name: float(os.environ.get(variable, default))
                for name, (variable, default) in VARIABLES.items()
            }
        )

    def end_of(self, tier: AnyTier, window: Window) -> int:
        """When an item expires, in milliseconds since the epoch."""
        return window.end_ms + self.by_tier[tier]

    def kept_from(self, tier: AnyTier, now_ms: int) -> int:
        """The start of the oldest window whose item has not expired."""
        return window_holding(tier, now_ms - self.by_tier[tier]).start_ms
