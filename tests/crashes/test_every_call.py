"""Killed at any call, or run twice at once, collecting and compacting end in the same state.

At some calls of each run, or with SMALL=0 at every one (`make soak`).
"""

from collections.abc import Iterator

import pytest

from tests.crashes import fleet
from tests.crashes.schedule import DOUBLED, KILLED, SCHEDULE, SMALL, numbers, on_one_worker
from tests.crashes.trials import Trials, undisturbed
from tests.crashes.world import world

EVERY = 67 if SMALL else 1


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    known = undisturbed(fleet.SMALL)
    with world(fleet.SMALL) as new:
        yield Trials(new, known)


@pytest.mark.parametrize("again", [False, True], ids=["next slot", "same slot"])
@pytest.mark.parametrize(
    "index", [on_one_worker(one) for one in KILLED], ids=lambda index: str(SCHEDULE[index])
)
def test_a_run_that_is_killed_at_any_call_is_made_up_for(
    trials: Trials, index: int, again: bool
) -> None:
    failed = [
        trials.told(index, number, "killed after" if after else "killed before", found)
        for number in numbers(trials.undisturbed.calls, index, EVERY, SMALL and not again)
        for after in (False, True)
        if (found := trials.killed(index, number, after=after, again=again))
    ]

    assert not failed, "\n".join(["", *failed])


@pytest.mark.parametrize(
    ("index", "second"),
    [on_one_worker(*runs) for runs in DOUBLED],
    ids=lambda index: str(SCHEDULE[index]),
)
def test_a_second_run_at_any_call_of_a_first_changes_nothing(
    trials: Trials, index: int, second: int
) -> None:
    failed = [
        trials.told(index, number, f"{SCHEDULE[second]} at", found)
        for number in numbers(trials.undisturbed.calls, index, EVERY, False)
        if (found := trials.doubled(index, number, second))
    ]

    assert not failed, "\n".join(["", *failed])
