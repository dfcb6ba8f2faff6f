"""The bytes of a chunk: columnar, integers by byte planes, one deflate stream, version first.

    version byte | deflate( header | columns )

The header names each string and each run of timestamps once. A column is its key, its time axis
and one number per row: as float64, or as integers n with value = n x step / 10^decimals, where
`step` is the greatest common divisor of all. Numbers lie in byte planes (all lowest bytes first),
so that bytes alike are neighbours and those a value does not need are left out.

One deflate stream for all columns: on CloudWatch series it is a fifth smaller than a stream per
column, and inflating the nine columns a reader does not want costs it microseconds, since only
wanted ones are turned into numbers.
"""

import math
import zlib
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from operator import eq, sub
from typing import NamedTuple

from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.errors import FatalError
from tributary.metrics import LARGEST_SCALED, metric_named
from tributary.varint import Reader, Writer

VERSION = 1
DIGEST_BYTES = 8

# Deflate finds these strings without their being stored. Part of version 1: never edit, only add
# a dictionary under a new version.
_DICTIONARY = (
    b"northflank.hostup."
    b"diskReadMbPerSecond\4Mb/sdiskWriteMbPerSecond\4Mb/s"
    b"networkInboundKbPerSecond\4Kb/snetworkOutboundKbPerSecond\4Kb/s"
    b"memoryUsagePercent\7percentcpuUsagePercent\7percent"
    b"bandwidthVolume\2mbbandwidth\4kbpshttp5xxResponses\5counthttp4xxResponses\5count"
    b"http5xxResponses\3rpshttp4xxResponses\3rpsrequests\3rpsdiskUsage\3pctdiskUsage\2mb"
    b"tcpConnectionsOpen\5countnetworkEgress\4kbpsnetworkIngress\4kbps"
    b"memory\3pctmemory\2mbcpu\3pctcpu\4vCPU"
    b"network.transfernetwork.bandwidthhttp.responses.5xx.ratehttp.responses.4xx.rate"
    b"http.responses.5xxhttp.responses.4xxhttp.requestsfilesystem.utilizationfilesystem.usage"
    b"disk.writedisk.readnetwork.connectionsnetwork.transmitnetwork.receive"
    b"memory.usagememory.utilizationcpu.usagecpu.utilization"
)

_FLOATS, _INTEGERS = 0, 1


# More than the milliseconds of an hour; a row may take no byte, so bytes alone set no bound.
_MOST_ROWS = 2**22
_WORD_BYTES = 8


class CorruptChunkError(FatalError):
    """Bytes that are no chunk of a known version."""

    kind = "corrupt_chunk"


class Encoded(NamedTuple):
    """A chunk's bytes, and a digest of its content that no version of zlib changes."""

    data: bytes
    digest: bytes


class _Axis(NamedTuple):
    times: bytes
    runs: tuple[Run, ...]


def encode(columns: Sequence[Column]) -> Encoded:
    """The bytes of a chunk's columns; equal columns in equal order give equal content."""
    writer = Writer()
    names = _numbered(name for column in columns for name in _names(column.key))
    axes = _numbered(_Axis(column.times.tobytes(), column.runs) for column in columns)
    _write_header(writer, names, axes)
    writer.number(len(columns))
    for column in columns:
        for name in _names(column.key):
            writer.number(names[name])
        writer.float64(column.key.origin.factor)
        writer.number(axes[_Axis(column.times.tobytes(), column.runs)])
        _write_values(writer, column)
    return deflated(VERSION, writer.content())


def decode(data: bytes, wanted: Callable[[ColumnKey], bool] | None = None) -> tuple[Column, ...]:
    """The columns in a chunk's bytes; those not `wanted` are passed over without decoding.

    Raises CorruptChunkError for bytes that `encode` did not make.
    """
    reader = Reader(inflated(VERSION, data))
    try:
        names, axes = _read_header(reader)
        columns = []
        for _ in range(reader.number()):
            metric, instance, provider_metric, unit = (names[reader.number()] for _ in range(4))
            key = ColumnKey(metric, instance, Origin(provider_metric, unit, reader.float64()))
            times, runs = axes[reader.number()]
            if wanted is None or wanted(key):
                columns.append(Column(key, times, _read_values(reader, len(times)), runs))
            else:
                _skip_values(reader, len(times))
        reader.end()
    except (IndexError, ValueError, OverflowError) as error:
        raise CorruptChunkError(f"{len(data)} bytes that are no chunk: {error}") from error
    return tuple(columns)


