"""The signals of a simulated host at any time: history before the start, this machine since."""

from dataclasses import dataclass
from functools import lru_cache

from local.providers import history
from local.providers.load import GRID_SECONDS, LoadSource, Signal
from local.providers.traffic import Traffic

PERCENTAGES = frozenset({Signal.CPU, Signal.MEMORY, Signal.DISK_USED})
COUNTED_BY_THE_FRONT = frozenset({Signal.REQUESTS, Signal.CLIENT_ERRORS, Signal.SERVER_ERRORS})

MADE_UP_INSTANTS_PER_STEP = 6


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a load that one simulated host carries: `floor + factor x load`.

    The floor (percent) is for percentages only, which end at 100; rates and counts are
    `factor x load`. So hosts differ, and every live value can be traced to this machine's.
    """

    host: str
    factor: float
    floor: float = 0.0

    def of(self, signal: Signal, load: float) -> float:
        """This host's part of a machine's load, in the signal's unit."""
        if signal in PERCENTAGES:
            return min(100.0, self.floor + self.factor * load)
        return self.factor * load


@dataclass(frozen=True, slots=True)
class Timeline:
    """Values of signals by time, whether made up, measured or counted."""

    load: LoadSource
    traffic: Traffic

    def value(self, share: Share, signal: Signal, instant: int) -> float | None:
        """A host's signal at an instant (Unix seconds, multiple of 10); None if unmeasured."""
        if instant < self.load.live_from:
            return share.of(signal, history.value(share.host, signal, instant))
        if signal in COUNTED_BY_THE_FRONT:
            return share.of(signal, self.traffic.at(instant)[signal])
        load = self.load.at(instant)
        return None if load is None else share.of(signal, load[signal])

    def average(self, share: Share, signal: Signal, start: int, seconds: int) -> float | None:
        """The mean over [start, start + seconds); None if nothing in it was measured."""
        if start + seconds <= self.load.live_from:
            return _made_up(share, signal, start, seconds)
        values = [
            value
            for instant in range(start, start + seconds, GRID_SECONDS)
            if (value := self.value(share, signal, instant)) is not None
        ]
        return sum(values) / len(values) if values else None


# a rolling window is answered again and again, and all but its newest steps are the same
@lru_cache(maxsize=2**17)
def _made_up(share: Share, signal: Signal, start: int, seconds: int) -> float:
    """The mean of a few instants, which stand for the rest."""
    instants = range(start, start + seconds, seconds // MADE_UP_INSTANTS_PER_STEP)
    total = sum(share.of(signal, history.value(share.host, signal, each)) for each in instants)
    return total / len(instants)
