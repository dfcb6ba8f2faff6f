"""HostUp's metrics answers in Tributary's model: fields, factors, and what each sample stands for.

Source: https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
"""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress, groupby
from math import isfinite, nan
from operator import itemgetter, sub
from typing import Any, NamedTuple, Self, cast

from functions.hostup_collector.timeframe import TIMEFRAMES
from tributary.columns import Column, ColumnKey, Origin, Run, column, merge, values_array
from tributary.errors import MalformedAnswerError, SettingsError
from tributary.metrics import converted, metric_named
from tributary.provider import Json, Normalised
from tributary.windows import MINUTE_MS, SECOND_MS, parse_all_rfc3339, parse_rfc3339

# Field of a sample → the model's metric, and the unit that the field's name ends in.
METRICS: Mapping[str, tuple[str, str]] = {
    "cpuUsagePercent": ("cpu.utilization", "Percent"),
    "memoryUsagePercent": ("memory.utilization", "Percent"),
    "diskReadMbPerSecond": ("disk.read", "MbPerSecond"),
    "diskWriteMbPerSecond": ("disk.write", "MbPerSecond"),
    "networkInboundKbPerSecond": ("network.receive", "KbPerSecond"),
    "networkOutboundKbPerSecond": ("network.transmit", "KbPerSecond"),
}

# Total of a summary, in Gb → the field whose samples should add up to it.
TOTALS: Mapping[str, str] = {
    "totalDiskReadGb": "diskReadMbPerSecond",
    "totalDiskWriteGb": "diskWriteMbPerSecond",
    "totalNetworkInboundGb": "networkInboundKbPerSecond",
    "totalNetworkOutboundGb": "networkOutboundKbPerSecond",
}

# What a sample of `hour` stands for where no spacing tells, as of a single one.
DEFAULT_RESOLUTION_MS = MINUTE_MS
# A VPS is one instance.
INSTANCE = "-"

_TIME = itemgetter("recordedAt")
_UNREADABLE = (KeyError, TypeError, ValueError)
_FLOAT = frozenset({float})
_ABSENT = (None, "")
_TOLERANCE = 0.05
# The documentation's totals have two decimals, so they may be off by half of the last one.
_ROUNDING_GB = 0.005
# Gaps within this share of the first are alike: samples may be some milliseconds off their grid.
_ALIKE = 0.2
# So many gaps alike in succession are a step of the samples; fewer are samples that are missing.
_STEP_GAPS = 3
# Two are one still if they are long and end at multiples of themselves, as a coarse step's do: the
# last of it to leave the window must not turn into minutes. Holes hardly ever do that twice.
_COARSE_STEP_GAPS = 2
_COARSE_STEP_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class UnitFactors:
    """How many bytes a Kb, Mb and Gb are, which HostUp doesn't document."""

    kb_bytes: float = 1000.0
    mb_bytes: float = 1_000_000.0
    gb_bytes: float = 1_000_000_000.0

    @classmethod
    def from_env(cls) -> Self:
        """HOSTUP_KB_BYTES, HOSTUP_MB_BYTES and HOSTUP_GB_BYTES; SettingsError if no number."""
        return cls(
            _positive("HOSTUP_KB_BYTES", cls().kb_bytes),
            _positive("HOSTUP_MB_BYTES", cls().mb_bytes),
            _positive("HOSTUP_GB_BYTES", cls().gb_bytes),
        )

    def ratios(self) -> Mapping[str, tuple[float, float]]:
        """By provider unit, what to multiply and then divide by to come to the model's unit."""
        return {
            "Percent": (1.0, 100.0),
            "KbPerSecond": (self.kb_bytes, 1.0),
            "MbPerSecond": (self.mb_bytes, 1.0),
        }


def normalise(answer: Json, vps: str, units: UnitFactors, seen_ms: int) -> Normalised:
    """The samples of a reply about one VPS, each with the resolution that the spacing tells.

    A sample or field that can't be read costs a warning and nothing else. An answer that is no
    object, has samples that are no list, or is about another VPS raises MalformedAnswerError.
    """
    warnings: list[str] = []
    timed = _timed(_samples_of(answer, vps), warnings)
    default_ms = _default_ms(answer)
    axis = _axis(timed.times, default_ms, seen_ms)
    if len(axis.times) == 1:
        seconds = default_ms // SECOND_MS
        warnings.append(f"one sample alone: it is taken to stand for the default, {seconds} s")
    columns = []
    for conversion in _conversions(timed.samples, units):
        times, values = _converted(timed, conversion, warnings)
        if values:
            columns.append(_column(conversion.key, times, values, axis, seen_ms))
    warnings += _mismatches(answer, columns, units)
    origins = [column.key.origin for column in columns]
    unknown = [(origin.metric, origin.unit) for origin in origins if origin.metric not in METRICS]
    instances: Mapping[str, Mapping[str, str]] = {INSTANCE: {}} if columns else {}
    return Normalised(tuple(columns), instances, tuple(unknown), tuple(warnings))


