"""The bytes of a shard's state: columnar, as differences from what they seldom differ from.

    version byte | deflate( rows | ids | flags | columns | failures )

DynamoDB charges for each KB at each put, and a state is put twice a run. Most resources of a shard
were attempted in one run, asked until one instant and published until another, so that only ids
and newest samples take bytes that deflate cannot save.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise, takewhile
from operator import eq

from tributary.codec import DIGEST_BYTES, Encoded
from tributary.collected import Collected, Failure
from tributary.errors import FatalError
from tributary.frame import Frame, write_integers
from tributary.varint import Reader, Writer

VERSION = 1
# The first byte of zlib's format, in which states were JSON before they had a version.
_ZLIB = 0x78
_NEWEST, _ASKED, _IDLE, _FAILED = 1, 2, 4, 8
_COLUMNS = 6


class CorruptStateError(FatalError):
    """Bytes that are no state of a known version."""

    kind = "corrupt_state"


def encode(resources: Mapping[str, Collected]) -> Encoded:
    """The bytes of a state, by resource id; equal states have equal digests."""
    names = sorted(resources)
    states = [resources[name] for name in names]
    writer = Writer()
    writer.number(len(names))
    _write_names(writer, names)
    for state in states:
        writer.number(_flags(state))
    latest_ms = max((state.attempted_ms for state in states), default=0)
    writer.number(latest_ms)
    for column in zip(*(_differences(state, latest_ms) for state in states), strict=True):
        write_integers(writer, column)
    for state in states:
        if state.failure:
            writer.text(state.failure.kind)
            writer.text(state.failure.message)
            writer.signed(latest_ms - state.failure.at_ms)
    content = writer.content()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    data = bytes([VERSION]) + deflate.compress(content) + deflate.flush()
    return Encoded(data, blake2b(content, digest_size=DIGEST_BYTES).digest())


def decode(data: bytes) -> dict[str, Collected]:
    """The state in its bytes, by resource id; raises CorruptStateError for others."""
    if data[:1] == bytes([_ZLIB]):
        return _decode_json(data)
    if data[:1] != bytes([VERSION]):
        raise CorruptStateError(f"state of version {data[:1].hex() or 'none'}, not {VERSION}")
    try:
        reader = Reader(zlib.decompress(data[1:], -15))
        rows = reader.number()
        names = list(_read_names(reader, rows))
        flags = [reader.number() for _ in range(rows)]
        latest_ms = reader.number()
        columns = [
            list(Frame.read(reader).numbers(reader, rows)) for _ in range(_COLUMNS if rows else 0)
        ]
        states = [
            _collected(reader, flag, latest_ms, differences)
            for flag, differences in zip(flags, zip(*columns, strict=True), strict=True)
        ]
    except (zlib.error, IndexError, ValueError) as error:
        raise CorruptStateError(f"{len(data)} bytes that are no state: {error}") from error
    return dict(zip(names, states, strict=True))


def _flags(state: Collected) -> int:
    return (
        (_NEWEST if state.newest_ms is not None else 0)
        | (_ASKED if state.asked_ms is not None else 0)
        | (_IDLE if state.idle else 0)
        | (_FAILED if state.failure else 0)
    )


def _differences(state: Collected, latest_ms: int) -> tuple[int, ...]:
    """Each of a resource's times as how long it is before another; None as none at all."""
    asked_ms = state.attempted_ms if state.asked_ms is None else state.asked_ms
    newest_ms = asked_ms if state.newest_ms is None else state.newest_ms
    return (
        latest_ms - state.attempted_ms,
        state.attempted_ms - asked_ms,
        asked_ms - newest_ms,
        asked_ms - state.publishing_ms,
        state.publishing_ms - state.published_ms,
        state.resolution_ms,
    )


def _collected(reader: Reader, flags: int, latest_ms: int, differences: Sequence[int]) -> Collected:
    """Undoes `_differences`; the resource's failure is the next of the reader's."""
    attempted_ms = latest_ms - differences[0]
    asked_ms = attempted_ms - differences[1]
    newest_ms = asked_ms - differences[2]
    publishing_ms = asked_ms - differences[3]
    return Collected(
        newest_ms=newest_ms if flags & _NEWEST else None,
        resolution_ms=differences[5],
        asked_ms=asked_ms if flags & _ASKED else None,
        published_ms=publishing_ms - differences[4],
        publishing_ms=publishing_ms,
        attempted_ms=attempted_ms,
        failure=Failure(reader.text(), reader.text(), latest_ms - reader.signed())
        if flags & _FAILED
        else None,
        idle=bool(flags & _IDLE),
    )


def _write_names(writer: Writer, names: Sequence[str]) -> None:
    """Each as what it has in common with the one before, and the rest."""
    shared = [_shared(*pair) for pair in pairwise(["", *names])]
    for count in shared:
        writer.number(count)
    for name, count in zip(names, shared, strict=True):
        writer.text(name[count:])


def _shared(one: str, other: str) -> int:
    """How many first characters are the same."""
    return sum(takewhile(bool, map(eq, one, other)))


def _read_names(reader: Reader, rows: int) -> Iterator[str]:
    name = ""
    for count in [reader.number() for _ in range(rows)]:
        name = name[:count] + reader.text()
        yield name


def _decode_json(data: bytes) -> dict[str, Collected]:
    """A state as it was stored before there was a version 1."""
    documents = json.loads(zlib.decompress(data))
    return {
        name: Collected(**(document | {"failure": Failure(**failure) if failure else None}))
        for name, document in documents.items()
        for failure in [document["failure"]]
    }
