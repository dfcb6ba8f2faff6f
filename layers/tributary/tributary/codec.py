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
import struct
import zlib
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.errors import FatalError
from tributary.frame import Frame, write_integers
from tributary.metrics import metric_named, scaled
from tributary.varint import WORD_BYTES, Reader, Writer, woven

VERSION = 2
DIGEST_BYTES = 8

# Deflate finds these strings without their being stored. Part of both versions: never edit, only
# add a dictionary under a new version.
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
    axis_of = [_Axis(column.times.tobytes(), column.runs) for column in columns]
    axes = _numbered(axis_of)
    _write_header(writer, names, axes)
    writer.number(len(columns))
    for column, axis in zip(columns, axis_of, strict=True):
        for name in _names(column.key):
            writer.number(names[name])
        writer.float64(column.key.origin.factor)
        writer.number(axes[axis])
        _write_values(writer, column)
    return deflated(VERSION, writer.content())


def decode(data: bytes, wanted: Callable[[ColumnKey], bool] | None = None) -> tuple[Column, ...]:
    """The columns in a chunk's bytes; those not `wanted` are passed over without decoding.

    Raises CorruptChunkError for bytes that `encode` did not make.
    """
    reader = Reader(inflated(_READ_RUNS, data))
    try:
        names, axes = _read_header(reader, _READ_RUNS[data[0]])
        columns = []
        for _ in range(reader.number()):
            metric, instance, provider_metric, unit = [names[reader.number()] for _ in range(4)]
            key = ColumnKey(metric, instance, Origin(provider_metric, unit, reader.float64()))
            times, runs = axes[reader.number()]
            if wanted is None or wanted(key):
                columns.append(Column(key, times, _read_values(reader, len(times)), runs))
            else:
                _skip_values(reader, len(times))
        reader.end()
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise CorruptChunkError(f"{len(data)} bytes that are no chunk: {error}") from error
    return tuple(columns)


def deflated(version: int, content: bytes) -> Encoded:
    """Content as it is stored: a version byte and one deflate stream."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_DICTIONARY)
    data = bytes([version]) + deflate.compress(content) + deflate.flush()
    return Encoded(data, blake2b(content, digest_size=DIGEST_BYTES).digest())


def inflated(versions: Collection[int], data: bytes) -> bytes:
    """The content of stored bytes; CorruptChunkError if they are of none of these versions."""
    if not data or data[0] not in versions:
        known = " or ".join(map(str, versions))
        raise CorruptChunkError(f"chunk of version {data[:1].hex() or 'none'}, not {known}")
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
        write_integers(writer, times.tolist())
        _write_runs(writer, axis.runs)


def _write_runs(writer: Writer, runs: Sequence[Run]) -> None:
    """Each as what it differs by from the one before: mostly that it was fetched an interval
    later."""
    writer.number(len(runs))
    before = Run(0, 0, 0)
    for run in runs:
        writer.number(run.rows)
        writer.signed(run.resolution_ms - before.resolution_ms)
        writer.signed(run.seen_ms - before.seen_ms)
        before = run


def _read_runs(reader: Reader) -> tuple[Run, ...]:
    runs: list[Run] = []
    before = Run(0, 0, 0)
    for _ in range(reader.number()):
        rows, resolution_ms = reader.number(), before.resolution_ms + reader.signed()
        before = Run(rows, resolution_ms, before.seen_ms + reader.signed())
        runs.append(before)
    return tuple(runs)


def _read_runs_of_version_1(reader: Reader) -> tuple[Run, ...]:
    return tuple(
        Run(reader.number(), reader.number(), reader.number()) for _ in range(reader.number())
    )


_READ_RUNS: Mapping[int, Callable[[Reader], tuple[Run, ...]]] = {
    1: _read_runs_of_version_1,
    VERSION: _read_runs,
}


def _read_header(
    reader: Reader, read_runs: Callable[[Reader], tuple[Run, ...]]
) -> tuple[list[str], list[tuple[array[int], tuple[Run, ...]]]]:
    names = [reader.text() for _ in range(reader.number())]
    axes = []
    for _ in range(reader.number()):
        rows = reader.number()
        if rows > _MOST_ROWS:
            raise ValueError("more rows than a window has milliseconds")
        times = Frame.read(reader).integers(reader, rows)
        runs = read_runs(reader)
        if sum(run.rows for run in runs) != rows:
            raise ValueError("runs that do not cover the rows")
        axes.append((times, runs))
    return names, axes


def _write_values(writer: Writer, column: Column) -> None:
    decimals = metric_named(column.key.metric).decimals
    integers = None if decimals is None else _integers(column.values.tolist(), 10.0**decimals)
    if decimals is None or integers is None:
        writer.number(_FLOATS)
        writer.planes(column.values.tobytes(), WORD_BYTES)
        return
    step = math.gcd(*integers) or 1
    writer.number(_INTEGERS)
    writer.number(decimals)
    writer.number(step)
    write_integers(writer, integers if step == 1 else [number // step for number in integers])


def _integers(values: list[float], scale: float) -> list[int] | None:
    """The values as integers n, value = n / scale; None where that is not every value exactly."""
    numbers = scaled(values, scale)
    if numbers is None:
        return None
    exact = values == (numbers if scale == 1.0 else [number / scale for number in numbers])
    return list(map(int, numbers)) if exact else None


def _read_values(reader: Reader, rows: int) -> array[float]:
    if reader.number() == _FLOATS:
        return array("d", bytes(woven(reader.planes(rows, WORD_BYTES))))
    scale, step = 10.0 ** reader.number(), reader.number()
    return Frame.read(reader).floats(reader, rows, step, scale)


def _skip_values(reader: Reader, rows: int) -> None:
    if reader.number() == _FLOATS:
        reader.skip(rows * WORD_BYTES)
        return
    for _ in ("decimals", "step"):
        reader.number()
    Frame.read(reader).skip(reader, rows)
