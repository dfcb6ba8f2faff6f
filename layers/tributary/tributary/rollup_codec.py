"""The bytes of a rollup item: points by series, columnar, extremes kept as distances.

    version byte | deflate( names | time axes | series )

A series is its key, its time axis, the decimals of its numbers, and a run of integers for each
field. Least, greatest, last and sum are close to each other, so that all but the least are kept as
what they differ by from it; numbers and times of samples are mostly the same in each point and
then take no byte. Numbers that are no integers are kept as float64.
"""

import struct
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import add, floordiv, mul, sub, truediv
from typing import NamedTuple

from tributary.codec import CorruptChunkError, Encoded, deflated, inflated
from tributary.decoded import everything
from tributary.frame import Frame, write_integers
from tributary.metrics import metric_named
from tributary.points import Folded, PointAxis, Points, SeriesKey
from tributary.varint import WORD_BYTES, Reader, Writer, woven

VERSION = 1
_FLOATS = 0
_EVEN, _UNEVEN = 0, 1
# Least, greatest, last and sum, in this order, and which of them a fold is made of.
_FIELDS = 4
_NEEDED = {"min": (0,), "max": (0, 1), "last": (0, 2), "sum": (0, 3), "avg": (0, 3)}
FOLDS = (*_NEEDED, "count")
# Differences of sums up to this one, and of their differences, fit into a word.
_LARGEST_SUM = 2**62
# The fold that is natural to a metric's kind.
NATURAL = "natural"


class _Axis(NamedTuple):
    """What series of one item mostly share: points, samples in each, and where they lie."""

    times: tuple[int, ...]
    samples: tuple[int, ...]
    covered_ms: tuple[int, ...]
    last_after_ms: tuple[int, ...]


def encode(series: Mapping[SeriesKey, Points]) -> Encoded:
    """The bytes of the series, in order of their keys; equal series give equal content."""
    writer = Writer()
    keys = sorted(series)
    names = _numbered(name for key in keys for name in key)
    axes = _numbered(_axis(series[key]) for key in keys)
    writer.number(len(names))
    for name in names:
        writer.text(name)
    writer.number(len(axes))
    for axis in axes:
        writer.number(len(axis.times))
        for numbers in axis:
            write_integers(writer, numbers)
    writer.number(len(keys))
    for key in keys:
        body = Writer()
        _write_numbers(body, series[key])
        writer.number(names[key.metric])
        writer.number(names[key.instance])
        writer.number(axes[_axis(series[key])])
        writer.block(body.content())
    return deflated(VERSION, writer.content())


def decode(data: bytes) -> dict[SeriesKey, Points]:
    """The points in an item's bytes; CorruptChunkError for bytes that `encode` did not make."""

    def points(_: SeriesKey, body: Reader, axis: _Axis) -> Points:
        return _read_numbers(body, axis)

    return dict(_series(data, _read_axis, everything, points))


def decode_folded(
    data: bytes, wanted: Callable[[SeriesKey], bool], over: str
) -> dict[SeriesKey, Folded]:
    """What a fold makes of the wanted points in an item's bytes.

    `over` is avg, min, max, sum, count or last, or NATURAL: avg of gauges and sum of deltas.
    Raises CorruptChunkError for bytes that `encode` did not make.
    """

    def folded(key: SeriesKey, body: Reader, axis: _FoldedAxis) -> Folded:
        fold = over
        if over == NATURAL:
            fold = "sum" if metric_named(key.metric).kind == "delta" else "avg"
        return Folded(axis.points, _fold(fold, body, axis))

    return dict(_series(data, _read_folded_axis, wanted, folded))


def _series[A, P](
    data: bytes,
    read_axis: Callable[[Reader], A],
    wanted: Callable[[SeriesKey], bool],
    read_body: Callable[[SeriesKey, Reader, A], P],
) -> Iterator[tuple[SeriesKey, P]]:
    reader = Reader(inflated((VERSION,), data))
    try:
        names = [reader.text() for _ in range(reader.number())]
        axes = [read_axis(reader) for _ in range(reader.number())]
        for _ in range(reader.number()):
            key = SeriesKey(names[reader.number()], names[reader.number()])
            axis, body = axes[reader.number()], reader.block()
            if wanted(key):
                yield key, read_body(key, Reader(body), axis)
        reader.end()
    except (struct.error, IndexError, ValueError, ArithmeticError) as error:
        raise CorruptChunkError(f"{len(data)} bytes that are no rollups: {error}") from error


def _axis(points: Points) -> _Axis:
    after = (last - start for last, start in zip(points.last_ms, points.times, strict=True))
    return _Axis(tuple(points.times), tuple(points.count), tuple(points.covered_ms), tuple(after))


def _read_axis(reader: Reader) -> _Axis:
    rows = reader.number()
    return _Axis(*(tuple(_read_whole(reader, rows)) for _ in _Axis._fields))


class _FoldedAxis(NamedTuple):
    """An axis as folds need it: what series have in common is made once."""

    points: PointAxis
    samples: array[int]


