"""Registration: what a run learnt of its resources, kept in the registry and the inventory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tributary.errors import FatalError, OutOfTimeError, TributaryError
from tributary.inventory import Inventory
from tributary.provider import Provider, Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Registry, Shard
from tributary.report import Report
from tributary.resource_run import ResourceRun
from tributary.windows import DAY_MS

_DESCRIBED_EVERY_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a run adds to an entry; `details` is None where nobody asked for them.

    Instances that ended before `forgotten_ms` have no samples any more and leave the registry,
    which deploy by deploy would outgrow its item.
    """

    run: ResourceRun
    payload: str
    details: Mapping[str, str] | None
    forgotten_ms: int

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
        entry = self.run.sightings.entry_after(entry, self.run.before, self.run.collected)
        return entry.without(
            {
                name: instance
                for name, instance in entry.instances.items()
                if instance.last_ms is not None and instance.last_ms < self.forgotten_ms
            }
        )


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
    forgotten_ms: int,
) -> None:
    """Keeps payloads, attributes and sightings of a shard's resources, where they changed."""
    learnt = []
    for run in runs:
        entry = shard.entries.get(run.resource.id, Entry(run.resource.id, {}))
        payload = _kept(inventory, shard.account, run.resource, entry, report)
        details = _details(provider, run, entry, report)
        learnt.append(_Learnt(run, payload, details, forgotten_ms))

    def after(stored: Shard) -> Shard:
        entries = dict(stored.entries)
        for one in learnt:
            name = one.run.resource.id
            entries[name] = one.entry_after(entries.get(name, Entry(name, {})))
        return replace(stored, entries=entries)

    if after(shard) != shard:
        registry.save(shard, after)


def _kept(
    inventory: Inventory, account: str, resource: Resource, entry: Entry, report: Report
) -> str:
    """The digest of the payload that is kept: the old one if the new can't be stored."""
    try:
        return inventory.keep(account, resource, entry.payload)
    except TributaryError as error:
        report.failed(error, f"inventory of {resource.id}")
        return entry.payload


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
    except FatalError as error:
        # Asked again tomorrow: today's answer would be the same.
        report.failed(error, f"details of {run.resource.id}")
        return entry.details
    except TributaryError as error:
        report.failed(error, f"details of {run.resource.id}")
        return None
