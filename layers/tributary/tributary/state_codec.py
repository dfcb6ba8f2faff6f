"""The bytes of a shard's state: columnar, as differences from what they seldom differ from.

    version byte | deflate( pace | rows | ids | flags | latest | columns | pasts | failures )

DynamoDB charges for each KB at each put, and a state is put twice a run. Most resources of a shard
were attempted in one run, asked until one instant and published until another, and lack the same
of what is past, so that only ids and newest samples take bytes that deflate cannot save.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise, takewhile
from operator import eq
from typing import NamedTuple

from tributary.codec import DIGEST_BYTES, Encoded
from tributary.collected import OVERLAP_RESOLUTIONS, Collected, Failure
from tributary.coverage import Coverage
from tributary.coverage_codec import Past, read_column, read_pasts, write_column, write_pasts
from tributary.errors import FatalError
from tributary.varint import Reader, Writer
from tributary.windows import HOUR_MS

VERSION = 2
_NEWEST, _ASKED, _IDLE, _FAILED, _COVERED, _SETTLED, _PAUSED = 1, 2, 4, 8, 16, 32, 64
# How many columns there are, by version.
_COLUMNS = {1: 6, VERSION: 11}


class CorruptStateError(FatalError):
    """Bytes that are no state of a known version."""

    kind = "corrupt_state"


class Pace(NamedTuple):
    """How often the account is collected, and about when its history is imported; 0 where nobody
    knows."""

    every_ms: int = 0
    imported_by_ms: int = 0


UNKNOWN = Pace()


class Content(NamedTuple):
    """What a state's bytes say: the account's pace, and the states by resource id."""

    pace: Pace
    resources: dict[str, Collected]


def encode(resources: Mapping[str, Collected], pace: Pace = UNKNOWN) -> Encoded:
    """The bytes of a state, by resource id; equal states have equal digests."""
    names = sorted(resources)
    states = [resources[name] for name in names]
    latest_ms = max((state.attempted_ms for state in states), default=0)
    writer = Writer()
    writer.number(pace.every_ms)
    writer.number(pace.imported_by_ms)
    writer.number(len(names))
    _write_names(writer, names)
    for state in states:
        writer.number(_flags(state))
    writer.number(latest_ms)
    for column in zip(*(_differences(state, latest_ms) for state in states), strict=True):
        write_column(writer, column)
    write_pasts(writer, [_past(state, latest_ms) for state in states], latest_ms)
    for state in states:
        if state.failure:
            _write_failure(writer, state.failure, latest_ms)
    content = writer.content()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    data = bytes([VERSION]) + deflate.compress(content) + deflate.flush()
    return Encoded(data, blake2b(content, digest_size=DIGEST_BYTES).digest())


def decode(data: bytes) -> Content:
    """What the bytes say; raises CorruptStateError for those of no known version."""
    version = data[0] if data else 0
    if version not in _COLUMNS:
        raise CorruptStateError(f"state of version {data[:1].hex() or 'none'}, not {VERSION}")
    try:
        return _read(Reader(zlib.decompress(data[1:], -15)), version)
    except (zlib.error, IndexError, ValueError) as error:
        raise CorruptStateError(f"{len(data)} bytes that are no state: {error}") from error


def _read(reader: Reader, version: int) -> Content:
    pace = Pace() if version == 1 else Pace(reader.number(), reader.number())
    rows = reader.number()
    names = list(_read_names(reader, rows))
    flags = [reader.number() for _ in range(rows)]
    latest_ms = reader.number()
    columns = [read_column(reader, rows) for _ in range(_COLUMNS[version])]
    states = []
    if version == 1:
        for flag, *row in zip(flags, *columns, strict=True):
            failure = _read_failure_of_version_1(reader, latest_ms) if flag & _FAILED else None
            states.append(_collected_of_version_1(flag, latest_ms, row, failure))
    else:
        pasts = read_pasts(reader, rows, latest_ms)
        for flag, past, *row in zip(flags, pasts, *columns, strict=True):
            failure = _read_failure(reader, latest_ms) if flag & _FAILED else None
            states.append(_collected(flag, latest_ms, row, past, failure))
    return Content(pace, dict(zip(names, states, strict=True)))


def _flags(state: Collected) -> int:
    return (
        (_NEWEST if state.newest_ms is not None else 0)
        | (_ASKED if state.asked_ms is not None else 0)
        | (_IDLE if state.idle else 0)
        | (_FAILED if state.failure else 0)
        | (_COVERED if state.coverage else 0)
        | (_SETTLED if state.settled_ms else 0)
        | (_PAUSED if state.paused_ms else 0)
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
        newest_ms - state.settled_ms if state.settled_ms else 0,
        state.empty_ms,
        state.imported,
        asked_ms - state.coverage.until_ms if state.coverage else 0,
        state.attempted_ms - state.paused_ms if state.paused_ms else 0,
    )


def _collected(
    flags: int, latest_ms: int, differences: Sequence[int], past: Past, failure: Failure | None
) -> Collected:
    """Undoes `_differences`."""
    attempted_ms = latest_ms - differences[0]
    asked_ms = attempted_ms - differences[1]
    newest_ms = asked_ms - differences[2]
    publishing_ms = asked_ms - differences[3]
    return Collected(
        newest_ms=newest_ms if flags & _NEWEST else None,
        resolution_ms=differences[5],
        asked_ms=asked_ms if flags & _ASKED else None,
        coverage=Coverage(past.since_ms, asked_ms - differences[9], past.gaps)
        if flags & _COVERED
        else None,
        settled_ms=newest_ms - differences[6] if flags & _SETTLED else 0,
        imported=differences[8],
        empty_ms=differences[7],
        published_ms=publishing_ms - differences[4],
        publishing_ms=publishing_ms,
        attempted_ms=attempted_ms,
        failure=failure,
        paused_ms=attempted_ms - differences[10] if flags & _PAUSED else 0,
        idle=bool(flags & _IDLE),
    )


def _collected_of_version_1(
    flags: int, latest_ms: int, differences: Sequence[int], failure: Failure | None
) -> Collected:
    """Of what was before the last answer nothing was noted, and of the newest samples not whether
    they had been read again."""
    asked_ms = latest_ms - differences[0] - differences[1]
    resolution_ms = differences[5]
    overlap_ms = OVERLAP_RESOLUTIONS * resolution_ms
    # A live resource was complete until its newest sample's end, a silent one an hour behind.
    behind_ms = min(HOUR_MS, max(0, differences[2] - resolution_ms))
    flags |= (_SETTLED if flags & _NEWEST else 0) | (_COVERED if flags & _ASKED else 0)
    row = [*differences, overlap_ms, 0, 0, behind_ms, 0]
    return _collected(flags, latest_ms, row, Past(asked_ms - behind_ms, ()), failure)


def _past(state: Collected, latest_ms: int) -> Past:
    if state.coverage is None:
        return Past(latest_ms, ())
    return Past(state.coverage.since_ms, state.coverage.gaps)


def _write_failure(writer: Writer, failure: Failure, latest_ms: int) -> None:
    writer.text(failure.kind)
    writer.text(failure.message)
    writer.signed(latest_ms - failure.at_ms)
    writer.number(failure.attempts)


def _read_failure(reader: Reader, latest_ms: int) -> Failure:
    return replace(_read_failure_of_version_1(reader, latest_ms), attempts=reader.number())


def _read_failure_of_version_1(reader: Reader, latest_ms: int) -> Failure:
    return Failure(reader.text(), reader.text(), latest_ms - reader.signed())


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
