"""PutMetricData's documented limits, which moto does not check, as a hook on a client.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[ -~]{1,255}")
_VALUE = re.compile(r"[ -~]{1,1024}")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#: -]{1,255}")
_LARGEST = 2.0**360
_HOUR = 3600
_UNITS = {
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes",
    "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count",
    "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
    "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
    "Terabits/Second", "Count/Second", "None",
}  # fmt: skip


def violations(request: Mapping[str, Any], now: float) -> list[str]:
    """What CloudWatch would refuse in a request that it gets at a time (Unix seconds)."""
    namespace, datums = request["Namespace"], request["MetricData"]
    found = []
    if not _NAMESPACE.fullmatch(namespace) or not namespace.strip():
        found.append(f"namespace {namespace!r}")
    if namespace.startswith(("AWS/", ":")):
        found.append(f"namespace {namespace!r} is AWS's own, or starts with a colon")
    if not 1 <= len(datums) <= 1000:
        found.append(f"{len(datums)} datums")
    if (size := len(json.dumps(request, default=str))) > 1_000_000:
        found.append(f"{size} bytes")
    for datum in datums:
        found += _of_datum(datum, now)
    return found


def _of_datum(datum: Mapping[str, Any], now: float) -> list[str]:
    found = []
    if not _NAME.fullmatch(datum["MetricName"]) or not datum["MetricName"].strip():
        found.append(f"metric name {datum['MetricName']!r}")
    if datum.get("Unit", "None") not in _UNITS:
        found.append(f"unit {datum['Unit']!r}")
    if datum.get("StorageResolution", 60) not in (1, 60):
        found.append(f"storage resolution {datum['StorageResolution']}")
    age = now - datum["Timestamp"].timestamp()
    if not -2 * _HOUR <= age <= 14 * 24 * _HOUR:
        found.append(f"a timestamp {age:.0f} s ago")
    return found + _of_dimensions(datum.get("Dimensions", ())) + _of_values(datum)


def _of_dimensions(dimensions: Sequence[Mapping[str, str]]) -> list[str]:
    found = [] if len(dimensions) <= 30 else [f"{len(dimensions)} dimensions"]
    for dimension in dimensions:
        name, value = dimension["Name"], dimension["Value"]
        if not _NAME.fullmatch(name) or not name.strip() or name.startswith(":"):
            found.append(f"dimension name {name!r}")
        if not _VALUE.fullmatch(value) or not value.strip():
            found.append(f"dimension value {value!r}")
    if len({dimension["Name"] for dimension in dimensions}) < len(dimensions):
        found.append("a dimension twice")
    return found


def _of_values(datum: Mapping[str, Any]) -> list[str]:
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(given) != 1:
        return [f"values given as {given}"]
    found = []
    values, counts = datum.get("Values", []), datum.get("Counts", [])
    if len(values) > 150 or (counts and len(counts) != len(values)):
        found.append(f"{len(values)} values and {len(counts)} counts")
    statistics = datum.get("StatisticValues", {})
    if statistics and statistics["SampleCount"] <= 0:
        found.append("a set of statistics over nothing")
    if statistics and not statistics["Minimum"] <= statistics["Maximum"]:
        found.append("a minimum above the maximum")
    numbers = [
        *values,
        *counts,
        *statistics.values(),
        *([datum["Value"]] if "Value" in datum else []),
    ]
    found += [
        f"the value {number}"
        for number in numbers
        if not math.isfinite(number) or abs(number) > _LARGEST
    ]
    return found


class CloudWatch(list[dict[str, Any]]):
    """The datums that a client sent, each request checked; one that fails, fails the test.

    `refusing` many requests to come are answered as CloudWatch answers when it is ill, and
    `requests` counts all.
    """

    def __init__(self, client: Any, clock: Callable[[], float]) -> None:
        super().__init__()
        self.requests = 0
        self.refusing = 0
        self._clock = clock
        client.meta.events.register("provide-client-params.cloudwatch.PutMetricData", self._check)
        client.meta.events.register("after-call.cloudwatch.PutMetricData", self._answer)

    def _check(self, params: dict[str, Any], **_: Any) -> None:
        assert violations(params, self._clock()) == []
        self.requests += 1
        if not self.refusing:
            self += params["MetricData"]

    def _answer(self, http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if self.refusing:
            self.refusing -= 1
            http_response.status_code = 503
            parsed["Error"] = {"Code": "ServiceUnavailable", "Message": "try again later"}
