"""Registration: what a run learnt of its resources, kept in the registry and the inventory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tributary.errors import TributaryError
from tributary.inventory import Inventory
from tributary.listing import Listing, reborn
from tributary.provider import Resource
from tributary.registry import RESOURCES_PER_SHARD, Entry, Registry, Shard
from tributary.report import Report
from tributary.resource_run import ResourceRun
from tributary.windows import SECOND_MS, rfc3339

# Created at another time than so close to what was said before is re-made.
_SAME_MS = SECOND_MS


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a run adds to an entry.

    Instances that ended before `forgotten_ms` have no samples any more and leave the registry,
    which deploy by deploy would outgrow its item.
    """

    run: ResourceRun
    payload: str
    fresh: bool
    forgotten_ms: int

    def entries_after(self, entry: Entry) -> Iterable[Entry]:
        """The resource's entry, and that of its next life if it turned out to be re-made."""
        details, slot_ms = self.run.details, self.run.span.slot_ms
        if details and _is_remade(entry, details.created_ms):
            yield replace(entry, gone_ms=slot_ms, described_ms=slot_ms)
            yield self._next_life(entry, details.created_ms or 0)
            return
        if self.fresh:
            attributes = dict(entry.details) | dict(self.run.resource.attributes)
            returned = entry.gone_ms is not None
            entry = replace(
                entry,
                attributes=attributes,
                payload=self.payload,
                gone_ms=None,
                # Whoever comes back may be another, which its details tell.
                described_ms=0 if returned else entry.described_ms,
            )
        if details:
            entry = self._described(entry)
        entry = replace(entry, refused=sum(self.run.refused.values()))
        entry = self.run.sightings.entry_after(entry, self.run.before, self.run.collected)
        yield entry.forgetting(self.forgotten_ms - 1)

    def _described(self, entry: Entry) -> Entry:
        details = self.run.details
        assert details  # nosec B101 # the caller has looked, and types have not
        kept = {name: one for name, one in entry.attributes.items() if name not in entry.details}
        return replace(
            entry,
            attributes=dict(details.attributes) | kept,
            details=details.attributes,
            described_ms=self.run.span.slot_ms,
            created_ms=details.created_ms or entry.created_ms,
        )

    def _next_life(self, entry: Entry, created_ms: int) -> Entry:
        identity = reborn(self.run.resource, rfc3339(created_ms))
        attributes = {**self.run.resource.attributes, "resource": identity}
        return self._described(Entry(identity, attributes, payload=entry.payload))


def _is_remade(entry: Entry, created_ms: int | None) -> bool:
    """Whether one of the same name was created at another time than the one that is known."""
    known = bool(entry.created_ms and created_ms)
    return known and abs(entry.created_ms - (created_ms or 0)) > _SAME_MS


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
    shard: Shard,
    runs: Iterable[ResourceRun],
    listing: Listing,
    slot_ms: int,
    forgotten_ms: int,
    report: Report,
) -> Shard:
    """Keeps payloads, attributes and sightings of a shard's resources, where they changed, and
    which ones the provider lists no more; returns the shard as it is then."""
    learnt = []
    for run in runs:
        name = run.resource.id
        entry = shard.entries.get(name, Entry(name, {}))
        fresh = name in listing.fresh
        payload = entry.payload
        if fresh:
            payload = _kept(inventory, shard.account, run.resource, entry, report)
        learnt.append(_Learnt(run, payload, fresh, forgotten_ms))

    def after(stored: Shard) -> Shard:
        entries = dict(stored.entries)
        for one in learnt:
            name = one.run.resource.id
            known = entries.get(name, Entry(name, one.run.resource.attributes))
            entries |= {entry.resource: entry for entry in one.entries_after(known)}
        if listing.whole:
            gone = {
                name: replace(entry, gone_ms=slot_ms)
                for name, entry in stored.entries.items()
                if entry.gone_ms is None and name not in listing.fresh
            }
            entries |= gone
        return replace(stored, entries=entries).bounded()

    return registry.save(shard, after) if after(shard) != shard else shard


def _kept(
    inventory: Inventory, account: str, resource: Resource, entry: Entry, report: Report
) -> str:
    """The digest of the payload that is kept: the old one if the new can't be stored."""
    try:
        return inventory.keep(account, resource, entry.payload)
    except TributaryError as error:
        report.failed(error, f"inventory of {resource.id}")
        return entry.payload