def resolutions_ms(times: Sequence[int], default_ms: int = DEFAULT_RESOLUTION_MS) -> list[int]:
    """What each of these instants, ascending, stands for, in milliseconds.

    A reply may mix two steps (Proxmox, which answers behind HostUp, stitches an old file before a
    new one), and may have holes. A step is what at least three neighbouring gaps agree on, or two
    of ten minutes or more that end at multiples of themselves; a sample that no step holds takes
    that of its neighbours. Where nothing agrees, the smallest gap counts, but for no more than the
    default, for it may be a hole.
    """
    gaps = list(map(sub, times[1:], times))
    if len(gaps) > 1 and len(set(gaps)) == 1:
        return [_whole_seconds(gaps[0])] * len(times)
    spans = list(_spans_alike(gaps))
    steps = [span for span in spans if _is_step(times, gaps, *span)]
    if not steps and len(gaps) > 1 and len(spans) == 1:
        steps = spans
    if not steps:
        return [min([default_ms, *gaps])] * len(times)
    found: list[int | None] = [None] * len(times)
    for first, last in steps:
        step_ms = _step_ms(gaps[first:last])
        for row in range(first, last + 1):
            found[row] = min(step_ms, found[row] or step_ms)
    return _filled(found)


class _Conversion(NamedTuple):
    key: ColumnKey
    multiply: float
    divide: float


class _Timed(NamedTuple):
    """The samples that have a readable time, in order of time; some may share theirs."""

    times: array[int]
    samples: Sequence[Mapping[str, Json]]


class _Axis(NamedTuple):
    """An answer's times, each once, what each stands for in ms, and the runs of those alike."""

    times: array[int]
    resolutions: Sequence[int]
    runs: tuple[Run, ...]


def _samples_of(answer: Json, vps: str) -> Sequence[Json]:
    if not isinstance(answer, dict):
        raise MalformedAnswerError("hostup answered metrics with JSON that is no object")
    named = answer.get("id")
    if named is not None and named != vps:
        raise MalformedAnswerError(f"hostup answered metrics of {named!r} instead of {vps}")
    samples = answer.get("samples")
    if not isinstance(samples, list | None):
        raise MalformedAnswerError(
            f"hostup answered metrics of {vps} with samples that are no list"
        )
    return samples or ()


def _timed(samples: Sequence[Json], warnings: list[str]) -> _Timed:
    # What is believed of the samples is checked by the errors that a wrong belief raises.
    believed = cast("Sequence[Mapping[str, Any]]", samples)
    try:
        times = parse_all_rfc3339(map(_TIME, believed))
    except _UNREADABLE:
        believed = [sample for sample in believed if _has_time(sample)]
        times = parse_all_rfc3339(map(_TIME, believed))
        left_out = len(samples) - len(believed)
        warnings.append(f"{left_out} samples left out: no object with a readable recordedAt")
    if times != sorted(times):
        rows = sorted(zip(times, believed, strict=True), key=itemgetter(0))
        times, believed = [time_ms for time_ms, _ in rows], [sample for _, sample in rows]
    return _Timed(array("q", times), believed)


def _has_time(sample: Any) -> bool:
    try:
        parse_rfc3339(_TIME(sample))
    except _UNREADABLE:
        return False
    return True


def _default_ms(answer: Json) -> int:
    """The coarsest step that the reply's timeframe has been known to have.

    Taken for too coarse, a sample yields to the minutes of its time; taken for a minute, half an
    hour's average would stand in the place of one.
    """
    named = answer.get("timeframe") if isinstance(answer, dict) else None
    steps = (timeframe.step_ms for timeframe in TIMEFRAMES if timeframe.name == named)
    return max(DEFAULT_RESOLUTION_MS, next(steps, 0))


def _axis(times: Iterable[int], default_ms: int, seen_ms: int) -> _Axis:
    once = list(dict.fromkeys(times))
    resolutions = resolutions_ms(once, default_ms)
    runs = (Run(len(list(alike)), step_ms, seen_ms) for step_ms, alike in groupby(resolutions))
    return _Axis(array("q", once), resolutions, tuple(runs))


def _conversions(
    samples: Sequence[Mapping[str, Json]], units: UnitFactors
) -> Iterator[_Conversion]:
    """The fields documented, then those that hold numbers and are not: under HostUp's own name."""
    yield from _documented(units)
    others = set[str]().union(*samples).difference(METRICS, ["recordedAt"])
    for field in sorted(others):
        if not any(_is_number(sample.get(field)) for sample in samples):
            continue
        yield _Conversion(ColumnKey(f"hostup.{field}", INSTANCE, Origin(field, "", 1.0)), 1.0, 1.0)


