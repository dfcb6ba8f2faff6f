"""The series quota: how many new series an account may still get, against floods of instances."""

from collections.abc import Iterable
from threading import Lock

from tributary.registry import Shard
from tributary.settings import whole_number_from_env
from tributary.windows import DAY_MS

DEFAULT_NEW_SERIES = 20_000
MOST_NEW_SERIES = 10_000_000


def new_series_from_env() -> int:
    """NEW_SERIES_PER_DAY: how many series of an account may begin within 24 hours; SettingsError
    for what is no such number."""
    return whole_number_from_env("NEW_SERIES_PER_DAY", DEFAULT_NEW_SERIES, 1, MOST_NEW_SERIES)


class SeriesQuota:
    """What is left of a day's series, for the threads of one run over an account."""

    def __init__(self, series: int) -> None:
        self._left = series
        self._lock = Lock()

    @classmethod
    def of(cls, most: int, shards: Iterable[Shard], now_ms: int) -> "SeriesQuota":
        """What instances that began within the last 24 hours leave of an account's quota."""
        begun = (
            len(instance.metrics)
            for shard in shards
            for entry in shard.entries.values()
            for instance in entry.instances.values()
            if instance.first_ms >= now_ms - DAY_MS
        )
        return cls(most - sum(begun))

    def takes(self, series: int) -> bool:
        """Whether there is room for an instance of so many series, which then is taken."""
        with self._lock:
            if series > self._left:
                return False
            self._left -= series
            return True
