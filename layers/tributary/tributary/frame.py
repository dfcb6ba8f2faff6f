"""Frames: how a run of integers lies in byte planes, and how all of them become numbers at once."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from operator import sub
from struct import pack
from typing import Literal, NamedTuple, Self

from tributary.columns import values_array
from tributary.metrics import LARGEST_SCALED
from tributary.varint import WORD_BYTES, Reader, Writer, woven

# By width in bytes, the type of an array of integers that hold as many.
_KINDS: tuple[Literal["B", "H", "I", "Q"], ...] = ("B", "B", "H", "I", "I", "Q", "Q", "Q", "Q")

# In the float64 of 2^52 the lowest bit counts 1: with an integer's bytes in place of its lowest
# ones, it is the float64 of 2^52 + that integer.
_HOLDER = 2.0**52
_HOLDER_BYTES = array("d", [_HOLDER]).tobytes()

# Looking a column up costs as much as calculating so many rows more than the table has entries.
_TABLE_PRICE = 50
# The first rows tell nearly always that summing does not pay.
_FIRST_ROWS = 6


class Frame(NamedTuple):
    """How a run of integers is laid out: each is `base` + an offset of `width` bytes, and where
    `summed` the number is `start` plus all that came up to it."""

    summed: bool
    width: int
    base: int
    start: int

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The frame that stands before its planes; ValueError for one that cannot be."""
        layout = reader.number()
        if layout >> 1 > WORD_BYTES:
            raise ValueError("integers wider than a word")
        return cls(bool(layout & 1), layout >> 1, reader.signed(), reader.signed())

    def numbers(self, reader: Reader, rows: int) -> Iterable[int]:
        """The integers of so many rows, one after the other."""
        if self.width == 0:
            return self._even(rows)
        kind = _KINDS[self.width]
        word = bytes(array(kind).itemsize)
        offsets = memoryview(woven(reader.planes(rows, self.width), word)).cast(kind)
        numbers = [self.base + offset for offset in offsets] if self.base else offsets
        if not self.summed:
            return numbers
        totals = accumulate(numbers, initial=self.start)
        next(totals)
        return totals

    def integers(self, reader: Reader, rows: int) -> array[int]:
        """The integers of so many rows; struct.error for one beyond 64 bits."""
        return array("q", pack(f"{rows}q", *self.numbers(reader, rows)))

    def floats(self, reader: Reader, rows: int, step: int, scale: float) -> array[float]:
        """Each integer of so many rows x `step` / `scale`, exact up to the division.

        OverflowError for one beyond a float64.
        """
        if self.width == 0 and not self.summed:
            return array("d", [self.base * step / scale]) * rows
        if self.summed or self._furthest * step > LARGEST_SCALED:
            return values_array([number * step / scale for number in self.numbers(reader, rows)])
        planes = reader.planes(rows, self.width)
        if self.width == 1:
            entries = max(set(planes[0]), default=0) + 1
            if entries + _TABLE_PRICE < rows:
                numbers = range(self.base, self.base + entries)
                return _looked_up(planes[0], [number * step / scale for number in numbers])
        # Bytes become float64s in less time than integers.
        held = memoryview(woven(planes, _HOLDER_BYTES)).cast("d")
        nought, factor = _HOLDER - self.base, float(step)
        if scale == 1.0:
            return values_array([(number - nought) * factor for number in held])
        return values_array([(number - nought) * factor / scale for number in held])

    def skip(self, reader: Reader, rows: int) -> None:
        """Passes over the integers of so many rows."""
        reader.skip(rows * self.width)

    @property
    def _furthest(self) -> int:
        """No integer is further from 0, unless they are summed."""
        return abs(self.base) + (1 << 8 * self.width)

    def _even(self, rows: int) -> Iterable[int]:
        """Those that need no bytes: all alike, or one step apart."""
        if self.summed and self.base:
            first = self.start + self.base
            return range(first, first + rows * self.base, self.base)
        return repeat(self.start if self.summed else self.base, rows)


def write_integers(writer: Writer, numbers: Sequence[int]) -> None:
    """A frame and its planes: offsets from the least number or, where those are narrower, from the
    least step between neighbours, as when time goes on evenly; equal ones need no byte a row."""
    least, width = _span(numbers)
    frame, offsets = Frame(False, width, least, 0), numbers
    if width and _span(_steps(numbers[:_FIRST_ROWS]))[1] < width:
        steps = _steps(numbers)
        base, narrower = _span(steps)
        if narrower < width:
            frame, offsets = Frame(True, narrower, base, numbers[0] - base), [base, *steps]
    writer.number(frame.width << 1 | frame.summed)
    writer.signed(frame.base)
    writer.signed(frame.start)
    if frame.width:
        words = array("Q", [number - frame.base for number in offsets])
        writer.planes(words.tobytes(), frame.width)


def _steps(numbers: Sequence[int]) -> list[int]:
    return list(map(sub, numbers[1:], numbers))


def _span(numbers: Sequence[int]) -> tuple[int, int]:
    """The least of these numbers, and how many bytes it takes from there to the greatest."""
    least = min(numbers)
    return least, ((max(numbers) - least).bit_length() + 7) // 8


def _looked_up(plane: bytes, table: list[float]) -> array[float]:
    """The table's entry for each byte: the table is looked up in byte by byte of its float64s."""
    entries = values_array(table).tobytes().ljust(256 * WORD_BYTES)
    return array("d", bytes(woven([plane.translate(entries[at::8]) for at in range(8)])))