def deflated(version: int, content: bytes) -> Encoded:
    """Content as it is stored: a version byte and one deflate stream."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_DICTIONARY)
    data = bytes([version]) + deflate.compress(content) + deflate.flush()
    return Encoded(data, blake2b(content, digest_size=DIGEST_BYTES).digest())


def inflated(version: int, data: bytes) -> bytes:
    """The content of stored bytes; CorruptChunkError if they are none of this version."""
    if not data or data[0] != version:
        raise CorruptChunkError(f"chunk of version {data[:1].hex() or 'none'}, not {version}")
    inflate = zlib.decompressobj(-15, zdict=_DICTIONARY)
    try:
        content = inflate.decompress(data[1:])
    except zlib.error as error:
        raise CorruptChunkError(f"{len(data)} bytes that do not inflate: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise CorruptChunkError(f"{len(data)} bytes are cut off, or something follows them")
    return content


def _names(key: ColumnKey) -> tuple[str, str, str, str]:
    return key.metric, key.instance, key.origin.metric, key.origin.unit


def _numbered[T](things: Iterable[T]) -> dict[T, int]:
    return {thing: number for number, thing in enumerate(dict.fromkeys(things))}


def _write_header(writer: Writer, names: Collection[str], axes: Collection[_Axis]) -> None:
    writer.number(len(names))
    for name in names:
        writer.text(name)
    writer.number(len(axes))
    for axis in axes:
        times = array("q", axis.times)
        writer.number(len(times))
        write_integers(writer, times)
        writer.number(len(axis.runs))
        for run in axis.runs:
            for field in run:
                writer.number(field)


def _read_header(reader: Reader) -> tuple[list[str], list[tuple[array[int], tuple[Run, ...]]]]:
    names = [reader.text() for _ in range(reader.number())]
    axes = []
    for _ in range(reader.number()):
        rows = reader.number()
        if rows > _MOST_ROWS:
            raise ValueError("more rows than a window has milliseconds")
        times = array("q", read_integers(reader, rows))
        runs = tuple(
            Run(reader.number(), reader.number(), reader.number()) for _ in range(reader.number())
        )
        if sum(run.rows for run in runs) != rows:
            raise ValueError("runs that do not cover the rows")
        axes.append((times, runs))
    return names, axes


def _write_values(writer: Writer, column: Column) -> None:
    decimals = metric_named(column.key.metric).decimals
    scaled = None if decimals is None else _scaled(column.values, 10.0**decimals)
    if decimals is None or scaled is None:
        writer.number(_FLOATS)
        writer.planes(column.values.tobytes(), _WORD_BYTES)
        return
    step = math.gcd(*scaled) or 1
    writer.number(_INTEGERS)
    writer.number(decimals)
    writer.number(step)
    write_integers(writer, [number // step for number in scaled])


def _scaled(values: array[float], scale: float) -> list[int] | None:
    """The values as integers n, value = n / scale; None where that is not every value exactly."""
    if max(map(abs, values)) * scale > LARGEST_SCALED:
        return None
    scaled = [round(value * scale) for value in values]
    exact = all(map(eq, [number / scale for number in scaled], values))
    return scaled if exact else None


def _read_values(reader: Reader, rows: int) -> array[float]:
    if reader.number() == _FLOATS:
        return array("d", reader.planes(rows, _WORD_BYTES))
    scale, step = 10.0 ** reader.number(), reader.number()
    return array("d", [number * step / scale for number in read_integers(reader, rows)])


def _skip_values(reader: Reader, rows: int) -> None:
    if reader.number() == _FLOATS:
        reader.skip(rows * _WORD_BYTES)
        return
    for _ in ("decimals", "step"):
        reader.number()
    reader.skip(rows * _read_frame(reader).width)


class _Frame(NamedTuple):
    """How a run of integers is laid out: each is `base` + an offset of `width` bytes, and where
    `summed` the number is `start` plus all that came up to it."""

    summed: bool
    width: int
    base: int
    start: int


def write_integers(writer: Writer, numbers: Sequence[int]) -> None:
    """Offsets from the least number or, where those are narrower, from the least step between
    neighbours, as when time goes on evenly; equal numbers need no byte but the frame's."""
    steps = list(map(sub, numbers[1:], numbers))
    plain, summed = _width(numbers), _width(steps)
    if steps and summed < plain:
        base = min(steps)
        frame = _Frame(True, summed, base, numbers[0] - base)
        offsets = [0, *(step - base for step in steps)]
    else:
        base = min(numbers)
        frame = _Frame(False, plain, base, 0)
        offsets = [number - base for number in numbers]
    writer.number(frame.width << 1 | frame.summed)
    writer.signed(frame.base)
    writer.signed(frame.start)
    writer.planes(array("Q", offsets).tobytes(), frame.width)


def read_integers(reader: Reader, rows: int) -> Iterable[int]:
    """As many integers as `write_integers` wrote."""
    frame = _read_frame(reader)
    offsets = array("Q", reader.planes(rows, frame.width))
    numbers = [frame.base + offset for offset in offsets] if frame.base else offsets
    if not frame.summed:
        return numbers
    totals = accumulate(numbers, initial=frame.start)
    next(totals)
    return totals


def _read_frame(reader: Reader) -> _Frame:
    layout = reader.number()
    if layout >> 1 > _WORD_BYTES:
        raise ValueError("integers wider than a word")
    return _Frame(bool(layout & 1), layout >> 1, reader.signed(), reader.signed())


def _width(numbers: Sequence[int]) -> int:
    """Bytes that the span of these numbers needs."""
    return ((max(numbers) - min(numbers)).bit_length() + 7) // 8 if numbers else 0
