"""Pacing: what a run may ask for, so that the request budget holds for every resource alike."""

from dataclasses import dataclass
from typing import Self

from tributary.request_budget import BudgetWindow

# What of the budget is kept for the unforeseen (instances that ended, answers cut short) when all
# is well, and for gaps and history when it is not.
_RESERVE = 0.1
# What listing the inventory may take of it, and how often it is listed at least.
_LISTING_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's request budget: how many requests are left to us until it starts afresh, in how
    many ms that is, and how many there are in all in such a time."""

    left: int
    resets_in_ms: int
    allowed: int
    window_ms: int

    @classmethod
    def of(cls, budget: BudgetWindow, now_ms: int) -> Self:
        """As it stands for whoever has reserved nothing."""
        window_ms = budget.rule.window_ms
        resets_in_ms = budget.reset_ms(now_ms) - now_ms or window_ms
        return cls(budget.left(now_ms), resets_in_ms, budget.allowed, window_ms)

    @property
    def percent_left(self) -> float:
        """Of all the requests that there are in such a time."""
        return 100 * self.left / self.allowed


@dataclass(frozen=True, slots=True)
class Portion:
    """A run's part of the budget: requests for what is current and for what is missing; and how
    often, in ms, each resource's turn comes at that."""

    current: int
    missing: int
    every_ms: int


def portion(standing: Standing, due: int, living: int, every_ms: int) -> Portion:
    """This run's part, if so many requests are due, and the resources that should be asked every
    `every_ms` take `living`.

    Where that is more than the budget holds, it stretches for all, evenly: each run asks for as
    many as there are runs to share the rest of the budget, and those have their turn that have
    waited longest.
    """
    runs = max(1, -(-standing.resets_in_ms // every_ms))
    wanted = max(living * runs, due)
    reserve = int(_RESERVE * standing.left)
    if wanted <= standing.left - reserve:
        return Portion(due, standing.left - wanted - reserve, every_ms)
    current = max(1, (standing.left - reserve) // runs)
    stretched_ms = every_ms * max(1.0, living / current)
    missing = min(_shared(_RESERVE * standing.left / runs, runs), max(0, standing.left - current))
    return Portion(current, missing, int(stretched_ms))


def _shared(requests: float, runs: int) -> int:
    """A run's share in whole requests: where that is less than one, one in every so many runs, by
    how many there are yet to be."""
    if requests >= 1 or not requests:
        return int(requests)
    return int(runs % round(1 / requests) == 0)


def listing_every_ms(standing: Standing, requests: int, every_ms: int, most_ms: int) -> int:
    """How often an inventory that takes so many requests is to be listed: each run, unless that
    were more than a tenth of the budget; every `most_ms` in any case."""
    affordable_ms = requests * standing.window_ms / max(1.0, _LISTING_SHARE * standing.allowed)
    return min(most_ms, max(every_ms, int(affordable_ms)))
