"""A request budget: what an account may still ask its provider for, whoever of its runs asks.

Three counts make up what is used: what the provider itself says that it has counted in its window;
what was sent since and it has not spoken of; and blocks, which runs have reserved and may send at
any time. Each request is in one of them from before it is sent until the provider has forgotten it:

    reserved → in a run's block → answered with a count: the provider's count
                                → answered without one, or not at all: unconfirmed, for a window

so that no provider counts more than is used here, be its windows fixed or sliding.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from tributary.rate_limit import RateLimit
from tributary.settings import number_from_env, whole_number_from_env
from tributary.windows import SECOND_MS, ceil_to

SHARE = 0.8
MOST_REQUESTS = 1_000_000

# The provider's seconds until its reset are whole ones, perhaps rounded down.
_ROUNDING_MS = SECOND_MS
# After a 429 that does not say how long.
_UNSAID_SECONDS = 60.0
_LONGEST_BLOCK_SECONDS = 86_400.0
# Unconfirmed requests are counted by twelfths of a window.
_STEPS = 12


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """What a provider takes as long as it does not say otherwise, and the share that is ours.

    The rest of it is left to the user's other tools.
    """

    requests: int
    seconds: int
    share: float = SHARE

    @classmethod
    def from_env(cls, variable: str, requests: int, seconds: int) -> Self:
        """The variable's number of requests in so many seconds, and BUDGET_SHARE, in percent;
        SettingsError for what is no such number."""
        share = number_from_env("BUDGET_SHARE", 100 * SHARE, 1, 100) / 100
        return cls(whole_number_from_env(variable, requests, 1, MOST_REQUESTS), seconds, share)

    @property
    def window_ms(self) -> int:
        """How long the provider counts a request."""
        return self.seconds * SECOND_MS


@dataclass(frozen=True, slots=True)
class Block:
    """Requests that a run has reserved and not yet had answered; it sends none after `until_ms`."""

    requests: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """What is known of an account's budget; methods return what is known afterwards.

    `limit` is what the provider said, if it did. It has counted `used` requests in the window that
    ends at `resets_ms`, if that is not 0. `unconfirmed` are requests by the instant at which they
    have arrived at the latest. Nothing at all is sent before `blocked_until_ms`.
    """

    rule: RequestLimit
    limit: int | None = None
    used: int = 0
    resets_ms: int = 0
    unconfirmed: tuple[tuple[int, int], ...] = ()
    blocks: Mapping[str, Block] = field(default_factory=dict)
    blocked_until_ms: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any], rule: RequestLimit) -> Self:
        """The window that `document` told of; an empty one is the budget of a new account."""
        known = dict(document)
        unconfirmed = tuple((at_ms, count) for at_ms, count in known.pop("unconfirmed", ()))
        blocks = {holder: Block(**block) for holder, block in known.pop("blocks", {}).items()}
        return cls(rule, unconfirmed=unconfirmed, blocks=blocks, **known)

    def document(self) -> dict[str, Any]:
        """What `of` reads, of which the rule is no part: it is a setting."""
        return {
            "limit": self.limit,
            "used": self.used,
            "resets_ms": self.resets_ms,
            "unconfirmed": [list(one) for one in self.unconfirmed],
            "blocks": {
                holder: {"requests": block.requests, "until_ms": block.until_ms}
                for holder, block in self.blocks.items()
            },
            "blocked_until_ms": self.blocked_until_ms,
        }

    @property
    def provider_limit(self) -> int:
        """Requests that the provider takes in a window, for all that we know."""
        return self.limit or self.rule.requests

    @property
    def allowed(self) -> int:
        """Our share of them, at least one: who sends none never learns of a better limit."""
        return max(1, math.floor(self.rule.share * self.provider_limit + 1e-9))

    def spent(self, now_ms: int) -> int:
        """How many requests may count in the provider's window, those yet to be sent included."""
        now = self.at(now_ms)
        reserved = sum(block.requests for block in now.blocks.values())
        return now.used + sum(count for _, count in now.unconfirmed) + reserved

    def left(self, now_ms: int) -> int:
        """How many more may be reserved."""
        if now_ms < self.blocked_until_ms:
            return 0
        return max(0, self.allowed - self.spent(now_ms))

    def excess(self, now_ms: int) -> int:
        """How many more are used than may be: since others use the limit too, or it is lower than
        was thought."""
        return max(0, self.spent(now_ms) - self.allowed)

    def opens_ms(self, now_ms: int) -> int:
        """The first instant from `now_ms` on at which there is something left, if nothing is sent
        until then."""
        window_ms = self.rule.window_ms
        instants = [now_ms, self.blocked_until_ms, self.resets_ms]
        instants += [at_ms + window_ms for at_ms, _ in self.unconfirmed]
        instants += [block.until_ms + window_ms for block in self.blocks.values()]
        later = sorted(instant for instant in instants if instant >= now_ms)
        return next(instant for instant in later if self.left(instant))

    def reset_ms(self, now_ms: int) -> int:
        """When the provider has forgotten all that was sent until now."""
        now = self.at(now_ms)
        ends = (at_ms + self.rule.window_ms for at_ms, _ in now.unconfirmed)
        return max(now_ms, now.resets_ms, *ends)

    def at(self, now_ms: int) -> Self:
        """The same without what the provider has forgotten by now.

        What a run had reserved is taken to have been sent when the run's time was over.
        """
        over = {holder: block for holder, block in self.blocks.items() if block.until_ms <= now_ms}
        sent = [(block.until_ms, block.requests) for block in over.values()]
        fresh = self.resets_ms <= now_ms
        return replace(
            self,
            used=0 if fresh else self.used,
            resets_ms=0 if fresh else self.resets_ms,
            unconfirmed=tuple(
                (at_ms, count)
                for at_ms, count in _added(self.unconfirmed, sent)
                if at_ms + self.rule.window_ms > now_ms
            ),
            blocks={holder: block for holder, block in self.blocks.items() if holder not in over},
        )

    def reserved(self, holder: str, requests: int, until_ms: int, now_ms: int) -> Self:
        """As many of the requests as there are left are the holder's, on top of its block."""
        now = self.at(now_ms)
        granted = min(requests, now.left(now_ms))
        if granted <= 0 or until_ms <= now_ms:
            return now
        block = Block(now.requests_of(holder) + granted, until_ms)
        return replace(now, blocks={**now.blocks, holder: block})

    def returned(self, holder: str, now_ms: int, requests: int | None = None) -> Self:
        """The holder will not send so many requests of its block, or none of them any more."""
        now = self.at(now_ms)
        block = now.blocks.get(holder)
        if not block:
            return now
        return now._with_less(holder, block, block.requests if requests is None else requests)

    def answered(self, holder: str, sent_ms: int, now_ms: int, said: RateLimit) -> Self:
        """One request of the holder's block, sent at `sent_ms`, was answered or given up now."""
        now = self.at(now_ms)
        block = now.blocks.get(holder)
        if block:
            now = now._with_less(holder, block, 1)
        if said.limit:
            now = replace(now, limit=said.limit)
        if said.remaining is not None:
            now = now._corrected(sent_ms, now_ms, said.remaining, said.reset_seconds)
        elif block:
            # One whose block's time was over is counted already.
            step_ms = max(1, self.rule.window_ms // _STEPS)
            arrived = [(ceil_to(step_ms, now_ms), 1)]
            now = replace(now, unconfirmed=_added(now.unconfirmed, arrived))
        return now._blocked(now_ms, said.wait_seconds) if said.refused else now

    def requests_of(self, holder: str) -> int:
        """How many requests the holder's block has."""
        block = self.blocks.get(holder)
        return block.requests if block else 0

    def _with_less(self, holder: str, block: Block, requests: int) -> Self:
        blocks = {**self.blocks, holder: replace(block, requests=block.requests - requests)}
        if block.requests <= requests:
            del blocks[holder]
        return replace(self, blocks=blocks)

    def _corrected(
        self, sent_ms: int, now_ms: int, remaining: int, reset_seconds: float | None
    ) -> Self:
        """With the provider's own count, which grows in a window, and the end of that window.

        Answers come in any order, so that a lower count of the same window is an older one. All
        that had arrived before this request was sent is in its count.
        """
        window_ms, longest = self.rule.window_ms, self.rule.seconds
        seconds = longest if reset_seconds is None else min(reset_seconds, longest)
        used = max(0, self.provider_limit - remaining)
        resets_ms = now_ms + math.ceil(seconds * SECOND_MS) + _ROUNDING_MS
        if self.resets_ms:
            if resets_ms < self.resets_ms - window_ms // 2:
                return self  # A late answer, of the window before.
            if resets_ms <= self.resets_ms + window_ms // 2:
                used, resets_ms = max(used, self.used), min(resets_ms, self.resets_ms)
        later = tuple(one for one in self.unconfirmed if one[0] >= sent_ms)
        return replace(self, used=used, resets_ms=resets_ms, unconfirmed=later)

    def _blocked(self, now_ms: int, seconds: float | None) -> Self:
        wait = _UNSAID_SECONDS if seconds is None else min(seconds, _LONGEST_BLOCK_SECONDS)
        until_ms = now_ms + math.ceil(wait * SECOND_MS)
        return replace(self, blocked_until_ms=max(self.blocked_until_ms, until_ms))


def _added(
    counts: Sequence[tuple[int, int]], more: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Counts by instant, oldest first."""
    total: dict[int, int] = {}
    for at_ms, count in [*counts, *more]:
        total[at_ms] = total.get(at_ms, 0) + count
    return tuple(sorted(total.items()))
