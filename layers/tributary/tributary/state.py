"""Collection state: how far each resource is stored and published, packed by registry shard."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from tributary.errors import TributaryError
from tributary.packed import packed, unpacked
from tributary.provider import Progress
from tributary.registry import Shard
from tributary.table import Item, Key, Table
from tributary.windows import HOUR_MS

_MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at a resource failed: kind of error, message, scheduled time in ms."""

    kind: str
    message: str
    at_ms: int


def failure_of(error: TributaryError, at_ms: int) -> Failure:
    """The error as it is kept with a resource."""
    return Failure(error.kind, str(error)[:_MESSAGE_LENGTH], at_ms)


@dataclass(frozen=True, slots=True)
class Collected:
    """One resource's state; times in ms since the epoch.

    `newest_ms` is the newest stored sample and `resolution_ms` its resolution; `asked_ms` is until
    when the provider has been asked and its answers are stored. `published_ms` is
    until when CloudWatch has it, `publishing_ms` until when a run meant to send it: where the two
    differ nobody knows whether it was sent. `attempted_ms` is the last run's scheduled time, and
    `failure` what became of it if it failed. `idle` says that no samples are to be expected.
    """

    newest_ms: int | None = None
    resolution_ms: int = 0
    asked_ms: int | None = None
    published_ms: int = 0
    publishing_ms: int = 0
    attempted_ms: int = 0
    failure: Failure | None = None
    idle: bool = False

    @property
    def watermark_ms(self) -> int | None:
        """Everything before it has been collected; None before the first answer.

        That of a live resource is the end of its newest sample. A silent one's follows an hour
        behind, so that samples may still come late and yet no run asks for days again.
        """
        if self.asked_ms is None:
            return None
        live_ms = 0 if self.newest_ms is None else self.newest_ms + self.resolution_ms
        return max(min(self.asked_ms, live_ms), self.asked_ms - HOUR_MS)

    @property
    def progress(self) -> Progress | None:
        """Where the next run goes on; None before the first answer."""
        if self.watermark_ms is None:
            return None
        return Progress(self.watermark_ms - self.resolution_ms, self.resolution_ms)

    def joined(self, other: "Collected") -> "Collected":
        """Both writers' knowledge: the later attempt, and the most that either has stored.

        Of two attempts at one slot the one that succeeded counts: as after a key was renewed.
        """
        late = max(self, other, key=lambda one: (one.attempted_ms, one.failure is None))
        newest = max(self, other, key=lambda one: (one.newest_ms or 0, one.resolution_ms))
        return replace(
            late,
            newest_ms=newest.newest_ms,
            resolution_ms=newest.resolution_ms,
            asked_ms=max(self.asked_ms or 0, other.asked_ms or 0) or None,
            published_ms=max(self.published_ms, other.published_ms),
            publishing_ms=max(self.publishing_ms, other.publishing_ms),
        )


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

    @classmethod
    def from_env(cls) -> Self:
        """States in the table that the environment names."""
        return cls(Table.from_env())

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
            item = packed(state.key, {name: asdict(one) for name, one in resources.items()})
            return None if current and current.digest == item.digest else item

        final = self._table.update(state.key, joined, self._table.get(state.key))
        return _state(final) if final else state


def _state(item: Item) -> ShardState:
    account, number = item.key.pk.removeprefix("acc#"), int(item.key.sk.removeprefix("state#"))
    resources = {name: _collected(document) for name, document in unpacked(item).items()}
    return ShardState(account, number, resources)


def _collected(document: dict[str, Any]) -> Collected:
    failure = document["failure"]
    return Collected(**(document | {"failure": Failure(**failure) if failure else None}))
