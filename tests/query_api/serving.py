"""What a provider answered, collected as its collector collects it, and asked for again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tests.query_api.conftest import World
from tributary.chunk import split
from tributary.collected import Collected
from tributary.provider import Json, Normalised, Resource
from tributary.registry import Entry, Shard
from tributary.sighting import Sightings
from tributary.windows import SECOND_MS, Window, parse_rfc3339

GOLDEN = Path(__file__).parent.parent / "golden"


class Adapter(Protocol):
    """The part of a provider's adapter that reads its answers."""

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised: ...


def golden(provider: str, case: str) -> Any:
    """The body of a golden case's answer."""
    return json.loads((GOLDEN / provider / case / "answer.json").read_text())["body"]


def store(world: World, adapter: Adapter, resource: Resource, answers: Iterable[Json]) -> None:
    """Stores answers, each in its turn, and what a run that got them knows of the resource."""
    seen_ms = int(world.now * SECOND_MS)
    sightings, newest_ms, resolution_ms = Sightings(), 0, 0
    for answer in answers:
        normalised = adapter.normalise(resource, answer, seen_ms)
        sightings.add(normalised.columns, normalised.instances)
        for column in normalised.columns:
            newest_ms = max(newest_ms, column.times[-1])
            resolution_ms = max(resolution_ms, column.runs[-1].resolution_ms)
        for chunk in split(resource.id, normalised.columns):
            world.store.write(chunk, expected=True)
    after = Collected(newest_ms or None, resolution_ms or 60_000)
    after = after.after(Window(seen_ms - 3_600_000, seen_ms))
    entry = sightings.entry_after(Entry(resource.id, resource.attributes), Collected(), after)
    enter(world, entry, resource.payload)
    world.collected_as(resource.id, after)


def enter(world: World, entry: Entry, payload: Mapping[str, Json]) -> None:
    """Registers a resource in its account's shard, with what its provider's list says of it."""
    account = "/".join(entry.resource.split("/")[:2])
    known = Resource(entry.resource, "", entry.attributes, payload)
    kept = replace(entry, payload=world.inventory.keep(account, known, ""))
    shard = Shard(account, 0, {})

    def entered(stored: Shard) -> Shard:
        return replace(stored, entries={**stored.entries, entry.resource: kept})

    world.registry.save(shard, entered)


def at(world: World, instant: str) -> None:
    """Sets the clock of everything."""
    world.now = parse_rfc3339(instant) / SECOND_MS
