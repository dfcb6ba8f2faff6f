"""The bytes of since when resources are covered and with which gaps; what they share stands once.

    numbers of resources | since | counts of gaps | gaps of each | starts | lengths | resolutions

A host that was down was so for all of a shard's resources, so that most have the same gaps; and
resources that were found together were asked about from one instant on.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tributary.coverage import Gap
from tributary.frame import Frame, write_integers
from tributary.varint import Reader, Writer


class Past(NamedTuple):
    """A coverage but for its end, which goes on with every run."""

    since_ms: int
    gaps: tuple[Gap, ...]


def write_pasts(writer: Writer, pasts: Sequence[Past], latest_ms: int) -> None:
    """One for each resource; most of their times are not long before `latest_ms`."""
    kinds = _numbered(pasts)
    gaps = _numbered(sorted({gap for past in kinds for gap in past.gaps}))
    writer.number(len(kinds))
    writer.number(len(gaps))
    for column in (
        [kinds[past] for past in pasts],
        [latest_ms - past.since_ms for past in kinds],
        [len(past.gaps) for past in kinds],
        [gaps[gap] for past in kinds for gap in past.gaps],
        [latest_ms - gap.start_ms for gap in gaps],
        [gap.end_ms - gap.start_ms for gap in gaps],
        [gap.resolution_ms for gap in gaps],
    ):
        write_column(writer, column)


def read_pasts(reader: Reader, rows: int, latest_ms: int) -> list[Past]:
    """Those of so many resources."""
    kinds, distinct = reader.number(), reader.number()
    numbers = read_column(reader, rows)
    since = read_column(reader, kinds)
    counts = read_column(reader, kinds)
    held = iter(read_column(reader, sum(counts)))
    gaps = list(_read_gaps(reader, distinct, latest_ms))
    pasts = [
        Past(latest_ms - before_ms, tuple(gaps[number] for number in islice(held, count)))
        for before_ms, count in zip(since, counts, strict=True)
    ]
    return [pasts[number] for number in numbers]


def write_column(writer: Writer, numbers: Sequence[int]) -> None:
    """Integers, of which there may be none."""
    if numbers:
        write_integers(writer, numbers)


def read_column(reader: Reader, rows: int) -> list[int]:
    """So many integers."""
    return list(Frame.read(reader).numbers(reader, rows)) if rows else []


def _read_gaps(reader: Reader, rows: int, latest_ms: int) -> Iterator[Gap]:
    columns = [read_column(reader, rows) for _ in Gap._fields]
    for before_ms, length_ms, resolution_ms in zip(*columns, strict=True):
        start_ms = latest_ms - before_ms
        yield Gap(start_ms, start_ms + length_ms, resolution_ms)


def _numbered[T: Hashable](things: Iterable[T]) -> dict[T, int]:
    return {thing: number for number, thing in enumerate(dict.fromkeys(things))}
