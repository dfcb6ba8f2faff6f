"""The tests' own validator of PutMetricData refuses what CloudWatch documents that it refuses."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.layer.put_metric_data import violations

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def datum(**changes: Any) -> dict[str, Any]:
    return {
        "MetricName": "cpu.utilization",
        "Dimensions": [{"Name": "Provider", "Value": "hostup"}],
        "Timestamp": NOW,
        "StatisticValues": {"SampleCount": 1, "Sum": 2.0, "Minimum": 2.0, "Maximum": 2.0},
        "Unit": "Percent",
    } | changes


def of(*datums: dict[str, Any], namespace: str = "Tributary") -> list[str]:
    return violations({"Namespace": namespace, "MetricData": list(datums)}, NOW.timestamp())


def statistics(**changes: float) -> dict[str, Any]:
    known = {"SampleCount": 1, "Sum": 2.0, "Minimum": 2.0, "Maximum": 2.0}
    return datum(StatisticValues=known | changes)


def test_a_request_within_the_limits_is_taken() -> None:
    assert of(*[datum()] * 1000) == []
    assert of(datum(Timestamp=NOW - timedelta(days=14))) == []
    assert of(datum(Timestamp=NOW + timedelta(hours=2))) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (datum(Timestamp=NOW - timedelta(days=14, seconds=1)), "a timestamp 1209601 s ago"),
        (datum(Timestamp=NOW + timedelta(hours=2, seconds=1)), "a timestamp -7201 s ago"),
        (datum(MetricName=""), "metric name ''"),
        (datum(MetricName="x" * 256), "metric name 'x+'"),
        (datum(MetricName="größe"), "metric name 'größe'"),
        (datum(Unit="Furlongs"), "unit 'Furlongs'"),
        (datum(Dimensions=[{"Name": str(n), "Value": "x"} for n in range(31)]), "31 dimensions"),
        (datum(Dimensions=[{"Name": "Resource", "Value": "x" * 1025}]), "dimension value 'x+'"),
        (datum(Dimensions=[{"Name": "Resource", "Value": " "}]), "dimension value ' '"),
        (datum(Dimensions=[{"Name": "Größe", "Value": "x"}]), "dimension name 'Größe'"),
        (datum(Dimensions=[{"Name": "A", "Value": "x"}] * 2), "a dimension twice"),
        (statistics(Maximum=float("nan")), "the value nan"),
        (statistics(Sum=float("inf")), "the value inf"),
        (statistics(Maximum=2.0**361), "the value "),
        (statistics(SampleCount=0), "a set of statistics over nothing"),
        (datum(Value=1.0), "values given as"),
        (datum(StorageResolution=30), "storage resolution 30"),
    ],
)
def test_a_datum_beyond_a_limit_is_refused(wrong: dict[str, Any], said: str) -> None:
    assert any(re.search(said, one) for one in of(datum(), wrong))


def test_more_than_150_values_are_refused() -> None:
    many = {name: one for name, one in datum().items() if name != "StatisticValues"}

    assert of(many | {"Values": [1.0] * 150, "Counts": [1.0] * 150}) == []
    assert of(many | {"Values": [1.0] * 151}) == ["151 values and 0 counts"]


@pytest.mark.parametrize("namespace", ["AWS/EC2", "", ":x", "Größe"])
def test_a_namespace_that_is_not_ours_is_refused(namespace: str) -> None:
    assert of(datum(), namespace=namespace)


def test_too_many_datums_and_bytes_are_refused() -> None:
    long = datum(Dimensions=[{"Name": "Resource", "Value": "x" * 1024}])

    assert of() == ["0 datums"]
    assert of(*[datum()] * 1001) == ["1001 datums"]
    assert any("bytes" in one for one in of(*[long] * 1000))
