"""Telling: what CloudWatch is to be told of one resource, once it is complete in the store."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tributary.columns import Column, ColumnKey, merge
from tributary.publisher import PublishRules
from tributary.statistics import Statistics, minute_statistics
from tributary.store import Store
from tributary.windows import MINUTE_MS, Window, floor_to, without


@dataclass(slots=True)
class Telling:
    """CloudWatch has been told of what is before `from_ms`, and takes nothing from before
    `oldest_ms`; what a run answers meanwhile is kept, so that it need not be read back."""

    resource: str
    store: Store
    rules: PublishRules
    from_ms: int
    oldest_ms: int
    _since_ms: int | None = None
    _columns: list[Column] = field(default_factory=list)
    _mended: list[Window] = field(default_factory=list)

    def keep(self, columns: Iterable[Column]) -> None:
        """Takes what was answered and stored, as far as it will be told."""
        self._columns += (
            rows
            for column in columns
            if self.rules.chooses(column.key)
            and (rows := column.between(self.from_ms, column.times[-1] + 1))
        )

    def current_from(self, since_ms: int) -> None:
        """What is current was answered from this instant on."""
        self._since_ms = since_ms

    def mend(self, windows: Iterable[Window]) -> None:
        """Times of gaps that are complete now."""
        self._mended += windows

    def owes(self, live_ms: int | None) -> bool:
        """Whether there are minutes of mended gaps that no later run would tell of as due."""
        return bool(self.rules.metrics and self._mended_besides(self.due(live_ms)))

    def due(self, live_ms: int | None) -> Window:
        """The minutes that are complete once all is stored up to an instant."""
        return Window(self.from_ms, max(self.from_ms, floor_to(MINUTE_MS, live_ms or 0)))

    def statistics(self, live_ms: int | None) -> list[Statistics]:
        """Those of the minutes that are due, and of gaps that were mended."""
        if not self.rules.metrics:
            return []
        due = self.due(live_ms)
        told = self._statistics_of(due, self._columns_of(due))
        for window in self._mended_besides(due):
            # The minute in which it begins was stored in part before.
            told += self._statistics_of(window, self._stored(window))
        return told

    def told(self, live_ms: int | None) -> None:
        """CloudWatch has taken everything so far."""
        self.from_ms = self.due(live_ms).end_ms
        self._columns, self._mended = [], []

    def _mended_besides(self, due: Window) -> list[Window]:
        return without(map(self._whole_minutes, self._mended), [due])

    def _columns_of(self, due: Window) -> list[Column]:
        if not due.length_ms or (self._since_ms is not None and self._since_ms <= due.start_ms):
            return self._columns
        # An earlier run stored these and died, or failed, before it published them.
        return [*self._columns, *self._stored(due)]

    def _stored(self, window: Window) -> list[Column]:
        return self.store.read(self.resource, window.start_ms, window.end_ms, self.rules.chooses)

    def _statistics_of(self, window: Window, columns: list[Column]) -> list[Statistics]:
        return minute_statistics(self.resource, _by_key(columns), window)

    def _whole_minutes(self, window: Window) -> Window:
        """What is now complete because the window is: its last minute is told by what follows."""
        start_ms = max(floor_to(MINUTE_MS, window.start_ms), self.oldest_ms)
        return Window(start_ms, max(start_ms, floor_to(MINUTE_MS, window.end_ms)))


def _by_key(columns: Iterable[Column]) -> list[Column]:
    alike: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
    for column in columns:
        alike[column.key].append(column)
    return [merge(found) for found in alike.values()]
