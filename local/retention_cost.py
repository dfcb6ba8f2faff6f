"""`make retention`: says what a raised retention will cost before it is deployed; it only reads."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError

from local import prices
from local.failure import Failure
from local.prices import usd
from local.restamping_estimate import RESOURCES, STRETCHES, Estimate, estimated
from local.user_aws import LOOKED_FOR, in_force, user_client
from tributary.errors import SettingsError, StorageError
from tributary.hours import Hours
from tributary.registry import Registry, Shard
from tributary.retention import SETTINGS, Retention, parse_days
from tributary.stamps import Stamps
from tributary.table import Table
from tributary.windows import DAY_MS, SECOND_MS, AnyTier, RollupTier, Tier

_NAMES: Mapping[AnyTier, str] = {
    Tier.RAW: "raw chunks",
    Tier.HOUR: "hour chunks",
    Tier.DAY: "day chunks",
    Tier.MONTH: "month chunks",
    RollupTier.FIVE_MINUTES: "five-minute rollups",
    RollupTier.HOUR: "hourly rollups",
    RollupTier.DAY: "daily rollups",
}
_SETTINGS = {setting.parameter: name for name, setting in SETTINGS.items()}
_USAGE = (
    "Say which table and which retention, as in make retention TABLE=tributary-Table-1AB "
    f"HourRetentionDays=120. The retentions are {', '.join(_SETTINGS)}."
)


@dataclass(frozen=True)
class Change:
    """Another retention of one tier, and what it takes where it is a longer one."""

    tier: AnyTier
    before_ms: int
    after_ms: int
    estimate: Estimate

    @property
    def once_usd(self) -> float:
        """What re-stamping costs."""
        one = self.estimate
        return (
            one.write_units * prices.WRITE_UNITS_MILLION
            + one.read_units * prices.READ_UNITS_MILLION
        ) / 1e6

    @property
    def more_gb(self) -> float:
        """What is stored besides, once there is that much."""
        return (self.after_ms - self.before_ms) / DAY_MS * self.estimate.bytes_a_day / 1e9

    @property
    def monthly_usd(self) -> float:
        """What storing that costs."""
        return self.more_gb * prices.TABLE_GB_MONTH

    def lines(self) -> Iterator[str]:
        """What it comes to, with its arithmetic."""
        before, after, one = _days(self.before_ms), _days(self.after_ms), self.estimate
        yield f"{_NAMES[self.tier]} ({self.tier.value}), kept for {after} days instead of {before}"
        if self.after_ms < self.before_ms:
            yield "  what is older is left out of answers at once, and deleted as it was to be"
            return
        each = one.write_units / one.items if one.items else 0.0
        yield (
            f"  re-stamping   {one.items:,.0f} items × {each:.2f} write units = "
            f"{one.write_units:,.0f} × {_million(prices.WRITE_UNITS_MILLION, one.write_units)}"
        )
        yield (
            f"  finding them  {one.read_units:,.0f} read units × "
            f"{_million(prices.READ_UNITS_MILLION, one.read_units)}"
        )
        yield (
            f"  keeping them  {_days(self.after_ms - self.before_ms)} days × "
            f"{one.bytes_a_day / 1e6:,.3f} MB of {_number(one.living, 'resource')} = "
            f"{self.more_gb:,.3f} GB × ${prices.TABLE_GB_MONTH} = {usd(self.monthly_usd)} a month"
        )


def main(
    arguments: Sequence[str], say: Callable[[str], None], clock: Callable[[], float] = time.time
) -> None:
    """Says what retentions that are given as `HourRetentionDays=120` would cost.

    Raises Failure for arguments or a table that can't be used.
    """
    name, days = _parsed(arguments)
    try:
        table = Table(user_client("dynamodb"), name, clock)
        shards = Registry(table).shards()
        stamps = [_stamps(Hours(table), shard) for shard in shards]
        changes = list(_changes(table, list(zip(shards, stamps, strict=True)), days, clock()))
    except (BotoCoreError, StorageError) as error:
        raise Failure(f"The table {name!r} can't be read: {error}. {LOOKED_FOR}") from error
    say(
        f"{name}: {_number(sum(len(shard.entries) for shard in shards), 'resource')} in "
        f"{_number(len(shards), 'shard')}; estimated from at most {RESOURCES} of each and "
        f"{STRETCHES} stretches of their time."
    )
    if not any(stamps):
        say("No compaction has noted what is in force yet: the defaults are taken for it.")
    for line in _answer(changes, days):
        say(line)


def _parsed(arguments: Sequence[str]) -> tuple[str, dict[str, float]]:
    """The table's name, and days by the name of a setting."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--table", default="")
    parser.add_argument("changes", nargs="*")
    try:
        given, rest = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise Failure(_USAGE) from error
    if rest or not given.table or not given.changes:
        raise Failure(_USAGE)
    return given.table, dict(map(_setting, given.changes))


def _setting(text: str) -> tuple[str, float]:
    parameter, _, days = text.partition("=")
    if parameter not in _SETTINGS:
        raise Failure(f"{text!r} is not the setting of a retention. {_USAGE}")
    try:
        return _SETTINGS[parameter], parse_days(parameter, days)
    except SettingsError as error:
        raise Failure(f"{error}.") from error


def _stamps(hours: Hours, shard: Shard) -> Mapping[str, Stamps]:
    return hours.get(shard).stamps


def _changes(
    table: Table,
    shards: Sequence[tuple[Shard, Mapping[str, Stamps]]],
    days: Mapping[str, float],
    now_s: float,
) -> Iterator[Change]:
    """Each tier whose retention would be another, also since what is made of it is."""
    before = in_force(of for _, of in shards)
    known = {name: before[setting.tiers[0]] / DAY_MS for name, setting in SETTINGS.items()}
    for tier, after_ms in Retention.of_days(**{**known, **days}).by_tier.items():
        estimate = Estimate()
        if after_ms > before[tier]:
            for shard, of in shards:
                most_ms = of[tier.value].most_ms if of else before[tier]
                estimate += estimated(table, shard, tier, most_ms, after_ms, int(now_s * SECOND_MS))
        if after_ms != before[tier]:
            yield Change(tier, before[tier], after_ms, estimate)


def _answer(changes: Sequence[Change], days: Mapping[str, float]) -> Iterator[str]:
    if not changes:
        yield "All of that is in force."
        return
    for change in changes:
        yield ""
        yield from change.lines()
    once_usd = sum(change.once_usd for change in changes)
    monthly_usd = sum(change.monthly_usd for change in changes if change.more_gb > 0)
    overrides = " ".join(f"{SETTINGS[name].parameter}={each:g}" for name, each in days.items())
    yield ""
    yield f"Together {usd(once_usd)} once, within hours or days of the deployment, and in the end"
    yield f"{usd(monthly_usd)} a month more, at prices of us-east-1 in {prices.AS_OF}. To do it:"
    yield f"Add {overrides} to parameter_overrides in samconfig.toml, then make deploy STAGE=…"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _days(length_ms: int) -> str:
    return f"{length_ms / DAY_MS:,g}"


def _million(price: float, units: float) -> str:
    return f"${price} per million = {usd(price * units / 1e6)}"


if __name__ == "__main__":
    try:
        main(sys.argv[1:], print)
    except Failure as failure:
        sys.exit(str(failure))
