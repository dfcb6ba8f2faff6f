"""Retention: how long the items of each tier are kept after the end of their window."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from tributary.errors import SettingsError
from tributary.windows import DAY_MS, AnyTier, RollupTier, Tier, Window, window_holding

MOST_DAYS = 36_500


class Setting(NamedTuple):
    """A number of days that can be set: its parameter in template.yaml, the environment variable
    that this becomes, its default, and the tiers that it is about."""

    parameter: str
    variable: str
    default: float
    tiers: tuple[AnyTier, ...]


# By the name of `of_days`' argument.
SETTINGS: Mapping[str, Setting] = {
    "raw": Setting("RawRetentionDays", "RAW_RETENTION_DAYS", 7, (Tier.RAW,)),
    "hour": Setting("HourRetentionDays", "HOUR_RETENTION_DAYS", 60, (Tier.HOUR,)),
    "coarse": Setting("CoarseRetentionDays", "COARSE_RETENTION_DAYS", 1825, (Tier.DAY, Tier.MONTH)),
    "five_minutes": Setting(
        "FiveMinuteRetentionDays", "FIVE_MINUTE_RETENTION_DAYS", 365, (RollupTier.FIVE_MINUTES,)
    ),
    "rollup": Setting(
        "RollupRetentionDays", "ROLLUP_RETENTION_DAYS", 1825, (RollupTier.HOUR, RollupTier.DAY)
    ),
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
        days = {
            "raw": raw,
            "hour": hour,
            "coarse": coarse,
            "five_minutes": five_minutes,
            "rollup": rollup,
        }
        return cls(
            {
                tier: int(length * DAY_MS)
                for name, length in days.items()
                for tier in SETTINGS[name].tiers
            }
        )

    @classmethod
    def from_env(cls) -> Self:
        """The variables of SETTINGS; a default where one is not set, SettingsError if no days."""
        return cls.of_days(
            **{
                name: parse_days(
                    setting.variable, os.environ.get(setting.variable, str(setting.default))
                )
                for name, setting in SETTINGS.items()
            }
        )

    def end_of(self, tier: AnyTier, window: Window) -> int:
        """When an item expires, in milliseconds since the epoch."""
        return window.end_ms + self.by_tier[tier]

    def kept_from(self, tier: AnyTier, now_ms: int) -> int:
        """The start of the oldest window whose item has not expired."""
        return window_holding(tier, now_ms - self.by_tier[tier]).start_ms


def parse_days(name: str, text: str) -> float:
    """A number of days from 1 to MOST_DAYS; SettingsError, which names it, otherwise."""
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"{name} is {text!r}, not a number of days from 1 to {MOST_DAYS}")
    return days
