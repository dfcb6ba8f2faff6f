"""Answered: of which time a provider's answers held samples, and in which resolution."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tributary.columns import Column, Run
from tributary.coverage import Gap, spans
from tributary.windows import MINUTE_MS, Window, without

# What an answer may lack at either end before the rest is asked for.
_SLACK_MS = 3 * MINUTE_MS


@dataclass(slots=True)
class Answered:
    """Times of the samples that were answered, by resolution in ms, and whose they are.

    `longest` are the spans of the series that have the most samples in one answer: if it holds no
    more than so many of each, these are the ones that were cut short.
    """

    times: dict[int, set[int]] = field(default_factory=dict)
    instances: set[str] = field(default_factory=set)
    longest: list[Window] = field(default_factory=list)

    @classmethod
    def of(cls, columns: Iterable[Column]) -> "Answered":
        """What the columns of one answer show."""
        answered, axes = cls(), dict[tuple[bytes, tuple[Run, ...]], Column]()
        for column in columns:
            answered.instances.add(column.key.instance)
            axes[column.times.tobytes(), column.runs] = column
        for column in axes.values():
            for first, last, run in column.spans():
                known = answered.times.setdefault(run.resolution_ms, set())
                known.update(column.times[first:last])
        rows = max((len(column.times) for column in axes.values()), default=0)
        answered.longest = [
            Window(column.times[0], column.times[-1] + column.runs[-1].resolution_ms)
            for column in axes.values()
            if len(column.times) == rows
        ]
        return answered

    def add(self, other: "Answered") -> None:
        """Takes in what another answer shows."""
        for resolution_ms, times in other.times.items():
            self.times.setdefault(resolution_ms, set()).update(times)
        self.instances |= other.instances

    @property
    def newest_resolution_ms(self) -> int:
        """That of the newest sample."""
        newest = ((max(times), resolution_ms) for resolution_ms, times in self.times.items())
        return max(newest, default=(0, 0))[1]

    @property
    def end_ms(self) -> int:
        """When the last sample ends."""
        return max(max(times) + length_ms for length_ms, times in self.times.items())

    def covered(self, resolution_ms: int) -> list[Window]:
        """The time that samples of this resolution, or finer ones, cover."""
        fine = (length_ms for length_ms in self.times if length_ms <= resolution_ms)
        return [span for one in fine for span in spans(sorted(self.times[one]), one)]

    def gaps(self, window: Window, resolution_ms: int) -> list[Gap]:
        """What of the window is covered by samples coarser than this alone."""
        left, found = without([window], self.covered(resolution_ms)), list[Gap]()
        for length_ms in sorted(one for one in self.times if one > resolution_ms):
            coarse = spans(sorted(self.times[length_ms]), length_ms)
            parts = (part.common(span) for part in left for span in coarse)
            found += (Gap(p.start_ms, p.end_ms, length_ms) for p in parts if p.length_ms)
            left = without(left, coarse)
        return sorted(found)

    def unanswered(self, window: Window) -> list[Window]:
        """The ends of the window, before the first sample and after the last, that are too long to
        be chance."""
        inside = [common for span in self.longest if (common := span.common(window)).length_ms]
        if not inside:
            # Another range than was asked for: nor would a part of it be answered.
            return []
        first_ms = max(span.start_ms for span in inside)
        last_ms = min(span.end_ms for span in inside)
        ends = (Window(window.start_ms, first_ms), Window(last_ms, window.end_ms))
        return [end for end in ends if end.length_ms > _SLACK_MS]

    def spoken_for(self, window: Window, now_ms: int) -> Window:
        """How much of a window an answer tells about: the last of its long steps is not over yet
        while what the window ends with belongs to it."""
        recent = window.end_ms > now_ms - 2 * max(self.times, default=0)
        if not self.times or not recent or self.end_ms >= window.end_ms:
            return window
        return Window(window.start_ms, max(window.start_ms, self.end_ms))
