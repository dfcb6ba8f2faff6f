"""What CloudWatch was sent equals the minutes of what the simulators say they served."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import boto3
import pytest

from tests.stack.collected import CollectedStack, Served

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def minutes(
    served: Iterable[Served], factor: float, start_ms: int, end_ms: int
) -> dict[int, list[float]]:
    """The values of all series by minute in Unix seconds."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for series in served:
        for ts, value in series.samples.items():
            if start_ms <= ts < end_ms:
                found[ts // MINUTE_MS * 60].append(value * factor)
    return found


@pytest.mark.parametrize(
    ("provider", "native", "sent", "metric", "unit", "factor"),
    [
        # Percent is 0 to 100 at both providers and in CloudWatch
        ("northflank", "shop/services/api", "cpu", "cpu.utilization", "Percent", 1),
        ("northflank", "shop/services/api", "memory", "memory.utilization", "Percent", 1),
        ("northflank", "shop/services/api", "requests", "http.requests", "Count/Second", 1),
        # counts of ten seconds, published as a rate
        (
            *("northflank", "shop/services/api", "http5xxResponses"),
            *("http.responses.5xx", "Count/Second", 0.1),
        ),
        (
            *("northflank", "shop/services/storefront", "http5xxResponses"),
            *("http.responses.5xx", "Count/Second", 1),
        ),
        ("hostup", "web-1", "cpuUsagePercent", "cpu.utilization", "Percent", 1),
    ],
)
def test_every_minute_is_in_cloudwatch(
    stack: CollectedStack,
    provider: str,
    native: str,
    sent: str,
    metric: str,
    unit: str,
    factor: float,
) -> None:
    # the last minute of a collection may wait for the next one to complete it
    end_ms = stack.settled_ms // MINUTE_MS * MINUTE_MS - 2 * MINUTE_MS
    start_ms = end_ms - 40 * MINUTE_MS
    resource = resource_named(stack, provider, native)
    expected = minutes(
        (
            series
            for series in stack.served(provider)
            if (series.resource, series.metric) == (resource, sent)
            and series.resolution_seconds <= 60
        ),
        factor,
        start_ms,
        end_ms,
    )

    points = datapoints(stack, f"{provider}/demo/{resource}", metric, unit, start_ms, end_ms)

    assert points.keys() == expected.keys()
    assert len(expected) >= 39
    for minute, (average, least, greatest) in points.items():
        values = expected[minute]
        assert average == pytest.approx(sum(values) / len(values), abs=1e-3)
        assert (least, greatest) == pytest.approx((min(values), max(values)), abs=1e-3)


def test_a_metric_that_is_not_selected_is_not_published(stack: CollectedStack) -> None:
    client = boto3.client("cloudwatch", endpoint_url=stack.aws.endpoint)
    published = {
        each["MetricName"]
        for page in client.get_paginator("list_metrics").paginate(Namespace="Tributary")
        for each in page["Metrics"]
    }

    assert published == {
        "cpu.utilization",
        "memory.utilization",
        "http.requests",
        "http.responses.5xx",
    }


def resource_named(stack: CollectedStack, provider: str, native: str) -> str:
    """A resource's own id at its provider, of its name at HostUp, where ids say nothing."""
    if provider == "northflank":
        return native
    listed = stack.json(f"/v1/resources?where=name:{native}")["resources"]
    [identity] = [each["id"] for each in listed]
    return str(identity).removeprefix("hostup/demo/")


def datapoints(
    stack: CollectedStack, resource: str, metric: str, unit: str, start_ms: int, end_ms: int
) -> dict[int, tuple[float, float, float]]:
    """Average, minimum and maximum by minute in Unix seconds; every one of the unit."""
    provider, account, _ = resource.split("/", 2)
    client = boto3.client("cloudwatch", endpoint_url=stack.aws.endpoint)
    found = client.get_metric_statistics(
        Namespace="Tributary",
        MetricName=metric,
        Dimensions=[
            {"Name": "Provider", "Value": provider},
            {"Name": "Account", "Value": account},
            {"Name": "Resource", "Value": resource},
        ],
        StartTime=datetime.fromtimestamp(start_ms / 1000, UTC),
        EndTime=datetime.fromtimestamp(end_ms / 1000, UTC),
        Period=60,
        Statistics=["Average", "Minimum", "Maximum"],
    )["Datapoints"]
    assert {point["Unit"] for point in found} == {unit}
    return {
        int(point["Timestamp"].timestamp()): (point["Average"], point["Minimum"], point["Maximum"])
        for point in found
    }
