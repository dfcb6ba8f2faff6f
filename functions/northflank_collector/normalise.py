"""Northflank's metrics answers in Tributary's model: what is called what, and by which factor.

Source: https://northflank.com/docs/v1/api/services/get-service-metrics
"""

import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from operator import itemgetter, lt
from typing import Any, NamedTuple, Self, cast

from tributary.columns import Column, ColumnKey, Origin, Run, column, values_array
from tributary.errors import MalformedAnswerError, SettingsError
from tributary.metrics import Metric, converted, metric_named
from tributary.provider import Json, Normalised
from tributary.windows import DAY_MS, MINUTE_MS, SECOND_MS, parse_all_rfc3339, parse_rfc3339

# Provider metric and unit → the model's metric. A pair that is not here is kept under Northflank's
# own name: the documentation names eleven metrics and six units, but not which goes with which.
METRICS: Mapping[tuple[str, str], str] = {
    ("cpu", "pct"): "cpu.utilization",
    ("cpu", "vCPU"): "cpu.usage",
    ("memory", "pct"): "memory.utilization",
    ("memory", "mb"): "memory.usage",
    ("networkIngress", "kbps"): "network.receive",
    ("networkEgress", "kbps"): "network.transmit",
    ("tcpConnectionsOpen", "count"): "network.connections",
    ("diskUsage", "mb"): "filesystem.usage",
    ("diskUsage", "pct"): "filesystem.utilization",
    ("requests", "rps"): "http.requests",
    ("http4xxResponses", "count"): "http.responses.4xx",
    ("http4xxResponses", "rps"): "http.responses.4xx.rate",
    ("http5xxResponses", "count"): "http.responses.5xx",
    ("http5xxResponses", "rps"): "http.responses.5xx.rate",
    ("bandwidth", "kbps"): "network.bandwidth",
    ("bandwidthVolume", "mb"): "network.transfer",
}

METRIC_TYPES = tuple(dict.fromkeys(metric for metric, _ in METRICS))

# What a sample stands for where neither the answer nor the samples' spacing tells.
DEFAULT_RESOLUTION_MS = MINUTE_MS
_COARSEST_RESOLUTION_MS = 366 * DAY_MS

