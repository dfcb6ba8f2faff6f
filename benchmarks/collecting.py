"""Collecting: from a reply's text to the chunks that are stored, against parsing its JSON alone."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median
from time import perf_counter, thread_time

from benchmarks import replies
from benchmarks.row import Row
from functions.hostup_collector import normalise as hostup
from functions.northflank_collector import normalise as northflank
from local.providers.hostup_timeframes import TIMEFRAMES, Timeframe
from tributary.chunk import split
from tributary.codec import encode
from tributary.provider import Json, Normalised
from tributary.windows import SECOND_MS

MOST = 4.0

# So many seconds of measuring for each reply.
_SECONDS = 4.0
_SEEN_MS = (replies.ELEVEN + 300) * SECOND_MS


def rows() -> Iterable[Row]:
    """A row for each shape of reply."""
    hour, half_hours, *_ = TIMEFRAMES
    of_northflank = partial(northflank.normalise, units=northflank.UnitFactors(), seen_ms=_SEEN_MS)
    of_hostup = partial(
        hostup.normalise, vps=replies.VPS.id, units=hostup.UnitFactors(), seen_ms=_SEEN_MS
    )
    day = Timeframe("day", 60, 1440)
    return [
        _row("Northflank, 5 minutes: 33 x 30", replies.northflank(30), of_northflank),
        _row("Northflank, an hour: 33 x 360", replies.northflank(360), of_northflank),
        _row("HostUp, hour: 6 x 60", replies.hostup(hour), of_hostup),
        _row("HostUp, day: 6 x 1440", replies.hostup(day), of_hostup),
        _row("HostUp, day in half-hours: 6 x 48", replies.hostup(half_hours), of_hostup),
    ]


def _row(what: str, text: str, normalise: Callable[[Json], Normalised]) -> Row:
    parsing, collecting = [], []
    for _ in _repeatedly(_SECONDS):
        parsing.append(_seconds(lambda: json.loads(text)))
        collecting.append(_seconds(lambda: _collected(text, normalise)))
    ours, peer = median(collecting), median(parsing)
    return Row(
        part="collecting, parse to chunk",
        what=what,
        ours=f"{ours * 1000:.2f} ms",
        peer=f"{peer * 1000:.2f} ms, json.loads",
        ratio=ours / peer,
        most=MOST,
    )


def _collected(text: str, normalise: Callable[[Json], Normalised]) -> None:
    for chunk in split("resource", normalise(json.loads(text)).columns):
        encode(chunk.columns)


def _repeatedly(seconds: float) -> Iterator[None]:
    end = perf_counter() + seconds
    while perf_counter() < end:
        yield


def _seconds(work: Callable[[], object]) -> float:
    """Of the processor, so that what else the machine does counts little."""
    began = thread_time()
    work()
    return thread_time() - began


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row.what:36} {row.ours:>10}  {row.peer:>22}  {row.ratio:.2f} of at most {row.most}"
        )
