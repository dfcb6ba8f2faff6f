"""When a fault strikes: in episodes by the clock, and in these by chance."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occasion:
    """From a time on (seconds since the simulator's start), for so long, and again every so long.

    Without any of them it is always, before the start too. `probability` is how much is struck of
    what falls into it.
    """

    probability: float = 1.0
    first_seconds: float = 0.0
    lasting_seconds: float = math.inf
    every_seconds: float = math.inf

    def strikes(self, elapsed: float, draw: float) -> bool:
        """Whether it strikes so many seconds after the start; `draw` is a number in [0, 1)."""
        return self.seconds_left(elapsed) > 0 and draw < self.probability

    def seconds_left(self, elapsed: float) -> float:
        """How long the present episode still lasts; 0 if there is none."""
        if not self.first_seconds and math.isinf(self.lasting_seconds):
            return math.inf
        into = elapsed - self.first_seconds
        if into < 0:
            return 0.0
        if math.isfinite(self.every_seconds):
            into %= self.every_seconds
        return max(0.0, self.lasting_seconds - into)

    def __str__(self) -> str:
        words = []
        if self.probability < 1:
            words.append(f"{self.probability:.0%} by chance")
        if self.first_seconds or math.isfinite(self.lasting_seconds):
            words.append(f"from minute {self.first_seconds / 60:g}")
        if math.isfinite(self.lasting_seconds):
            words.append(f"for {self.lasting_seconds / 60:g} min")
        if math.isfinite(self.every_seconds):
            words.append(f"every {self.every_seconds / 60:g} min")
        return ", ".join(words) or "always"


ALWAYS = Occasion()
