"""Stamps: for how long items are kept by the `ttl` they carry, and how far a raise has come."""

from dataclasses import dataclass, replace
from typing import Any, Self

from tributary.windows import HOUR_MS, MINUTE_MS

# While the stack is updated, and as long as a function lives after that, items are still put for
# the retention that was: so long after a raise was noticed no more of them come.
SETTLED_AFTER_MS = 30 * MINUTE_MS
# What has expired stays so, though DynamoDB may not have deleted it yet: it does so item by item,
# and some part of a chunk, or some chunk of a day, would be missing of what came back. For the same
# reason what expires before the next run could finish what this one began is let go as a whole:
# runs come hourly, and none lives longer than 15 minutes.
LET_GO_MS = 2 * HOUR_MS
# What expires so soon after a raise was noticed may be gone: the next run may be an hour away.
_UNSURE_MS = SETTLED_AFTER_MS + HOUR_MS + LET_GO_MS


@dataclass(frozen=True, slots=True)
class Raise:
    """A higher retention on its way to items that were put under a lower one.

    It was noticed at `at_ms`; items of windows that start before `reached_ms` have it.
    """

    to_ms: int
    at_ms: int
    reached_ms: int

    @property
    def settled_ms(self) -> int:
        """From when on it can be gone about: windows that start later are put for it anyway."""
        return self.at_ms + SETTLED_AFTER_MS


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the `ttl` of a shard's items of one tier say: that they are kept for at least `least_ms`
    after their window's end, and at most `most_ms`.

    Windows that ended before `from_ms` had expired when the retention was raised.
    """

    least_ms: int
    most_ms: int
    from_ms: int = 0
    raised: Raise | None = None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """From what `asdict` makes of them."""
        raised = document["raised"]
        return cls(**(document | {"raised": Raise(**raised) if raised else None}))

    @property
    def kept_ms(self) -> int:
        """The retention that was last seen in force."""
        return self.raised.to_ms if self.raised else self.least_ms

    def under(self, kept_ms: int, now_ms: int, first_ms: int) -> Self:
        """What is known once the compactor sees this retention in force.

        A lower one changes no item, but those put from now on have it, which a later raise must
        find. A raise begins with the oldest window of which there may be anything; `first_ms` is
        the time of the shard's first sample.
        """
        if kept_ms == self.kept_ms:
            return self
        if kept_ms <= self.least_ms:
            return replace(self, least_ms=kept_ms, raised=None)
        from_ms = now_ms - self.most_ms
        return replace(
            self,
            most_ms=max(self.most_ms, kept_ms),
            from_ms=max(self.from_ms, from_ms + _UNSURE_MS),
            raised=Raise(kept_ms, now_ms, max(first_ms, from_ms)),
        )

    def after(self, raised: Raise, until_ms: int) -> Self:
        """What is known once items of windows that start before `until_ms` have the raise, which
        is no news if another retention was seen in force meanwhile."""
        known = self.raised
        if known is None or (known.to_ms, known.at_ms) != (raised.to_ms, raised.at_ms):
            return self
        reached_ms = max(known.reached_ms, until_ms)
        if reached_ms >= known.settled_ms:
            return replace(self, least_ms=known.to_ms, raised=None)
        return replace(self, raised=replace(known, reached_ms=reached_ms))
