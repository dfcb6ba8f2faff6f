"""Standing: how it stands with collecting a resource: how far it came, how often, and whether its
host still has it."""

from collections.abc import Sequence
from typing import NamedTuple

from tributary.coverage import Gap
from tributary.provider import is_sporadic
from tributary.registry import Shard
from tributary.state import Collected, ShardState


class Standing(NamedTuple):
    """What state and registry say of a resource; `every_ms` and `gone_ms` as they have them, and
    `seen_ms`, when its account was last collected: what is idle or gone was so then. One that is
    `sporadic`, a job, has samples only while it runs. `imported_by_ms` is about when the account's
    history will be imported, 0 if nobody knows."""

    collected: Collected = Collected()
    every_ms: int = 0
    gone_ms: int | None = None
    seen_ms: int = 0
    sporadic: bool = False
    imported_by_ms: int = 0

    @property
    def awaited(self) -> bool:
        """Whether more samples are to come."""
        return not self.collected.idle and self.gone_ms is None

    @property
    def is_unseen(self) -> bool:
        """Whether there should be samples and have been none."""
        return self.collected.newest_ms is None and self.awaited and not self.sporadic

    @property
    def unfilled(self) -> tuple[Gap, ...]:
        """The gaps that may still be filled; none of what is gone."""
        coverage = self.collected.coverage
        return coverage.open if coverage and self.gone_ms is None else ()

    @property
    def settled_ms(self) -> int | None:
        """Before it nothing changes any more, but for older history that is imported; None before
        the first sample of a resource of which some are awaited."""
        collected, coverage = self.collected, self.collected.coverage
        if not self.awaited:
            reached_ms = self.seen_ms
        elif collected.newest_ms is None or coverage is None:
            return None
        else:
            # Before what was asked for first there is nothing that could change.
            reached_ms = max(collected.settled_ms, coverage.since_ms)
        return min([reached_ms, *(gap.start_ms for gap in self.unfilled)])


def standings(shards: Sequence[Shard], states: Sequence[ShardState]) -> dict[str, Standing]:
    """By resource, of those that have a state; `states` are the shards'."""
    seen: dict[str, int] = {}
    for state in states:
        attempts = (one.attempted_ms for one in state.resources.values())
        seen[state.account] = max([seen.get(state.account, 0), *attempts])
    entries = {name: entry for shard in shards for name, entry in shard.entries.items()}
    return {
        name: Standing(
            collected,
            state.every_ms,
            entries[name].gone_ms if name in entries else None,
            seen[state.account],
            name in entries and is_sporadic(entries[name].attributes),
            state.imported_by_ms,
        )
        for state in states
        for name, collected in state.resources.items()
    }