def _read_folded_axis(reader: Reader) -> _FoldedAxis:
    rows = reader.number()
    times, samples, weights, after = (
        Frame.read(reader).integers(reader, rows) for _ in _Axis._fields
    )
    ends = array("q", map(add, times, after))
    return _FoldedAxis(PointAxis(times, ends, weights), samples)


def _write_numbers(writer: Writer, points: Points) -> None:
    exact = _differences(points)
    if exact is None:
        points = points.unscaled()
        writer.number(_FLOATS)
        for numbers in (points.least, points.greatest, points.last, points.total):
            writer.planes(array("d", numbers).tobytes(), WORD_BYTES)
    else:
        writer.number(len(str(int(points.scale))))
        for differences in exact:
            write_integers(writer, differences)
    if points.weighted == _even(points.total, points.covered_ms, points.count):
        writer.number(_EVEN)
    else:
        writer.number(_UNEVEN)
        writer.planes(array("d", points.weighted).tobytes(), WORD_BYTES)


def _differences(points: Points) -> tuple[Sequence[int], ...] | None:
    """Least, and what greatest, last and sum are above it; None where they are no integers, or
    sums of what is almost as large as those get."""
    least, greatest = _integers(points.least), _integers(points.greatest)
    last, total = _integers(points.last), _integers(points.total)
    if least is None or greatest is None or last is None or total is None:
        return None
    summed_above = list(map(sub, total, map(mul, points.count, least)))
    if max(summed_above, default=0) > _LARGEST_SUM:
        return None
    return least, list(map(sub, greatest, least)), list(map(sub, last, least)), summed_above


def _integers(numbers: Sequence[float]) -> list[int] | None:
    whole = [number for number in numbers if isinstance(number, int)]
    return whole if len(whole) == len(numbers) else None


def _read_numbers(reader: Reader, axis: _Axis) -> Points:
    rows, digits = len(axis.times), reader.number()
    least, greatest, last, total = (
        _read_floats(reader, rows) if digits == _FLOATS else _read_whole(reader, rows)
        for _ in range(4)
    )
    if digits != _FLOATS:
        greatest, last = list(map(add, least, greatest)), list(map(add, least, last))
        total = list(map(add, total, map(mul, axis.samples, least)))
    if reader.number() == _EVEN:
        weighted = _even(total, axis.covered_ms, axis.samples)
    else:
        weighted = _read_floats(reader, rows)
    reader.end()
    return Points(
        10.0 ** max(0, digits - 1),
        list(axis.times),
        list(axis.samples),
        list(axis.covered_ms),
        list(map(add, axis.times, axis.last_after_ms)),
        least,
        greatest,
        last,
        total,
        weighted,
    )


def _fold(over: str, body: Reader, axis: _FoldedAxis) -> array[float]:
    if over == "count":
        return array("d", axis.samples)
    rows = len(axis.samples)
    scale, fields = _read_fields(body, rows, _NEEDED[over])
    numbers: Iterable[float] = fields[-1]
    if scale and over in ("max", "last"):
        numbers = map(add, fields[0], fields[1])
    elif scale and over in ("sum", "avg"):
        numbers = map(add, fields[1], map(mul, axis.samples, fields[0]))
    if over != "avg":
        return _divided(numbers, repeat(scale or 1.0))
    if body.number() == _EVEN:
        return _divided(_divided(numbers, axis.samples), repeat(scale or 1.0))
    weighted = _divided(_read_floats(body, rows), axis.points.weights)
    return _divided(weighted, repeat(scale or 1.0))


def _divided(numbers: Iterable[float], by: Iterable[float]) -> array[float]:
    quotients = list(map(truediv, numbers, by))
    return array("d", struct.pack(f"{len(quotients)}d", *quotients))


def _read_fields(
    body: Reader, rows: int, needed: Container[int]
) -> tuple[float, list[Sequence[float]]]:
    """The scale of integers, 0 of others, and the fields that are needed."""
    digits = body.number()
    found: list[Sequence[float]] = []
    for field in range(_FIELDS):
        if field in needed:
            read: Callable[[Reader, int], Sequence[float]]
            read = _read_floats if digits == _FLOATS else _read_whole
            found.append(read(body, rows))
        elif digits == _FLOATS:
            body.skip(rows * WORD_BYTES)
        else:
            Frame.read(body).skip(body, rows)
    return (0.0 if digits == _FLOATS else 10.0 ** (digits - 1)), found


def _read_floats(reader: Reader, rows: int) -> list[float]:
    return array("d", bytes(woven(reader.planes(rows, WORD_BYTES)))).tolist()


def _read_whole(reader: Reader, rows: int) -> list[int]:
    return list(Frame.read(reader).numbers(reader, rows))


def _even(total: Sequence[float], covered_ms: Sequence[int], count: Sequence[int]) -> list[float]:
    """What `weighted` is where all samples of a point stand for equally long."""
    return list(map(mul, total, map(floordiv, covered_ms, count)))


def _numbered[T](things: Iterable[T]) -> dict[T, int]:
    return {thing: number for number, thing in enumerate(dict.fromkeys(things))}
