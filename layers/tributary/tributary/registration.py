"""Registration: what a run learnt of its resources, kept in the registry and the inventory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tributary.errors import OutOfTimeError, TributaryError
from tributary.inventory import Inventory
from tributary.provider import Provider, Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Registry, Shard
from tributary.report import Report
from tributary.resource_run import ResourceRun
from tributary.windows import DAY_MS

_DESCRIBED_EVERY_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a run adds to an entry; `details` is None where nobody asked for them."""

    run: ResourceRun
    payload: str
    details: Mapping[str, str] | None

    def entry_after(self, entry: Entry) -> Entry:
        details = entry.details if self.details is None else self.details
        entry = replace(
            entry,
            attributes=dict(details) | dict(self.run.resource.attributes),
            payload=self.payload,
            details=details,
        )
        if self.details is not None:
            entry = replace(entry, described_ms=self.run.span.slot_ms)
        return self.run.sightings.entry_after(entry, self.run.before, self.run.collected)


def placed(
    shards: Iterable[Shard], account: str, resources: Iterable[Resource]
) -> list[tuple[Shard, list[Resource]]]:
    """Each shard with its resources: new ones go where there is room, or into a shard of their own.

    A resource never moves, since the same shard number holds its state.
    """
    places = {shard.number: (shard, list[Resource]()) for shard in shards}
    homes = {name: number for number, (shard, _) in places.items() for name in shard.entries}
    room = {
        number: RESOURCES_PER_SHARD - len(shard.entries) for number, (shard, _) in places.items()
    }
    for resource in resources:
        number = homes.get(resource.id)
        if number is None:
            number = next((one for one, left in room.items() if left > 0), len(places))
            room[number] = room.get(number, RESOURCES_PER_SHARD) - 1
        _, here = places.setdefault(number, (Shard(account, number, {}), []))
        here.append(resource)
    return [places[number] for number in sorted(places)]


def register(
    registry: Registry,
    inventory: Inventory,
    provider: Provider,
    shard: Shard,
    runs: Iterable[ResourceRun],
    report: Report,
) -> None:
    """Keeps payloads, attributes and sightings of a shard's resources, where they changed."""
    learnt = []
    for run in runs:
        entry = shard.entries.get(run.resource.id, Entry(run.resource.id, {}))
        payload = inventory.keep(shard.account, run.resource, entry.payload)
        learnt.append(_Learnt(run, payload, _details(provider, run, entry, report)))

    def after(stored: Shard) -> Shard:
        entries = dict(stored.entries)
        for one in learnt:
            name = one.run.resource.id
            entries[name] = one.entry_after(entries.get(name, Entry(name, {})))
        return replace(stored, entries=entries)

    if after(shard) != shard:
        registry.save(shard, after)


def _details(
    provider: Provider, run: ResourceRun, entry: Entry, report: Report
) -> Mapping[str, str] | None:
    """Region and plan, asked for when a resource is first seen and daily, if there is time."""
    if run.span.slot_ms - entry.described_ms < _DESCRIBED_EVERY_MS:
        return None
    try:
        return provider.describe(run.resource)
    except OutOfTimeError:
        return None
    except TributaryError as error:
        report.failed(error, f"details of {run.resource.id}")
        return None
