"""Integers come out of their planes as they went in, whatever width, and become exact numbers."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.frame import Frame, write_integers
from tributary.varint import Reader, Writer

# From the least, so that the widest fit into 64 bits with a sign.
LEAST = -(2**63)


def written(numbers: Sequence[int]) -> bytes:
    """A run of integers: frame and planes."""
    writer = Writer()
    write_integers(writer, numbers)
    return writer.content()


def frame_of(numbers: Sequence[int]) -> Frame:
    """The frame that a run is written in."""
    return Frame.read(Reader(written(numbers)))


def read_back(numbers: Sequence[int]) -> list[int]:
    """The integers that are read where these were written."""
    reader = Reader(written(numbers))
    integers = Frame.read(reader).integers(reader, len(numbers))
    reader.end()
    return integers.tolist()


def divided(numbers: Sequence[int], step: int, scale: float) -> list[float]:
    """Each number x step / scale, as read where these were written."""
    reader = Reader(written(numbers))
    floats = Frame.read(reader).floats(reader, len(numbers), step, scale)
    reader.end()
    return floats.tolist()


def spread(least: int, width: int, rows: int) -> list[int]:
    """Integers from the least on that take all of so many bytes, in no order."""
    wander, most = random.Random(7), 256**width - 1
    offsets = [wander.randint(0, most) for _ in range(rows - 4)]
    return [least + offset for offset in (0, most, 0, most, *offsets)]


def climb(least: int, width: int, rows: int) -> list[int]:
    """Integers of which each is further up by a step that takes all of so many bytes."""
    numbers = [least]
    for step in spread(1, width, rows):
        numbers.append(numbers[-1] + step)
    return numbers


@pytest.mark.parametrize("least", [0, 12_345, -7, LEAST])
@pytest.mark.parametrize("width", range(8))
@pytest.mark.parametrize("rows", [5, 360])
def test_integers_of_any_width_come_back(least: int, width: int, rows: int) -> None:
    numbers = spread(least, width, rows)

    assert frame_of(numbers) == Frame(False, width, least, 0)
    assert read_back(numbers) == numbers
    assert divided(numbers, 3, 1e5) == [number * 3 / 1e5 for number in numbers]
    assert divided(numbers, 1, 1.0) == [float(number) for number in numbers]


@pytest.mark.parametrize("rows", [5, 360])
def test_the_widest_integers_come_back(rows: int) -> None:
    numbers = spread(LEAST, 8, rows)

    assert frame_of(numbers) == Frame(False, 8, LEAST, 0)
    assert read_back(numbers) == numbers
    assert divided(numbers, 3, 1e5) == [number * 3 / 1e5 for number in numbers]


@pytest.mark.parametrize("least", [0, 12_345, -7, LEAST])
@pytest.mark.parametrize("width", range(8))
def test_integers_that_climb_by_steps_of_any_width_come_back(least: int, width: int) -> None:
    numbers = climb(least, width, 30)

    assert frame_of(numbers)[:2] == (True, width)
    assert read_back(numbers) == numbers
    assert divided(numbers, 3, 1e5) == [number * 3 / 1e5 for number in numbers]


def test_integers_that_fall_evenly_take_no_bytes() -> None:
    numbers = list(range(500, -500, -10))

    assert frame_of(numbers) == Frame(True, 0, -10, 510)
    assert read_back(numbers) == numbers


@pytest.mark.parametrize("number", [0, 5, -5, LEAST])
@pytest.mark.parametrize("rows", [1, 2, 360])
def test_equal_integers_take_no_bytes(number: int, rows: int) -> None:
    numbers = [number] * rows

    assert frame_of(numbers) == Frame(False, 0, number, 0)
    assert read_back(numbers) == numbers
    assert divided(numbers, 3, 1e5) == [number * 3 / 1e5] * rows


@pytest.mark.parametrize("entries", [1, 2, 200, 256])
@pytest.mark.parametrize("rows", [5, 255, 256, 257, 310, 1000])
def test_narrow_integers_that_are_looked_up_are_those_calculated(entries: int, rows: int) -> None:
    numbers = [-100 + row * 7 % entries for row in range(rows)]

    assert divided(numbers, 5, 1e3) == [number * 5 / 1e3 for number in numbers]


@pytest.mark.parametrize("layout", [0b0, 0b1, 0b10, 0b11, 0b101])
def test_no_rows_are_no_numbers(layout: int) -> None:
    reader = Reader(bytes([layout, 4, 2]))
    frame = Frame.read(reader)

    assert not frame.integers(reader, 0)
    assert not frame.floats(reader, 0, 3, 1e5)


@given(
    st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=400),
    st.integers(1, 10**6),
    st.integers(0, 9),
)
@settings(max_examples=200, deadline=None)
def test_numbers_are_exact_up_to_the_division(numbers: list[int], step: int, decimals: int) -> None:
    scale = 10.0**decimals

    assert divided(numbers, step, scale) == [number * step / scale for number in numbers]
