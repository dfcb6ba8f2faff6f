"""What CloudWatch is told: one set of statistics per resource, metric and minute."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tributary.columns import Column
from tributary.metrics import Metric, metric_named
from tributary.windows import FIVE_MINUTES_MS, MINUTE_MS, SECOND_MS, Window, floor_to


@dataclass(frozen=True, slots=True)
class Statistics:
    """The samples of all instances of a resource in one minute, as a gauge of `unit`.

    `metric` is CloudWatch's metric name, `unit` one of its units.
    """

    resource: str
    metric: str
    unit: str
    minute_ms: int
    count: int
    total: float
    least: float
    greatest: float


# UCUM unit and kind → CloudWatch's unit and the factor into it. CloudWatch adds up what is sent
# twice, so a delta goes as a rate: an average survives repetition and a sum would not.
_UNITS = {
    ("1", "gauge"): ("Percent", 100.0),
    ("By", "gauge"): ("Bytes", 1.0),
    ("By/s", "gauge"): ("Bytes/Second", 1.0),
    ("{connection}", "gauge"): ("Count", 1.0),
    ("{request}/s", "gauge"): ("Count/Second", 1.0),
    ("{response}/s", "gauge"): ("Count/Second", 1.0),
    ("{response}", "delta"): ("Count/Second", 1.0),
    ("By", "delta"): ("Bytes/Second", 1.0),
}


# A request that holds a number beyond is refused whole:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_LARGEST_TAKEN = 2.0**360


def published_name(metric: str) -> str:
    """CloudWatch's name: a delta and its rate are one there, for both go as a rate."""
    return metric.removesuffix(".rate")


def minute_statistics(resource: str, columns: Iterable[Column], window: Window) -> list[Statistics]:
    """Statistics of every metric and minute in the window that has samples, in order of time."""
    gathered: defaultdict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for column in columns:
        metric = metric_named(column.key.metric)
        samples = gathered[column.key.metric]
        for time_ms, value in _as_gauge(metric, column.between(window.start_ms, window.end_ms)):
            # A resource's total is one number an instant, under whatever instances it arrives.
            owner = "" if metric.scope == "resource" else column.key.instance
            samples[owner, time_ms] = max(value, samples.get((owner, time_ms), value))
    return sorted(
        (
            one
            for name, samples in gathered.items()
            for one in _by_minute(resource, metric_named(name), samples)
        ),
        key=lambda one: (one.minute_ms, one.metric),
    )


def _as_gauge(metric: Metric, column: Column) -> Iterable[tuple[int, float]]:
    for first, last, run in column.spans():
        if run.resolution_ms > FIVE_MINUTES_MS:
            continue  # A host's average over half an hour says nothing about one minute of it.
        seconds = run.resolution_ms / SECOND_MS if metric.kind == "delta" else 1.0
        for row in range(first, last):
            yield column.times[row], column.values[row] / seconds


def _by_minute(
    resource: str, metric: Metric, samples: dict[tuple[str, int], float]
) -> Iterable[Statistics]:
    unit, factor = _UNITS.get((metric.unit, metric.kind), ("None", 1.0))
    minutes: defaultdict[int, list[float]] = defaultdict(list)
    for (_, time_ms), value in samples.items():
        minutes[floor_to(MINUTE_MS, time_ms)].append(value * factor)
    for minute_ms, values in minutes.items():
        total, least, greatest = sum(values), min(values), max(values)
        if max(abs(total), -least, greatest) <= _LARGEST_TAKEN:
            yield Statistics(
                resource, published_name(metric.name), unit, minute_ms,
                len(values), total, least, greatest,
            )  # fmt: skip
