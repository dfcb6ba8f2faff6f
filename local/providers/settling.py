"""How a simulator's newest samples settle: some turn up late, some are revised after first served.

Both go by the sample's own time, so that what was served once stays served, and what an answer
holds depends on nothing but when it is asked.
"""

from dataclasses import dataclass
from zlib import crc32

from local.providers.history import noise
from local.providers.load import Signal
from local.providers.occasion import ALWAYS, Occasion
from local.providers.timeline import PERCENTAGES

LATE, REVISED, BY_HOW_MUCH = 1, 2, 3
AT_MOST = 0.05


@dataclass(frozen=True, slots=True)
class Provisional:
    """Samples that fall into an occasion by their time, until they are so many seconds old."""

    seconds: float = 150.0
    occasion: Occasion = ALWAYS


@dataclass(frozen=True, slots=True)
class Settling:
    """What becomes of samples while they are new. `started` (Unix s) is when occasions count from.

    `late` ones are not there yet; `revised` ones are up to a twentieth more or less than what is
    served later, anew each minute, as if the provider were still adding up.
    """

    started: float
    late: Provisional | None = None
    revised: Provisional | None = None
    seed: int = 0

    def is_there(self, host: str, ts: int, end: int, now: int) -> bool:
        """Whether a sample of a time, complete at its end, is served by now (ms)."""
        return not self._concerns(self.late, LATE, host, ts, end, now)

    def value(self, value: float, signal: Signal, host: str, ts: int, end: int, now: int) -> float:
        """A sample's value as served now (ms), in the signal's unit."""
        if not self._concerns(self.revised, REVISED, host, ts, end, now):
            return value
        by = noise(self._key(BY_HOW_MUCH, host), ts // 1000 + now // 60_000) * AT_MOST
        revised = value * (1 + by)
        return min(100.0, revised) if signal in PERCENTAGES else revised

    def _concerns(
        self, which: Provisional | None, purpose: int, host: str, ts: int, end: int, now: int
    ) -> bool:
        if which is None or now - end >= which.seconds * 1000:
            return False
        draw = (noise(self._key(purpose, host), ts // 1000) + 1) / 2
        return which.occasion.strikes(ts / 1000 - self.started, draw)

    def _key(self, purpose: int, host: str) -> int:
        return crc32(f"{self.seed}/{purpose}/{host}".encode())