_TIME, _VALUE = itemgetter("ts"), itemgetter("value")
_NUMBERS = frozenset({int, float})
_UNREADABLE = (KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class UnitFactors:
    """What Northflank's units mean, which it doesn't document: bits/s in a kbps, bytes in an mb."""

    kbps_bits: float = 1000.0
    mb_bytes: float = 1_000_000.0

    @classmethod
    def from_env(cls) -> Self:
        """NORTHFLANK_KBPS_BITS and NORTHFLANK_MB_BYTES; a SettingsError if one is no number."""
        return cls(
            _positive("NORTHFLANK_KBPS_BITS", cls().kbps_bits),
            _positive("NORTHFLANK_MB_BYTES", cls().mb_bytes),
        )

    def ratios(self) -> Mapping[str, tuple[float, float]]:
        """By provider unit, what to multiply and then divide by to come to the model's unit.

        Two numbers because a division by 100 gives the number that a person expects more often
        than a multiplication by 0.01 does.
        """
        return {
            "pct": (1.0, 100.0),
            "vCPU": (1.0, 1.0),
            "mb": (self.mb_bytes, 1.0),
            "kbps": (self.kbps_bits, 8.0),
            "rps": (1.0, 1.0),
            "count": (1.0, 1.0),
        }


def normalise(answer: Json, units: UnitFactors, seen_ms: int) -> Normalised:
    """The samples of a reply to get-service-metrics, each with the unit that the reply gives it.

    A metric or an entry that can't be read costs a warning and nothing else; an answer without a
    `data` object raises MalformedAnswerError.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise MalformedAnswerError("northflank answered metrics without a data object")
    reading = _Reading(units, seen_ms)
    for metric, series in data.items():
        reading.add(metric, series)
    return reading.done()


class _Conversion(NamedTuple):
    metric: Metric
    origin: Origin
    multiply: float
    divide: float


class _Axis(NamedTuple):
    """Times in ms; `ordered` if each is later than the one before."""

    times: array[int]
    ordered: bool


class _Samples(NamedTuple):
    """The samples of one entry: a value, in the model's unit, for each time of the axis."""

    axis: _Axis
    values: Sequence[float]


class _Axes:
    """The times of an answer, read once where its metrics and containers share them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[list[str], _Axis]] = {}
        self._instants: dict[str, int] = {}

    def axis(self, texts: list[str]) -> _Axis:
        """The times of some texts, one at least; any of _UNREADABLE if one is no time."""
        about = texts[0], len(texts)
        if about not in self._known or self._known[about][0] != texts:
            times = parse_all_rfc3339(texts)
            axis = _Axis(array("q", times), all(map(lt, times, times[1:])))
            self._known[about] = texts, axis
        return self._known[about][1]

    def instant(self, text: str) -> int:
        """The time of one text; any of _UNREADABLE if it is none."""
        if text not in self._instants:
            self._instants[text] = parse_rfc3339(text)
        return self._instants[text]


class _Reading:
    """What has been read of one answer so far."""

    def __init__(self, units: UnitFactors, seen_ms: int) -> None:
        self._ratios, self._seen_ms = units.ratios(), seen_ms
        self._axes = _Axes()
        self._columns: list[Column] = []
        self._instances: dict[str, Mapping[str, str]] = {}
        self._unknown: dict[tuple[str, str], None] = {}
        self._warnings: list[str] = []

    def add(self, metric: str, series: Json) -> None:
        """Reads one entry of `data`; the key is the metric, for `metricId` may be missing."""
        values = series.get("values") if isinstance(series, dict) else series
        if series is None or values is None:
            return
        if not isinstance(series, dict) or not isinstance(values, list):
            self._warnings.append(f"{metric} left out: not an object with a list of values")
            return
        info = series.get("metricInfo")
        info = info if isinstance(info, dict) else {}
        self._check_id(metric, info)
        conversion = self._conversion(metric, info.get("metricUnit"))
        samples = self._samples(metric, values, conversion)
        if samples:
            self._keep(conversion, samples, self._resolution_ms(metric, info, samples.values()))

    def done(self) -> Normalised:
        """All that was read."""
        return Normalised(
            tuple(self._columns), self._instances, tuple(self._unknown), tuple(self._warnings)
        )

    def _check_id(self, metric: str, info: Mapping[str, Json]) -> None:
        named = info.get("metricId")
        if named is not None and named != metric:
            self._warnings.append(f"{metric} carries the metricId {named!r}: kept as {metric}")

    def _conversion(self, metric: str, unit: Json) -> _Conversion:
        unit = unit if isinstance(unit, str) else ""
        name = METRICS.get((metric, unit))
        if name is None:
            own = metric_named(f"northflank.{metric}", unit)
            return _Conversion(own, Origin(metric, unit, 1.0), 1.0, 1.0)
        multiply, divide = self._ratios[unit]
        origin = Origin(metric, unit, multiply / divide)
        return _Conversion(metric_named(name), origin, multiply, divide)

    def _samples(
        self, metric: str, values: Sequence[Json], conversion: _Conversion
    ) -> Mapping[str, list[_Samples]]:
        """What the entries hold by instance; instances without samples are left out."""
        by_instance: defaultdict[str, list[_Samples]] = defaultdict(list)
        unreadable = 0
        for entry in values:
            points = entry.get("data") if isinstance(entry, dict) else None
            if not isinstance(entry, dict) or not isinstance(points, list | None):
                self._warnings.append(f"an entry of {metric} left out: no object with data")
                continue
            samples, failed = _converted(points or [], conversion, self._axes)
            unreadable += failed
            if samples.values:
                by_instance[self._instance(entry.get("metadata"))].append(samples)
        if unreadable:
            self._warnings.append(
                f"{unreadable} samples of {metric} left out: no readable time and number"
            )
        return by_instance

    def _instance(self, metadata: Json) -> str:
        """The instance's id, its attributes noted; "-" where the answer names no container."""
        names = metadata if isinstance(metadata, dict) else {}
        container, volume = names.get("containerId"), names.get("volumeId")
        attributes: dict[str, str] = {}
        if isinstance(container, str) and container:
            attributes["container"] = container
            # A deployment's containers share its name: https://northflank.com/docs/v1/application/observe/monitor-containers
            if "-" in container:
                attributes["deployment"] = container.rpartition("-")[0]
        if isinstance(volume, str) and volume:
            attributes["volume"] = volume
        instance = attributes.get("container", "-")
        if "volume" in attributes:
            instance = f"{instance}/{attributes['volume']}"
        self._instances[instance] = attributes
        return instance

    def _resolution_ms(
        self,
        metric: str,
        info: Mapping[str, Json],
        samples: Iterable[Sequence[_Samples]],
    ) -> int:
        stated_ms = _stated_resolution_ms(info.get("metricResolution"))
        if stated_ms is not None:
            return stated_ms
        spacing_ms = _median_spacing_ms(samples)
        resolution_ms = spacing_ms or DEFAULT_RESOLUTION_MS
        taken = "the samples' median spacing" if spacing_ms else "the default"
        self._warnings.append(
            f"{metric} has no metricResolution: {taken}, {resolution_ms / SECOND_MS:g} s, is taken"
        )
        return resolution_ms

    def _keep(
        self,
        conversion: _Conversion,
        samples: Mapping[str, list[_Samples]],
        resolution_ms: int,
    ) -> None:
        name, origin = conversion.metric.name, conversion.origin
        if (origin.metric, origin.unit) not in METRICS:
            self._unknown[origin.metric, origin.unit] = None
        for instance, found in samples.items():
            key = ColumnKey(name, instance, origin)
            self._columns.append(_column(key, found, resolution_ms, self._seen_ms))


def _converted(
    points: Sequence[Json], conversion: _Conversion, axes: _Axes
) -> tuple[_Samples, int]:
    """The points that have a time and a number, and how many of the others are beyond reading."""
    # What is believed of the points' shape is checked by the errors that a wrong belief raises:
    # this is done for every sample there is, and should cost little more than parsing its JSON.
    believed = cast("Sequence[Mapping[str, Any]]", points)
    try:
        samples = _all_converted(believed, conversion, axes)
    except _UNREADABLE:
        samples = None
    return _each_converted(believed, conversion, axes) if samples is None else (samples, 0)


def _all_converted(
    points: Sequence[Mapping[str, Any]], conversion: _Conversion, axes: _Axes
) -> _Samples | None:
    """The samples, where every point is as documented; otherwise None or an error."""
    metric, _, multiply, divide = conversion
    sent = list(map(_VALUE, points))
    if not sent or not _NUMBERS.issuperset(map(type, sent)):
        return None
    values = converted(sent, multiply, divide)
    if not isfinite(sum(values)):
        return None
    return _Samples(axes.axis(list(map(_TIME, points))), metric.quantise_all(values))


def _each_converted(
    points: Sequence[Mapping[str, Any]], conversion: _Conversion, axes: _Axes
) -> tuple[_Samples, int]:
    """As `_converted`, point by point, since some are strings, absent or make no sense."""
    metric, _, multiply, divide = conversion
    times, values = array("q"), []
    unreadable = 0
    for point in points:
        try:
            sent, time_ms = _VALUE(point), axes.instant(_TIME(point))
            value = float(sent) * multiply / divide
        except _UNREADABLE:
            unreadable += not _is_gap(point)
            continue
        if isinstance(sent, bool):
            unreadable += 1
        elif isfinite(value):
            times.append(time_ms)
            values.append(metric.quantise(value))
    return _Samples(_Axis(times, ordered=False), values), unreadable


def _column(
    key: ColumnKey, samples: Sequence[_Samples], resolution_ms: int, seen_ms: int
) -> Column:
    (axis, values), *others = samples
    if axis.ordered and not others:
        run = Run(len(values), resolution_ms, seen_ms)
        return Column(key, axis.times, values_array(values), (run,))
    pairs = (pair for axis, values in samples for pair in zip(axis.times, values, strict=True))
    return column(key, pairs, resolution_ms, seen_ms)


def _is_gap(point: Json) -> bool:
    """Whether a point says that there is no value, rather than something that makes no sense."""
    return isinstance(point, dict) and point.get("value") in (None, "")


def _stated_resolution_ms(seconds: Json) -> int | None:
    """`metricResolution`, which is in seconds by the vendor's own client; None if it is no span."""
    if not isinstance(seconds, int | float | str):
        return None
    try:
        resolution_ms = round(float(seconds) * SECOND_MS)
    except (ValueError, OverflowError):
        return None
    return resolution_ms if 0 < resolution_ms <= _COARSEST_RESOLUTION_MS else None


def _median_spacing_ms(samples: Iterable[Sequence[_Samples]]) -> int | None:
    spacings = array("q")
    for found in samples:
        times = sorted({time_ms for axis, _ in found for time_ms in axis.times})
        spacings.extend(later - earlier for earlier, later in pairwise(times))
    return sorted(spacings)[(len(spacings) - 1) // 2] if spacings else None


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    try:
        factor = float(text) if text else default
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise SettingsError(f"{name} is {text!r}: it should be a positive number, as {default:g}")
    return factor
