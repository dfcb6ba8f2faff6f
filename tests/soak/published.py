"""What CloudWatch makes of all that it was sent, by metric, resource and minute."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isclose
from typing import Any

from tests.layer.put_metric_data import violations
from tests.soak.clock import Clock

# Metric, resource, and the minute in Unix seconds.
type Minute = tuple[str, str, int]


@dataclass(slots=True)
class Point:
    """One minute of a metric as CloudWatch shows it."""

    unit: str
    count: float = 0.0
    total: float = 0.0
    least: float = inf
    greatest: float = -inf

    def add(self, statistics: Mapping[str, float]) -> None:
        """Adds a set of statistics, as CloudWatch does."""
        self.count += statistics["SampleCount"]
        self.total += statistics["Sum"]
        self.least = min(self.least, statistics["Minimum"])
        self.greatest = max(self.greatest, statistics["Maximum"])


@dataclass(slots=True)
class Published:
    """Notes each request to PutMetricData; one that CloudWatch would refuse fails the week."""

    clock: Clock
    points: dict[Minute, Point] = field(default_factory=dict)

    def note(self, asked: Mapping[str, Any]) -> None:
        """A request that was taken."""
        assert violations(asked, self.clock()) == []
        for datum in asked["MetricData"]:
            minute = int(datum["Timestamp"].timestamp())
            key = datum["MetricName"], datum["Dimensions"][2]["Value"], minute
            self.points.setdefault(key, Point(datum["Unit"])).add(datum["StatisticValues"])


# The model's metric: the unit at CloudWatch, the factor into it, and whether it is a total of the
# resource, whatever instance it came under. Deltas of ten seconds go as rates.
_PUBLISHED = {
    "cpu.utilization": ("Percent", 100.0, False),
    "memory.utilization": ("Percent", 100.0, False),
    "http.requests": ("Count/Second", 1.0, True),
    "http.responses.5xx": ("Count/Second", 0.1, True),
}


def minute_of(resource: str, metric: str, at_ms: int) -> Minute | None:
    """The minute of a sample (ms) at CloudWatch, None if its metric is not sent there."""
    return (metric, resource, at_ms // 60_000 * 60) if metric in _PUBLISHED else None


def expected_points(
    resource: str, samples: Iterable[tuple[str, str, int, float]]
) -> dict[Minute, Point]:
    """What CloudWatch should show of samples: instance, metric, time (ms) and value."""
    values: dict[tuple[Minute, str, int], float] = {}
    for instance, metric, at_ms, value in samples:
        if metric in _PUBLISHED:
            owner = "" if _PUBLISHED[metric][2] else instance
            minute = metric, resource, at_ms // 60_000 * 60
            known = values.get((minute, owner, at_ms), value)
            values[minute, owner, at_ms] = max(known, value)
    gathered: defaultdict[Minute, list[float]] = defaultdict(list)
    for (minute, _, _), value in values.items():
        gathered[minute].append(value * _PUBLISHED[minute[0]][1])
    return {
        minute: Point(_PUBLISHED[minute[0]][0], len(found), sum(found), min(found), max(found))
        for minute, found in gathered.items()
    }


def shown_wrong(points: Mapping[Minute, Point], expected: Mapping[Minute, Point]) -> Iterator[str]:
    """Minutes of which CloudWatch shows another average, minimum or maximum."""
    for minute, point in points.items():
        should = expected.get(minute)
        if should is None:
            yield f"CloudWatch shows {minute} and nothing of it is stored"
        elif not _alike(point, should):
            yield f"CloudWatch shows {point} for {minute}, not {should}"


def _alike(point: Point, should: Point) -> bool:
    averages = point.total / point.count, should.total / should.count
    return point.unit == should.unit and all(
        isclose(shown, stored, rel_tol=1e-9)
        for shown, stored in (
            averages,
            (point.least, should.least),
            (point.greatest, should.greatest),
        )
    )
