"""Collection state: how far each resource is stored and published, packed by registry shard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tributary.collected import Collected, Failure, failure_of
from tributary.registry import Shard
from tributary.state_codec import Pace, decode, encode
from tributary.table import Item, Key, Table

__all__ = ["Collected", "Failure", "ShardState", "States", "failure_of", "state_key"]


@dataclass(frozen=True, slots=True)
class ShardState:
    """State of the resources of one registry shard, by resource id.

    `every_ms` is how often the account's resources are collected at present, which a request
    budget may have stretched, and `imported_by_ms` about when the history from before their first
    run will be stored; 0 where nobody knows.
    """

    account: str
    number: int
    resources: Mapping[str, Collected] = field(default_factory=dict)
    every_ms: int = 0
    imported_by_ms: int = 0

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

    def of_shards(self, shards: Iterable[Shard]) -> list[ShardState]:
        """State of those of the shards that have one, eventually consistent."""
        keys = [state_key(shard.account, shard.number) for shard in shards]
        return [_state(item) for item in self._table.get_many(keys).values()]

    def join(self, state: ShardState) -> ShardState:
        """Stores the state, joined with what others stored meanwhile; returns what is stored."""

        def joined(current: Item | None) -> Item | None:
            before = _state(current) if current else ShardState(state.account, state.number)
            resources = dict(state.resources)
            for resource, stored in before.resources.items():
                mine = resources.get(resource)
                resources[resource] = stored.joined(mine) if mine else stored
            # What the present run found is what holds at present.
            pace = Pace(
                state.every_ms or before.every_ms, state.imported_by_ms or before.imported_by_ms
            )
            item = Item(state.key, *encode(resources, pace))
            return None if current and current.digest == item.digest else item

        final = self._table.update(state.key, joined, self._table.get(state.key))
        return _state(final) if final else state


def _state(item: Item) -> ShardState:
    account, number = item.key.pk.removeprefix("acc#"), int(item.key.sk.removeprefix("state#"))
    content = decode(item.data)
    return ShardState(account, number, content.resources, *content.pace)
