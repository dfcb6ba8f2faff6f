"""Coverage: of which time a resource's samples are stored, and what is missing of it."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

from tributary.windows import Window

# What a gap's `resolution_ms` says where it is no resolution.
OPEN = 0
NOTHING = -1
# So many are kept of a resource. A flapping host makes no state that outgrows its item.
MOST_GAPS = 64


class Gap(NamedTuple):
    """[start_ms, end_ms) of which the finest samples are not stored.

    `resolution_ms` is that of the coarser samples which were stored instead. It is OPEN where the
    provider has not been asked, or has not answered yet, and NOTHING where it had no samples left.
    """

    start_ms: int
    end_ms: int
    resolution_ms: int

    @property
    def window(self) -> Window:
        """The time that it is about."""
        return Window(self.start_ms, self.end_ms)

    def within(self, window: Window) -> "Gap | None":
        """What of it lies in the window."""
        common = self.window.common(window)
        return Gap(common.start_ms, common.end_ms, self.resolution_ms) if common.length_ms else None


# How good a stretch of time is stored: open, nothing, coarser, finer, complete.
type _Quality = tuple[int, int]

_OPEN: _Quality = (0, 0)
_NOTHING: _Quality = (1, 0)
_COMPLETE: _Quality = (3, 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Everything in [since_ms, until_ms) is stored as the provider had it, but for the gaps.

    Gaps are in order of time, apart, and neighbours differ.
    """

    since_ms: int
    until_ms: int
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def of(cls, window: Window, gaps: Iterable[Gap] = ()) -> Self:
        """That of one window; the gaps in order of time and apart."""
        return cls(window.start_ms, window.end_ms, _kept(_united(gaps)))

    @property
    def window(self) -> Window:
        """From the oldest to the newest that was asked for."""
        return Window(self.since_ms, self.until_ms)

    @property
    def open(self) -> tuple[Gap, ...]:
        """The gaps that a provider may still fill, oldest first."""
        return tuple(gap for gap in self.gaps if gap.resolution_ms == OPEN)

    def joined(self, other: "Coverage") -> "Coverage":
        """What two know together: of each instant the better, and open what lies between them.

        Nothing that either knows is lost, so it does not matter in which order, nor how often,
        writers' knowledge is put together.
        """
        edges = sorted({edge for one in (self, other) for edge in one._edges()})
        pieces = []
        for start_ms, end_ms in pairwise(edges):
            quality = max(self._at(start_ms), other._at(start_ms))
            if quality != _COMPLETE:
                pieces.append(Gap(start_ms, end_ms, _resolution(quality)))
        return Coverage(edges[0], edges[-1], _kept(_united(pieces)))

    def _edges(self) -> Iterable[int]:
        yield self.since_ms
        yield self.until_ms
        for gap in self.gaps:
            yield gap.start_ms
            yield gap.end_ms

    def _at(self, time_ms: int) -> _Quality:
        if not self.since_ms <= time_ms < self.until_ms:
            return _OPEN
        row = bisect_right(self.gaps, time_ms, key=lambda gap: gap.start_ms) - 1
        if row < 0 or self.gaps[row].end_ms <= time_ms:
            return _COMPLETE
        resolution_ms = self.gaps[row].resolution_ms
        if resolution_ms == OPEN:
            return _OPEN
        return _NOTHING if resolution_ms == NOTHING else (2, -resolution_ms)


def spans(times: Iterable[int], resolution_ms: int) -> list[Window]:
    """The time that samples of one resolution cover; holes of under three of them are no holes,
    for hosts leave out samples and are late with others."""
    covered: list[Window] = []
    for time_ms in times:
        end_ms = time_ms + resolution_ms
        if covered and time_ms < covered[-1].end_ms + 2 * resolution_ms:
            end_ms = max(end_ms, covered[-1].end_ms)
            covered[-1] = Window(covered[-1].start_ms, end_ms)
        else:
            covered.append(Window(time_ms, end_ms))
    return covered


def _resolution(quality: _Quality) -> int:
    rank, negated_ms = quality
    return {_OPEN[0]: OPEN, _NOTHING[0]: NOTHING}.get(rank, -negated_ms)


def _united(pieces: Iterable[Gap]) -> list[Gap]:
    united: list[Gap] = []
    for piece in pieces:
        last = united[-1] if united else None
        if last and (last.end_ms, last.resolution_ms) == (piece.start_ms, piece.resolution_ms):
            united[-1] = last._replace(end_ms=piece.end_ms)
        else:
            united.append(piece)
    return united


def _kept(gaps: list[Gap]) -> tuple[Gap, ...]:
    """As many as are kept: the oldest of those that nothing can be done about are forgotten, then
    open ones are taken together, with what is stored between them."""
    while len(gaps) > MOST_GAPS:
        row = next((row for row, gap in enumerate(gaps) if gap.resolution_ms != OPEN), None)
        if row is None:
            gaps[:2] = [Gap(gaps[0].start_ms, gaps[1].end_ms, OPEN)]
        else:
            del gaps[row]
    return tuple(gaps)
