"""The catalogue is the design page's table, and values are kept as exactly as it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tributary.metrics import CATALOGUE, metric_named

# Name, unit, kind, scope, precision: the rows of the design page.
TABLE = [
    ("cpu.utilization", "1", "gauge", "instance", 1e-5),
    ("cpu.usage", "{cpu}", "gauge", "instance", 1e-4),
    ("memory.utilization", "1", "gauge", "instance", 1e-5),
    ("memory.usage", "By", "gauge", "instance", 1.0),
    ("network.receive", "By/s", "gauge", "instance", 1.0),
    ("network.transmit", "By/s", "gauge", "instance", 1.0),
    ("network.connections", "{connection}", "gauge", "instance", 1.0),
    ("disk.read", "By/s", "gauge", "instance", 1.0),
    ("disk.write", "By/s", "gauge", "instance", 1.0),
    ("filesystem.usage", "By", "gauge", "instance", 1.0),
    ("filesystem.utilization", "1", "gauge", "instance", 1e-5),
    ("http.requests", "{request}/s", "gauge", "resource", 1e-3),
    ("http.responses.4xx", "{response}", "delta", "resource", 1e-3),
    ("http.responses.5xx", "{response}", "delta", "resource", 1e-3),
    ("http.responses.4xx.rate", "{response}/s", "gauge", "resource", 1e-3),
    ("http.responses.5xx.rate", "{response}/s", "gauge", "resource", 1e-3),
    ("network.bandwidth", "By/s", "gauge", "resource", 1.0),
    ("network.transfer", "By", "delta", "resource", 1.0),
]


def test_the_catalogue_is_the_table() -> None:
    assert [
        (one.name, one.unit, one.kind, one.scope, 10.0 ** -(one.decimals or 0))
        for one in CATALOGUE.values()
    ] == TABLE


def test_names_for_prometheus_say_the_unit() -> None:
    assert CATALOGUE["cpu.utilization"].prometheus == "cpu_utilization_ratio"
    assert CATALOGUE["memory.usage"].prometheus == "memory_usage_bytes"
    assert len({one.prometheus for one in CATALOGUE.values()}) == len(TABLE)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_metric_says_what_it_is_and_what_opentelemetry_calls_it(name: str) -> None:
    assert CATALOGUE[name].description.endswith(".")
    assert CATALOGUE[name].opentelemetry


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("cpu.utilization", 0.123456789, 0.12346),
        ("cpu.utilization", -0.000004, 0.0),
        ("cpu.usage", 1.23456, 1.2346),
        ("memory.usage", 1234567.5, 1234568.0),
        ("memory.usage", 1234566.5, 1234566.0),
        ("http.requests", 12.3456, 12.346),
        ("memory.usage", 2.0**60 + 4096, 2.0**60 + 4096),
        ("http.requests", 1e308, 1e308),
        ("northflank.networkIngress", 0.123456789, 0.123456789),
        ("northflank.networkIngress", 5e-324, 5e-324),
    ],
)
def test_values_are_rounded_to_the_precision(name: str, value: float, kept: float) -> None:
    assert metric_named(name).quantise(value) == kept
    assert list(metric_named(name).quantise_all([value])) == [kept]


@pytest.mark.parametrize("name", ["cpu.utilization", "northflank.networkIngress"])
def test_there_is_no_negative_zero(name: str) -> None:
    assert math.copysign(1, metric_named(name).quantise(-0.0)) == 1
    assert math.copysign(1, metric_named(name).quantise_all([-0.0, 0.5])[0]) == 1


FINITE = st.floats(allow_nan=False, allow_infinity=False)
ORDINARY = st.floats(-1e6, 1e6) | st.integers(-(10**9), 10**9).map(lambda number: number / 2e5)


@given(st.sampled_from(list(CATALOGUE)), st.lists(FINITE) | st.lists(ORDINARY))
def test_many_values_are_rounded_as_each_is(name: str, values: list[float]) -> None:
    metric = CATALOGUE[name]

    assert list(metric.quantise_all(values)) == [metric.quantise(value) for value in values]


@given(st.sampled_from(list(CATALOGUE)), ORDINARY)
def test_the_error_is_at_most_half_of_the_precision(name: str, value: float) -> None:
    metric = CATALOGUE[name]
    half = 0.5 * 10.0 ** -(metric.decimals or 0)

    assert abs(metric.quantise(value) - value) <= half * (1 + 1e-6)


@given(st.sampled_from(list(CATALOGUE)), ORDINARY)
def test_what_has_been_rounded_stays(name: str, value: float) -> None:
    metric = CATALOGUE[name]

    assert metric.quantise(metric.quantise(value)) == metric.quantise(value)


def test_a_providers_own_metric_keeps_its_own_unit() -> None:
    metric = metric_named("northflank.networkIngress", "pct")

    assert (metric.name, metric.unit, metric.kind, metric.scope, metric.decimals) == (
        "northflank.networkIngress", "pct", "gauge", "instance", None,
    )  # fmt: skip


def test_a_canonical_metric_is_the_catalogues_whatever_unit_is_named() -> None:
    assert metric_named("cpu.utilization", "pct") is CATALOGUE["cpu.utilization"]
