"""Trials: the schedule with one run of it killed, or with a second run in its midst."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tests.crashes.calls import Calls
from tests.crashes.comparing import differences
from tests.crashes.fleet import Fleet
from tests.crashes.schedule import SCHEDULE
from tests.crashes.world import (
    PROVIDERS,
    Invocation,
    State,
    World,
    spent,
    was_in_doubt,
    world,
)

_AGAIN_SECONDS = 30
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The schedule without any trouble: the state before each run and at the end, and the calls of
    each run."""

    states: Sequence[State]
    calls: Sequence[Sequence[str]]

    @classmethod
    def of(cls, world: World) -> "Undisturbed":
        """What happens in a new world."""
        states, calls = [world.state()], []
        for invocation in SCHEDULE:
            run = Calls()
            world.run(invocation, run)
            states.append(world.state())
            calls.append(run.made)
        return cls(states, calls)


@cache
def undisturbed(fleet: Fleet) -> Undisturbed:
    """What happens in every world of a fleet, so found out once."""
    with world(fleet) as new:
        return Undisturbed.of(new)


class Trials:
    """Trials in one world, each of which says what it found that differs from the undisturbed.

    What follows on a kill depends on nothing but the state it leaves, for the process is gone: of
    kills that leave the same state, such as after one read and before the next, the rest of the
    schedule is run once.
    """

    def __init__(self, world: World, undisturbed: Undisturbed) -> None:
        self._world, self.undisturbed = world, undisturbed
        self._known: dict[tuple[object, ...], list[str]] = {}

    def killed(self, index: int, number: int, *, after: bool, again: bool) -> list[str]:
        """A run is killed at a call; it is run again for the same slot, or just for later ones."""
        calls = Calls(number, after=after)
        self._world.put_back(self.undisturbed.states[index])
        self._world.run(SCHEDULE[index], calls)
        found = [] if calls.killed else ["nothing was killed: there was no such call"]
        found += _overspent(self._world.state())
        rest = SCHEDULE[index + 1 :]
        if again:
            rest = (SCHEDULE[index], *rest)
        return found + self._after(rest, again, was_in_doubt(calls))

    def doubled(self, index: int, number: int, second: int) -> list[str]:
        """A second run, whole, comes before a call of a first takes effect."""
        within = Calls()
        # So late that no lease is left of the first; where none is shared, time would only run out.
        wait = _AGAIN_SECONDS if index == second else 0

        def meanwhile() -> None:
            late = wait + self._world.clock.now - SCHEDULE[second].time
            self._world.run(SCHEDULE[second], within, max(late, 2))

        first, start = Calls(number, meanwhile=meanwhile), min(index, second)
        self._world.put_back(self.undisturbed.states[start])
        self._world.run(SCHEDULE[index], first)
        found = [] if within.made else ["nothing came between: there was no such call"]
        found += _overspent(self._world.state())
        return found + self._after(SCHEDULE[max(index, second) + 1 :], False, True)

    def told(self, index: int, number: int, how: str, found: Sequence[str]) -> str:
        """One line for a trial that found something, and one for each difference, the first few."""
        name = self.undisturbed.calls[index][number - 1]
        head = f"{SCHEDULE[index]}, {how} call {number} ({name}):"
        return "\n  ".join([head, *found[:_SHOWN], *(["…"] if len(found) > _SHOWN else [])])

    def _after(self, rest: Sequence[Invocation], again: bool, counts_may_differ: bool) -> list[str]:
        """What differs in the end, when the rest has run on what there is."""
        passed: list[tuple[object, ...]] = []
        found: list[str] | None = None
        for done in range(len(rest) + 1):
            state = self._world.state()
            key = (len(rest) - done, again and not done, counts_may_differ, state.fingerprint)
            passed.append(key)
            found = self._known.get(key)
            if found is None and done == len(rest):
                found = [
                    *_overspent(state),
                    *differences(
                        state, self.undisturbed.states[-1], counts_may_differ=counts_may_differ
                    ),
                ]
            if found is not None:
                break
            late = _AGAIN_SECONDS if again and not done else 2
            self._world.run(rest[done], Calls(), late)
        assert found is not None
        self._known.update(dict.fromkeys(passed, found))
        return found


def _overspent(state: State) -> Iterator[str]:
    for provider in PROVIDERS:
        known = spent(state, provider)
        if known:
            sent = sum(at >= known.since for at in state.asked[provider])
            if sent > known.requests:
                yield f"{provider} was sent {sent} requests, of {known.requests} in its budget"
