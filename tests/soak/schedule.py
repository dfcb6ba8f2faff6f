"""The schedule of a simulated week as a bad scheduler keeps it: it skips, doubles and rests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.soak.clock import MINUTE, START

_EVERY = 5 * MINUTE
_SKIPPED, _REPEATED, _TWICE_AT_ONCE = 0.03, 0.03, 0.03

# From a time on (seconds since the start) for so many seconds.
type Span = tuple[float, float]


class Times(Enum):
    """How often an event comes."""

    ONCE = 1
    AGAIN = 2
    TWICE_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Event:
    """A scheduled time and when its function really starts (Unix seconds)."""

    slot: int
    starts: float
    times: Times


def events(seconds: float, down: Sequence[Span], seed: int) -> Iterator[Event]:
    """The events of so many seconds, a minute past each five; none while the scheduler is down.

    The first and the last hour are left in peace: what they hold is compared whole.
    """
    random = Random(seed)
    for since in range(MINUTE, int(seconds), _EVERY):
        draw, late = random.random(), random.uniform(1, 45)
        if any(first <= since < first + lasting for first, lasting in down):
            continue
        calm = since < 3600 or since > seconds - 3600
        if draw < _SKIPPED and not calm:
            continue
        yield Event(START + since, START + since + late, Times.ONCE if calm else _times(draw))


def _times(draw: float) -> Times:
    if draw < _SKIPPED + _REPEATED:
        return Times.AGAIN
    return Times.TWICE_AT_ONCE if draw < _SKIPPED + _REPEATED + _TWICE_AT_ONCE else Times.ONCE
