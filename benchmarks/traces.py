"""Traces: measured numbers that benchmarks replay, from a folder of CSV or recorded on the spot."""

import csv
import math
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

from local.failure import Failure
from local.providers.load import Counters, measured

# One value of a trace, whatever time it took, is replayed as one sample for so long.
STEP_SECONDS = 10
DAY_SAMPLES = 24 * 3600 // STEP_SECONDS
_RECORDED_SECONDS = 60
# How far a repetition's level may lie from the first one's.
_SHIFT = 0.1
# What has more digits after the point was computed, by dividing; nobody measures in such quanta.
_MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Trace:
    """One column of a file: `host` is the file, or ALONE for all files that have only one.

    All values are multiples of `quantum` / 10^`decimals`, or if that is 0, of nothing to speak of.
    """

    host: str
    name: str
    values: tuple[float, ...]
    decimals: int
    quantum: int

    def in_quanta(self, value: float) -> float:
        """The multiple next to the value."""
        if self.quantum == 0:
            return value
        scale = 10.0**self.decimals
        return round(value * scale / self.quantum) * self.quantum / scale


ALONE = "one-series-a-file"


def loaded(folder: Path) -> list[Trace]:
    """The traces in a folder's CSV files: a first column of times ("YYYY-MM-DD HH:MM:SS" or Unix
    seconds), then a series a column; their rows in order of time. Raises Failure."""
    traces = [trace for path in sorted(folder.glob("*.csv")) for trace in _of_file(path)]
    if not traces:
        raise Failure(f"TRACES={folder} holds no CSV file with a time and a number in each row.")
    return traces


def recorded(seconds: int = _RECORDED_SECONDS) -> list[Trace]:
    """Traces of this machine's load, read every second for so long."""
    columns: dict[str, list[float]] = {}
    before, due = Counters.now(), time.monotonic()
    for _ in range(seconds):
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))
        after = Counters.now()
        for signal, value in measured(before, after).items():
            columns.setdefault(signal.value, []).append(value)
        before = after
    return [_trace("this-machine", name, list(map(str, found))) for name, found in columns.items()]


def replayed(trace: Trace, samples: int, seed: str, offset: int = 0) -> array[float]:
    """So many values of a trace from an offset on, begun again where it ends.

    Each time it begins again it is on another level, up to a tenth higher or lower, in multiples
    of the quantum it was measured in. A factor, since an added constant vanishes between
    neighbours, and whoever stores differences of days in one block would store one repetition.
    """
    random = Random(seed)
    values, level = array("d"), 1.0
    start = offset % len(trace.values)
    while len(values) < samples:
        values.extend(trace.in_quanta(value * level) for value in trace.values[start:])
        level, start = random.uniform(1 - _SHIFT, 1 + _SHIFT), 0
    return values[:samples]


def _of_file(path: Path) -> Iterator[Trace]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = sorted((row for row in rows if _is_whole(row, header)), key=lambda row: _time(row[0]))
    if rows:
        for place, name in enumerate(header[1:], 1):
            host, called = (path.stem, name) if len(header) > 2 else (ALONE, path.stem)
            yield _trace(host, called, [row[place] for row in rows])


def _is_whole(row: Sequence[str], header: Sequence[str]) -> bool:
    return len(row) == len(header) > 1 and all(map(_is_number, row[1:]))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _time(text: str) -> float:
    """Unix seconds."""
    if _is_number(text):
        return float(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _trace(host: str, name: str, texts: Sequence[str]) -> Trace:
    values, decimals = tuple(map(float, texts)), max(map(_decimals, texts))
    if decimals > _MOST_DECIMALS:
        return Trace(host, name, values, decimals, 0)
    quantum = math.gcd(*(round(value * 10**decimals) for value in values))
    return Trace(host, name, values, decimals, quantum)


def _decimals(text: str) -> int:
    """Digits after the point that are not zeros at the end: none in `94.0`."""
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def by_host(traces: Sequence[Trace]) -> Mapping[str, list[Trace]]:
    """The traces of each host, in the order of the files."""
    hosts: dict[str, list[Trace]] = {}
    for trace in traces:
        hosts.setdefault(trace.host, []).append(trace)
    return hosts
