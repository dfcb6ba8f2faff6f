"""Founding: a table as fifty-five minutes of collecting leave it, without collecting."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import batched

from benchmarks.deployment import Deployment
from benchmarks.fleet import VARIANTS, Fleet, number_of
from tributary.chunk import split
from tributary.codec import Encoded, encode
from tributary.packed import packed
from tributary.provider import Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Instance, Registry, Shard
from tributary.state import Collected, ShardState, States
from tributary.table import Item, Key
from tributary.windows import FIVE_MINUTES_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Tier, Window


def founded(deployment: Deployment, fleet: Fleet, hour_ms: int) -> None:
    """Registers the fleet, and stores the hour's raw chunks but the last.

    Ten thousand first runs' worth of single puts would take longer than all that is measured
    afterwards; the items are the same.
    """
    reached_ms = hour_ms + HOUR_MS - FIVE_MINUTES_MS
    deployment.now_ms = reached_ms + MINUTE_MS
    for number, resources in enumerate(
        batched(fleet.discover(), RESOURCES_PER_SHARD, strict=False)
    ):
        _register(deployment, fleet, number, resources, Window(hour_ms, reached_ms))
    deployment.put_all(_raw_chunks(deployment, fleet, Window(hour_ms, reached_ms)))


def _register(
    deployment: Deployment,
    fleet: Fleet,
    number: int,
    resources: tuple[Resource, ...],
    window: Window,
) -> None:
    account = f"{fleet.name}/{fleet.account}"
    entries = {one.id: _entry(fleet, one, window.start_ms) for one in resources}
    shard = Shard(account, number, entries)
    Registry(deployment.table).save(shard, lambda _: shard)
    newest_ms = window.end_ms - fleet.resolution_ms
    collected = Collected(
        newest_ms=newest_ms,
        resolution_ms=fleet.resolution_ms,
        asked_ms=window.end_ms,
        published_ms=newest_ms,
        publishing_ms=newest_ms,
        attempted_ms=window.end_ms + MINUTE_MS,
    )
    # Each at its own place on the grid, as the fleet's samples are.
    states = {
        one.id: replace(collected, newest_ms=_newest_ms(fleet, one, window)) for one in resources
    }
    States(deployment.table).join(ShardState(account, number, states))


def _entry(fleet: Fleet, resource: Resource, first_ms: int) -> Entry:
    columns = fleet.columns(number_of(resource), Window(first_ms, first_ms + FIVE_MINUTES_MS), 0)
    instance = columns[0].key.instance
    metrics = {column.key.metric: fleet.resolution_ms for column in columns}
    details = fleet.describe(resource)
    return Entry(
        resource.id,
        {**details, **resource.attributes},
        {instance: Instance({"container": instance}, metrics, columns[0].times[0])},
        payload=packed(Key("", ""), resource.payload).digest.hex(),
        details=details,
        described_ms=first_ms,
    )


def _newest_ms(fleet: Fleet, resource: Resource, window: Window) -> int:
    last = Window(window.end_ms - FIVE_MINUTES_MS, window.end_ms)
    return fleet.columns(number_of(resource), last, 0)[0].times[-1]


def _raw_chunks(deployment: Deployment, fleet: Fleet, window: Window) -> Iterator[Item]:
    """What each resource's runs wrote; the bytes are those of its variant."""
    variants: dict[int, list[tuple[str, Encoded]]] = {}
    expires_s = deployment.retention.end_of(Tier.RAW, window) // SECOND_MS
    for number, resource in enumerate(fleet.discover()):
        variant = number % VARIANTS
        if variant not in variants:
            variants[variant] = list(_encoded(fleet, number, window))
        for sort_key, (data, digest) in variants[variant]:
            yield Item(Key(resource.id, sort_key), data, digest, expires_s)


def _encoded(fleet: Fleet, number: int, window: Window) -> Iterator[tuple[str, Encoded]]:
    for start_ms in range(window.start_ms, window.end_ms, FIVE_MINUTES_MS):
        end_ms = start_ms + FIVE_MINUTES_MS
        columns = fleet.columns(number, Window(start_ms, end_ms), end_ms + MINUTE_MS)
        for chunk in split("", columns):
            yield chunk.sort_key, encode(chunk.columns)


def _number(resource: Resource) -> int:
    return int(resource.attributes["name"].rpartition("-")[2])
