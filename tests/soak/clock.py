"""The clock of a simulated week, on which waiting takes no time."""

from threading import Lock

# 2026-11-22T10:00:00Z, a Sunday.
START = 1_795_341_600
MINUTE, HOUR, DAY = 60, 3600, 86_400


class Clock:
    """Stands until it is set or somebody sleeps; never goes back. May be used by many threads."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._lock = Lock()

    def __call__(self) -> float:
        """Unix seconds."""
        return self._now

    @property
    def now_ms(self) -> int:
        """The same in whole milliseconds."""
        return int(self._now * 1000)

    def at_least(self, instant: float) -> None:
        """Sets it forward to an instant, unless it is past that."""
        with self._lock:
            self._now = max(self._now, instant)

    def sleep(self, seconds: float) -> None:
        """Lets time pass; those who sleep at once do so side by side."""
        self.at_least(self._now + seconds)

    def off_by(self, seconds: float) -> "OffClock":
        """The clock of a provider that is ahead by so much."""
        return OffClock(self, seconds)


class OffClock:
    """Another clock and some seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def __call__(self) -> float:
        """Unix seconds."""
        return self._clock() + self._seconds
