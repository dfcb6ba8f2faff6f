"""Traces become series of the metrics they measure, alike for every peer."""

from benchmarks import fleet
from benchmarks.fleet import METRICS, START_MS, meaning
from benchmarks.traces import ALONE, Trace

CPU = Trace(ALONE, "ec2_cpu_utilization", (12.5, 25.0), 1, 125)
REQUESTS = Trace(ALONE, "elb_request_count", (94.0, 56.0), 0, 2)


def test_a_column_is_the_metric_that_its_name_says() -> None:
    names = (
        "cpu_percent",
        "memory_percent",
        "mem_used_bytes",
        "ec2_network_in_257a54",
        "tcp_conns",
    )

    assert [meaning(name) for name in names] == [
        ("cpu.utilization", 0.01),
        ("memory.utilization", 0.01),
        ("memory.usage", 1.0),
        ("network.receive", 1.0),
        ("network.connections", 1.0),
    ]


def test_a_column_of_unknown_meaning_is_its_providers_own() -> None:
    assert meaning("load1") == ("northflank.load1", 1.0)


def test_files_of_one_series_are_one_resource_for_a_day() -> None:
    [(host, series)] = fleet.hosts([CPU, REQUESTS]).items()

    assert host == ALONE
    assert [one.metric for one in series] == ["cpu.utilization", "http.requests"]
    assert [len(one.values) for one in series] == [8640, 8640]
    assert series[0].values[:2].tolist() == [0.125, 0.25]


def test_a_second_series_of_a_metric_is_another_instances() -> None:
    [series] = fleet.hosts([CPU, Trace(ALONE, "rds_cpu", (1.0,), 0, 1)]).values()

    assert [(one.metric, one.instance) for one in series] == [
        ("cpu.utilization", "-"),
        ("cpu.utilization", "rds_cpu"),
    ]


def test_a_day_is_ten_metrics_of_ten_resources_of_two_providers() -> None:
    series = fleet.day([CPU, REQUESTS])

    assert len({(one.resource, one.metric) for one in series}) == 100
    assert {one.provider for one in series} == {"northflank", "hostup"}
    assert {one.metric for one in series} == set(METRICS)
    assert {one.end_ms - START_MS for one in series} == {86_400_000}


def test_a_share_that_no_trace_measures_is_made_from_another_and_does_not_pass_one() -> None:
    series = fleet.day([REQUESTS])

    shares = [value for one in series if one.metric == "cpu.utilization" for value in one.values]
    assert 0.9 <= max(shares) <= 1.0
