"""What raising a retention comes to: items, units and bytes, estimated from a few that are read."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from math import ceil

from tributary.registry import Entry, Shard
from tributary.restamping import extended_s, items_in, stretch_from
from tributary.table import Item, Table
from tributary.windows import DAY_MS, AnyTier, Window, window_holding

# So many are read of each shard, and of each of their lives.
RESOURCES = 3
STRETCHES = 4

# Of an item, names and values count, a number of ten digits as 6 bytes; stored, 100 bytes more:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
_NAMES_AND_TTL_BYTES = len("pk" + "sk" + "e" + "d" + "ttl") + 6
_STORED_BYTES = 100
_WRITE_UNIT_BYTES = 1024
# A read unit is 4 KB read strongly, so 8 KB as the compactor re-stamps; a request is half of one.
_READ_UNIT_BYTES = 8192
_LEAST_READ_UNITS = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one tier: the items that a raise re-stamps, the write units that takes and the read units
    to find them, how many resources go on, and the bytes that these store a day together."""

    items: float = 0.0
    write_units: float = 0.0
    read_units: float = 0.0
    living: int = 0
    bytes_a_day: float = 0.0

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def estimated(
    table: Table, shard: Shard, tier: AnyTier, most_ms: int, kept_ms: int, now_ms: int
) -> Estimate:
    """What a raise to `kept_ms` comes to in a shard whose items are kept for at most `most_ms`.

    Its resources are taken to be alike, and the time of each to be alike throughout.
    """
    there = Window(now_ms - most_ms, now_ms)
    lives = {
        entry.resource: life.common(there)
        for entry in shard.entries.values()
        if (life := _life(entry, now_ms)).common(there).length_ms
    }
    living = sum(life.end_ms == now_ms for life in lives.values())
    sampled_ms, covered_ms, stored_bytes, found = 0, 0, 0, Estimate()
    for resource in _spread(sorted(lives), RESOURCES):
        for stretch in _spread(list(_stretches(tier, lives[resource])), STRETCHES):
            items = list(items_in(table, resource, tier, stretch))
            found += _of_items(items, tier, kept_ms, now_ms)
            sampled_ms += stretch.length_ms
            covered_ms += _windows_over(tier, stretch).length_ms
            stored_bytes += sum(item_bytes(item) + _STORED_BYTES for item in items)
    if not sampled_ms:
        return Estimate()
    share = sum(life.length_ms for life in lives.values()) / sampled_ms
    return Estimate(
        found.items * share,
        found.write_units * share,
        found.read_units * share,
        living,
        stored_bytes / covered_ms * DAY_MS * living,
    )


def item_bytes(item: Item) -> int:
    """How large an item is as DynamoDB counts."""
    keys = len(item.key.pk.encode()) + len(item.key.sk.encode())
    return keys + len(item.digest) + len(item.data) + _NAMES_AND_TTL_BYTES


def _of_items(items: Sequence[Item], tier: AnyTier, kept_ms: int, now_ms: int) -> Estimate:
    extended = [item for item in items if extended_s(item, tier, kept_ms, now_ms) is not None]
    return Estimate(
        len(extended),
        # An update costs the whole item, however little of it changes.
        sum(ceil(item_bytes(item) / _WRITE_UNIT_BYTES) for item in extended),
        max(_LEAST_READ_UNITS, sum(map(item_bytes, items)) / _READ_UNIT_BYTES),
    )


def _life(entry: Entry, now_ms: int) -> Window:
    """From a resource's first sample to its last, or now while it goes on."""
    known = [one for one in (*entry.instances.values(), entry.past) if one]
    first_ms = min((one.first_ms for one in known), default=now_ms)
    last_ms = max((now_ms if one.last_ms is None else one.last_ms for one in known), default=now_ms)
    return Window(first_ms, last_ms)


def _stretches(tier: AnyTier, life: Window) -> Iterator[Window]:
    """What the compactor goes over, stretch by stretch."""
    start_ms = life.start_ms
    while start_ms < life.end_ms:
        stretch = stretch_from(tier, start_ms, life.end_ms)
        yield stretch
        start_ms = stretch.end_ms


def _windows_over(tier: AnyTier, stretch: Window) -> Window:
    """The tier's windows that overlap a stretch: what its items are about in full."""
    first, last = (window_holding(tier, at_ms) for at_ms in (stretch.start_ms, stretch.end_ms - 1))
    return Window(first.start_ms, last.end_ms)


def _spread[T](things: Sequence[T], most: int) -> list[T]:
    """So many of the things at most, evenly from the first to the last."""
    if len(things) <= most:
        return list(things)
    return [things[place * (len(things) - 1) // (most - 1)] for place in range(most)]
