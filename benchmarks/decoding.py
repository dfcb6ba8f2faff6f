"""Decoding: hour chunks back into numbers, against one number at a time and against numpy."""

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from itertools import accumulate
from statistics import median
from time import perf_counter, thread_time
from typing import Any
from unittest.mock import patch

from benchmarks import replies
from benchmarks.row import Row
from functions.northflank_collector.normalise import UnitFactors, normalise
from functions.query_api.align import Aligner, Found
from functions.query_api.arithmetic import Lists
from functions.query_api.plan import Grid
from tributary.codec import decode, encode
from tributary.columns import Column, ColumnKey, merge
from tributary.frame import Frame
from tributary.varint import Reader, woven
from tributary.windows import DAY_MS, MINUTE_MS, SECOND_MS

type Work = Callable[[], object]
type Way = Callable[[], AbstractContextManager[object]]

_PART = "decoding"
_SECONDS = 15.0
_HOURS, _ROWS = 24, 360
_START = replies.TEN - replies.TEN % 86_400
_GRID = Grid(_START * SECOND_MS, _START * SECOND_MS + DAY_MS, MINUTE_MS)
_ALIGNER = Aligner(_GRID, Lists())


def rows() -> Iterable[Row]:
    """Rows about the day of a container: eleven metrics at ten seconds, in hour chunks."""
    chunks = list(_day())
    everything, one = _samples(chunks, _all), _samples(chunks, _cpu)
    yield _row("all metrics", everything, lambda: _decoded(chunks, _all), _plainly, "plain")
    yield _row("one metric of eleven", one, lambda: _decoded(chunks, _cpu), _plainly, "plain")
    try:
        numpy = import_module("numpy")
    except ImportError:
        yield Row(_PART, "all metrics, by numpy", "", "numpy is not installed")
        return

    def by_numpy() -> AbstractContextManager[object]:
        return _by_numpy(numpy)

    yield _row("all metrics", everything, lambda: _decoded(chunks, _all), by_numpy, "numpy")
    yield _row(
        "all metrics, joined and averaged over 60 s",
        everything,
        lambda: _averaged(chunks),
        by_numpy,
        "numpy",
        lambda: _averaged_by_numpy(numpy, chunks),
    )


def _row(what: str, samples: int, work: Work, way: Way, name: str, peer: Work | None = None) -> Row:
    """The work as it is, against the same in another way."""
    ours, others = [], []
    end = perf_counter() + _SECONDS
    while perf_counter() < end:
        ours.append(_seconds(work))
        with way():
            others.append(_seconds(peer or work))
    mine, theirs = median(ours), median(others)
    return Row(
        part=_PART,
        what=what,
        ours=f"{samples / mine / 1e6:.1f} million samples/s",
        peer=f"{samples / theirs / 1e6:.1f} million samples/s, {name}",
        ratio=mine / theirs,
    )


def _seconds(work: Work) -> float:
    """Of the processor, so that what else the machine does counts little."""
    began = thread_time()
    work()
    return thread_time() - began


def _day() -> Iterator[bytes]:
    for hour in range(_HOURS):
        reply = json.loads(replies.northflank(_ROWS, _START + hour * 3600))
        columns = normalise(reply, UnitFactors(), _GRID.end_ms).columns
        container = columns[0].key.instance
        yield encode(
            sorted(
                (column for column in columns if column.key.instance == container),
                key=lambda column: column.key,
            )
        ).data


def _all(key: ColumnKey) -> bool:
    return True


def _cpu(key: ColumnKey) -> bool:
    return key.metric == "cpu.utilization"


def _samples(chunks: Sequence[bytes], wanted: Callable[[ColumnKey], bool]) -> int:
    return sum(map(len, _decoded(chunks, wanted)))


def _decoded(chunks: Sequence[bytes], wanted: Callable[[ColumnKey], bool]) -> list[Column]:
    return [column for chunk in chunks for column in decode(chunk, wanted)]


def _by_key(chunks: Sequence[bytes]) -> Mapping[ColumnKey, list[Column]]:
    found: defaultdict[ColumnKey, list[Column]] = defaultdict(list)
    for column in _decoded(chunks, _all):
        found[column.key].append(column)
    return found


def _averaged(chunks: Sequence[bytes]) -> list[object]:
    return [
        _ALIGNER.aligned(Found((merge(columns),)), "avg", "gauge").values
        for columns in _by_key(chunks).values()
    ]


def _averaged_by_numpy(numpy: Any, chunks: Sequence[bytes]) -> list[object]:
    averages = []
    for columns in _by_key(chunks).values():
        times = numpy.concatenate([column.times for column in columns])
        values = numpy.concatenate([column.values for column in columns])
        steps = (times - _GRID.start_ms) // _GRID.step_ms
        sums = numpy.bincount(steps, weights=values, minlength=_GRID.points)
        averages.append(sums / numpy.bincount(steps, minlength=_GRID.points))
    return averages


@contextmanager
def _plainly() -> Iterator[None]:
    """As one would write it first: integers out of words, and a number out of each."""

    def numbers(frame: Frame, reader: Reader, rows: int) -> list[int]:
        offsets = array("Q", bytes(_words(frame, reader, rows)))
        numbers = [frame.base + offset for offset in offsets]
        if not frame.summed:
            return numbers
        return list(accumulate(numbers, initial=frame.start))[1:]

    def integers(frame: Frame, reader: Reader, rows: int) -> array[int]:
        return array("q", numbers(frame, reader, rows))

    def floats(frame: Frame, reader: Reader, rows: int, step: int, scale: float) -> array[float]:
        return array("d", [number * step / scale for number in numbers(frame, reader, rows)])

    with patch.object(Frame, "integers", integers), patch.object(Frame, "floats", floats):
        yield


@contextmanager
def _by_numpy(numpy: Any) -> Iterator[None]:
    """The columns' times and values as numpy's arrays."""

    def integers(frame: Frame, reader: Reader, rows: int) -> Any:
        numbers = numpy.frombuffer(_words(frame, reader, rows), "<i8") + frame.base
        return frame.start + numpy.cumsum(numbers) if frame.summed else numbers

    def floats(frame: Frame, reader: Reader, rows: int, step: int, scale: float) -> Any:
        return integers(frame, reader, rows) * step / scale

    with patch.object(Frame, "integers", integers), patch.object(Frame, "floats", floats):
        yield


def _words(frame: Frame, reader: Reader, rows: int) -> bytearray:
    planes = reader.planes(rows, frame.width)
    return woven(planes) if planes else bytearray(8 * rows)


if __name__ == "__main__":
    for row in rows():
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} of its time"
        print(f"{row.what:44} {row.ours:>26}  {row.peer:>34}  {ratio}")
