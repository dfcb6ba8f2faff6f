"""Founding: a table as fifty-five minutes of collecting leave it, without collecting."""

from collections.abc import Iterator
from functools import partial
from itertools import batched

from benchmarks.deployment import Deployment
from benchmarks.services import VARIANTS, Services, number_in
from tributary.chunk import split
from tributary.codec import Encoded, encode
from tributary.packed import packed
from tributary.provider import Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Instance, Registry, Shard
from tributary.state import Collected, ShardState, States
from tributary.table import Item, Key
from tributary.windows import FIVE_MINUTES_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Tier, Window


def founded(deployment: Deployment, services: Services, hour_ms: int) -> None:
    """Registers the services, and stores the hour's raw chunks but the last.

    Ten thousand first runs' worth of single puts would take longer than all that is measured
    afterwards; the items are the same.
    """
    reached_ms = hour_ms + HOUR_MS - FIVE_MINUTES_MS
    deployment.now_ms = reached_ms + MINUTE_MS
    for shard in registered(deployment, services, hour_ms):
        _note(deployment, services, shard, Window(hour_ms, reached_ms))
    deployment.put_all(_raw_chunks(deployment, services, Window(hour_ms, reached_ms)))


def registered(deployment: Deployment, services: Services, first_ms: int) -> list[Shard]:
    """Registers the services as the run that saw them first does, with samples since an instant."""
    account = f"{services.name}/{services.account}"
    shards = [
        Shard(account, number, {one.id: _entry(services, one, first_ms) for one in resources})
        for number, resources in enumerate(
            batched(services.discover(), RESOURCES_PER_SHARD, strict=False)
        )
    ]
    registry = Registry(deployment.table)
    for shard in shards:
        registry.save(shard, partial(_instead, shard))
    return shards


def _instead(shard: Shard, _: Shard) -> Shard:
    return shard


def _note(deployment: Deployment, services: Services, shard: Shard, asked: Window) -> None:
    """Notes the shard's resources as collected and published, and nothing older to be had."""
    reached_ms = asked.end_ms
    last = Window(reached_ms - FIVE_MINUTES_MS, reached_ms)
    states = {
        entry.resource: Collected(
            # Each at its own place on the grid, as its samples are.
            newest_ms=services.columns(number_in(entry.attributes), last, 0)[0].times[-1],
            resolution_ms=services.resolution_ms,
            imported=100,
            published_ms=reached_ms,
            publishing_ms=reached_ms,
            attempted_ms=reached_ms + MINUTE_MS,
        ).after(asked)
        for entry in shard.entries.values()
    }
    States(deployment.table).join(ShardState(shard.account, shard.number, states))


def _entry(services: Services, resource: Resource, first_ms: int) -> Entry:
    columns = services.columns(
        number_in(resource.attributes), Window(first_ms, first_ms + FIVE_MINUTES_MS), 0
    )
    instance = columns[0].key.instance
    metrics = {column.key.metric: services.resolution_ms for column in columns}
    details = services.describe(resource)
    return Entry(
        resource.id,
        {**details.attributes, **resource.attributes},
        {instance: Instance({"container": instance}, metrics, columns[0].times[0])},
        payload=packed(Key("", ""), resource.payload).digest.hex(),
        details=details.attributes,
        described_ms=first_ms,
    )


def _raw_chunks(deployment: Deployment, services: Services, window: Window) -> Iterator[Item]:
    """What each resource's runs wrote; the bytes are those of its variant."""
    variants: dict[int, list[tuple[str, Encoded]]] = {}
    expires_s = deployment.retention.end_of(Tier.RAW, window) // SECOND_MS
    for number, resource in enumerate(services.discover()):
        variant = number % VARIANTS
        if variant not in variants:
            variants[variant] = list(_encoded(services, number, window))
        for sort_key, (data, digest) in variants[variant]:
            yield Item(Key(resource.id, sort_key), data, digest, expires_s)


def _encoded(services: Services, number: int, window: Window) -> Iterator[tuple[str, Encoded]]:
    for start_ms in range(window.start_ms, window.end_ms, FIVE_MINUTES_MS):
        end_ms = start_ms + FIVE_MINUTES_MS
        columns = services.columns(number, Window(start_ms, end_ms), end_ms + MINUTE_MS)
        for chunk in split("", columns):
            yield chunk.sort_key, encode(chunk.columns)
