"""Collection state: how far each resource is stored and published, packed by registry shard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tributary.collected import Collected, Failure, failure_of
from tributary.registry import Shard
from tributary.state_codec import decode, encode
from tributary.table import Item, Key, Table

__all__ = ["Collected", "Failure", "ShardState", "States", "failure_of", "state_key"]


@dataclass(frozen=True, slots=True)
class ShardState:
    """State of the resources of one registry shard, by resource id."""

    account: str
    number: int
    resources: Mapping[str, Collected] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Where the state is stored."""
        return state_key(self.account, self.number)


def state_key(account: str, number: int) -> Key:
    """The item that holds the state of a registry shard."""
    return Key(f"acc#{account}", f"state#{number}")


class States:
    """Reads state and joins it into what is stored."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, account: str, number: int) -> ShardState:
        """One shard's state as all writes so far left it; empty before the first."""
        item = self._table.get(state_key(account, number))
        return _state(item) if item else ShardState(account, number)

    def of_shards(self, shards: Iterable[Shard]) -> dict[str, Collected]:
        """State by resource id of all resources in the shards, eventually consistent."""
        keys = [state_key(shard.account, shard.number) for shard in shards]
        return {
            resource: collected
            for item in self._table.get_many(keys).values()
            for resource, collected in _state(item).resources.items()
        }

    def join(self, state: ShardState) -> ShardState:
        """Stores the state, joined with what others stored meanwhile; returns what is stored."""

        def joined(current: Item | None) -> Item | None:
            resources = dict(state.resources)
            for resource, stored in (_state(current).resources if current else {}).items():
                mine = resources.get(resource)
                resources[resource] = stored.joined(mine) if mine else stored
            item = Item(state.key, *encode(resources))
            return None if current and current.digest == item.digest else item

        final = self._table.update(state.key, joined, self._table.get(state.key))
        return _state(final) if final else state


def _state(item: Item) -> ShardState:
    account, number = item.key.pk.removeprefix("acc#"), int(item.key.sk.removeprefix("state#"))
    return ShardState(account, number, decode(item.data))