@cache
def _documented(units: UnitFactors) -> tuple[_Conversion, ...]:
    ratios = units.ratios()
    return tuple(
        _Conversion(
            ColumnKey(metric, INSTANCE, Origin(field, unit, multiply / divide)), multiply, divide
        )
        for field, (metric, unit) in METRICS.items()
        for multiply, divide in [ratios[unit]]
    )


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _converted(
    timed: _Timed, conversion: _Conversion, warnings: list[str]
) -> tuple[array[int], Sequence[float]]:
    """Times and converted values of one field, where it has any."""
    (name, _, origin), multiply, divide = conversion
    try:
        sent = list(map(itemgetter(origin.metric), timed.samples))
    except KeyError:
        sent = [sample.get(origin.metric) for sample in timed.samples]
    numbers = _numbers(origin.metric, sent, warnings)
    times, values = timed.times, converted(numbers, multiply, divide)
    if not isfinite(sum(values)):
        present = list(map(isfinite, values))
        times, values = array("q", compress(times, present)), list(compress(values, present))
    return times, metric_named(name, origin.unit).quantise_all(values)


def _numbers(field: str, sent: Sequence[Json], warnings: list[str]) -> Sequence[float]:
    """Each value as a number, NaN for what is absent; others that are none cost a warning."""
    if _FLOAT.issuperset(map(type, sent)):
        return cast("Sequence[float]", sent)
    numbers = [value if type(value) is float else _number(value) for value in sent]
    unreadable = sum(
        number is None and value not in _ABSENT for number, value in zip(numbers, sent, strict=True)
    )
    if unreadable:
        warnings.append(f"{unreadable} values of {field} left out: no numbers")
    return [nan if number is None else number for number in numbers]


def _number(sent: Json) -> float | None:
    """A number or numeric string; None for what is neither."""
    if isinstance(sent, bool) or not isinstance(sent, int | float | str):
        return None
    try:
        return float(sent)
    except (ValueError, OverflowError):
        return None


def _column(
    key: ColumnKey, times: array[int], values: Sequence[float], axis: _Axis, seen_ms: int
) -> Column:
    if times == axis.times:
        return Column(key, axis.times, values_array(values), axis.runs)
    resolutions = dict(zip(axis.times, axis.resolutions, strict=True))
    samples = sorted(zip(times, values, strict=True))
    by_step = groupby(samples, key=lambda sample: resolutions[sample[0]])
    return merge([column(key, part, step_ms, seen_ms) for step_ms, part in by_step])


def _mismatches(answer: Json, columns: Sequence[Column], units: UnitFactors) -> Iterator[str]:
    """Totals of the summary that differ from what the samples add up to."""
    summary = answer.get("summary") if isinstance(answer, dict) else None
    by_field = {column.key.origin.metric: column for column in columns}
    for total, field in TOTALS.items():
        stated = _number(summary.get(total)) if isinstance(summary, dict) else None
        if stated is None or not isfinite(stated) or field not in by_field:
            continue
        summed = _integral(by_field[field]) / units.gb_bytes
        if abs(stated - summed) > _TOLERANCE * max(abs(stated), summed) + _ROUNDING_GB:
            yield (
                f"{total} says {stated:g} Gb but the samples of {field} add up to {summed:.3g} Gb: "
                "a unit factor may be wrong"
            )


def _integral(column: Column) -> float:
    """Amount that the samples of a rate come to."""
    return sum(
        sum(column.values[first:last]) * run.resolution_ms / SECOND_MS
        for first, last, run in column.spans()
    )


def _spans_alike(gaps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First gap, and gap after the last, of each run of gaps that are about the same."""
    first = 0
    for row in range(1, len(gaps) + 1):
        if row == len(gaps) or abs(gaps[row] - gaps[first]) > _ALIKE * gaps[first]:
            yield first, row
            first = row


def _is_step(times: Sequence[int], gaps: Sequence[int], first: int, last: int) -> bool:
    """Whether a run of gaps alike is how far apart samples are, and no holes between them."""
    if last - first != _COARSE_STEP_GAPS:
        return last - first >= _STEP_GAPS
    step_ms = _step_ms(gaps[first:last])
    # The first gap may reach over a seam between two steps, so where it begins says nothing.
    off_ms = [(time_ms + SECOND_MS) % step_ms for time_ms in times[first + 1 : last + 1]]
    return step_ms >= _COARSE_STEP_MS and max(off_ms) <= 2 * SECOND_MS


def _step_ms(gaps: Sequence[int]) -> int:
    return _whole_seconds(sorted(gaps)[len(gaps) // 2])


def _whole_seconds(span_ms: int) -> int:
    return max(round(span_ms / SECOND_MS), 1) * SECOND_MS


def _filled(found: Sequence[int | None]) -> list[int]:
    """Each unknown resolution as the one before it, or as the first known."""
    latest = next(step_ms for step_ms in found if step_ms is not None)
    filled = []
    for step_ms in found:
        latest = step_ms or latest
        filled.append(latest)
    return filled


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    try:
        factor = float(text) if text else default
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise SettingsError(f"{name} is {text!r}: it should be a positive number, as {default:g}")
    return factor
