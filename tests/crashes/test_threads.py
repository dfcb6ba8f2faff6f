"""A run of many threads that is killed: as in test_every_call, with several resources an account.

Which call has which number differs from time to time, so it is tried at some.
"""

from collections.abc import Iterator

import pytest

from tests.crashes import fleet
from tests.crashes.schedule import KILLED, SCHEDULE, SMALL, on_one_worker
from tests.crashes.trials import Trials, undisturbed
from tests.crashes.world import world

EVERY = 120 if SMALL else 8


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    known = undisturbed(fleet.WIDE)
    with world(fleet.WIDE, parallel=True) as new:
        yield Trials(new, known)


@pytest.mark.parametrize(
    "index",
    [on_one_worker(one) for one in (KILLED[4:5] if SMALL else KILLED)],
    ids=lambda index: str(SCHEDULE[index]),
)
def test_a_run_of_many_threads_that_is_killed_is_made_up_for(trials: Trials, index: int) -> None:
    last = len(trials.undisturbed.calls[index])
    failed = [
        trials.told(index, number, "killed at about", found)
        for number in range(last // 2 if SMALL else index % EVERY + 1, last + 1, EVERY)
        if (found := trials.killed(index, number, after=bool(number % 2), again=False))
    ]

    assert not failed, "\n".join(["", *failed])
