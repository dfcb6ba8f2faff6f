"""The registry: attributes of every resource and instance, packed so that matching is one read."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tributary.columns import Origin
from tributary.packed import packed, unpacked
from tributary.table import Item, Key, Table
from tributary.windows import DAY_MS, Window, floor_to

RESOURCES_PER_SHARD = 256
# So many instances that ended are known of a shard, whose item a flood of them would outgrow: each
# takes about 35 bytes, of the 400 KB that an item holds, and all of it is put at each change.
MOST_ENDED = 4096
_PARTITION = "reg"
_DIGESTS = Key(_PARTITION, "!")


@dataclass(frozen=True, slots=True)
class Instance:
    """A container, a volume of one, or `-`.

    `metrics` gives the resolution in ms of each metric's newest sample. `first_ms` is the first
    sample's time, `last_ms` the last one's once the instance has ended, None while it lives.
    """

    attributes: Mapping[str, str]
    metrics: Mapping[str, int]
    first_ms: int
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as queries see it.

    `origins` tells, of each metric's newest samples, what the provider calls it, in what unit, and
    by which factor it was converted. `payload` is the digest of the inventory's
    payload in hex. `details` are the attributes that only a request of its own tells, as of
    `described_ms`; `attributes` has them too. `past` is what instances that are known no more had
    together: their metrics, from the first sample to the last, so that the resource's history can
    be asked for. `created_ms` is when the provider says that it was created, 0 if it does not, and
    `gone_ms` since when its list lacks the resource. `refused` is how many series of new instances
    the last run left out, because the account had too many.
    """

    resource: str
    attributes: Mapping[str, str]
    instances: Mapping[str, Instance] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    payload: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    described_ms: int = 0
    past: Instance | None = None
    created_ms: int = 0
    gone_ms: int | None = None
    refused: int = 0

    def unit_of(self, metric: str) -> str:
        """In what unit the provider tells the metric."""
        return self.origins[metric].unit if metric in self.origins else ""

    @property
    def brief(self) -> dict[str, Window]:
        """By name, the day of each instance that came and went within one."""
        return {
            name: Window(day_ms, day_ms + DAY_MS)
            for name, instance in self.instances.items()
            for day_ms in [floor_to(DAY_MS, instance.first_ms)]
            if instance.last_ms is not None and floor_to(DAY_MS, instance.last_ms) == day_ms
        }

    def forgetting(self, until_ms: int) -> "Entry":
        """The entry without the instances that ended until then."""
        return self.without(
            {
                name: instance
                for name, instance in self.instances.items()
                if instance.last_ms is not None and instance.last_ms <= until_ms
            }
        )

    def without(self, gone: Mapping[str, Instance]) -> "Entry":
        """The entry once these instances are known no more."""
        known = [one for one in (self.past, *gone.values()) if one]
        if not gone:
            return self
        past = Instance(
            {},
            {metric: length for one in known for metric, length in one.metrics.items()},
            min(one.first_ms for one in known),
            max(one.last_ms or 0 for one in known),
        )
        left = {name: one for name, one in self.instances.items() if name not in gone}
        return replace(self, instances=left, past=past)


@dataclass(frozen=True, slots=True)
class Shard:
    """Up to 256 entries of one account; the same number names their state."""

    account: str
    number: int
    entries: Mapping[str, Entry]

    @property
    def name(self) -> str:
        """`northflank/main#0`: the shard's sort key."""
        return f"{self.account}#{self.number}"

    def bounded(self) -> "Shard":
        """The shard without the instances that ended first, where there are too many that did."""
        ended = sorted(
            instance.last_ms
            for entry in self.entries.values()
            for instance in entry.instances.values()
            if instance.last_ms is not None
        )
        if len(ended) <= MOST_ENDED:
            return self
        until_ms = ended[-MOST_ENDED - 1]
        left = {name: entry.forgetting(until_ms) for name, entry in self.entries.items()}
        return replace(self, entries=left)


class Registry:
    """Reads all shards, those unchanged from memory, and writes a shard where it changed."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[str, tuple[bytes, Shard]] = {}

    def shards(self) -> list[Shard]:
        """Every account's shards: one small read, and one more for each shard that changed."""
        listed = self._listed()
        stale = [name for name, digest in listed.items() if not self._knows(name, digest)]
        for item in self._table.get_many(Key(_PARTITION, name) for name in stale).values():
            self._remember(item)
        self._known = {name: known for name, known in self._known.items() if name in listed}
        return [shard for _, shard in self._known.values()]

    def shards_of(self, account: str) -> list[Shard]:
        """The shards of `<provider>/<account>`, as all writes so far left them."""
        listed = self._table.get(_DIGESTS)
        digests: dict[str, str] = unpacked(listed) if listed else {}
        keys = [Key(_PARTITION, name) for name in digests if _owner(name) == account]
        items = [item for key in keys if (item := self._table.get(key))]
        for item in items:
            if item.digest.hex() != digests[item.key.sk]:
                self._list(item.key)  # Its writer died between storing and listing it.
        return sorted((_shard(item) for item in items), key=lambda shard: shard.number)

    def save(self, shard: Shard, change: Callable[[Shard], Shard]) -> Shard:
        """Stores `change(shard)`, or of what another writer made of it, and lists its digest."""
        key = Key(_PARTITION, shard.name)

        def changed(current: Item | None) -> Item | None:
            stored = _shard(current) if current else replace(shard, entries={})
            item = packed(key, _document(change(stored)))
            return None if current and current.digest == item.digest else item

        final = self._table.update(key, changed, self._table.get(key))
        self._list(key)
        return _shard(final) if final else shard

    def _listed(self) -> dict[str, str]:
        item = self._table.get_many([_DIGESTS]).get(_DIGESTS)
        digests: dict[str, str] = unpacked(item) if item else {}
        return digests

    def _knows(self, name: str, digest: str) -> bool:
        known = self._known.get(name)
        return known is not None and known[0].hex() == digest

    def _remember(self, item: Item) -> None:
        self._known[item.key.sk] = (item.digest, _shard(item))

    def _list(self, key: Key) -> None:
        def listed(current: Item | None) -> Item | None:
            # Read at each attempt: whoever lists last lists what is stored last.
            stored = self._table.get(key)
            digests = unpacked(current) if current else {}
            if stored is None or digests.get(key.sk) == stored.digest.hex():
                return None
            return packed(_DIGESTS, digests | {key.sk: stored.digest.hex()})

        self._table.update(_DIGESTS, listed, self._table.get(_DIGESTS))


def _owner(shard_name: str) -> str:
    return shard_name.rpartition("#")[0]


def _shard(item: Item) -> Shard:
    account, _, number = item.key.sk.rpartition("#")
    entries = {resource: _entry(resource, packed) for resource, packed in unpacked(item).items()}
    return Shard(account, int(number), entries)


def _entry(resource: str, document: dict[str, Any]) -> Entry:
    instances = {name: Instance(**packed) for name, packed in document["instances"].items()}
    past = document.get("past")
    known = {
        "instances": instances,
        "past": Instance(**past) if past else None,
        "origins": {name: Origin(*one) for name, one in document["origins"].items()},
    }
    return Entry(resource, **(document | known))


def _document(shard: Shard) -> dict[str, Any]:
    return {
        resource: {name: value for name, value in asdict(entry).items() if name != "resource"}
        for resource, entry in shard.entries.items()
    }
