"""Statistics of minutes: gauges over all instances, resources' totals once, deltas as rates."""

from tests.layer.samples import SEEN, TEN, key, rows
from tributary.columns import Column, ColumnKey, Origin, column, merge
from tributary.statistics import Statistics, minute_statistics, published_name
from tributary.windows import Window

API = "northflank/main/shop/services/api"
FIVE_MINUTES = Window(TEN, TEN + 300_000)


def of(*columns: Column, window: Window = FIVE_MINUTES) -> list[Statistics]:
    return minute_statistics(API, columns, window)


def test_a_minute_of_several_instances_is_one_set_in_percent() -> None:
    found = of(
        rows([(0, 0.25), (30, 0.5)]),
        rows([(0, 0.75), (60, 0.125)], key(instance="api-2")),
    )

    assert found == [
        Statistics(API, "cpu.utilization", "Percent", TEN, 3, 150.0, 25.0, 75.0),
        Statistics(API, "cpu.utilization", "Percent", TEN + 60_000, 1, 12.5, 12.5, 12.5),
    ]


def test_only_minutes_of_the_window_count() -> None:
    column = rows([(-1, 0.1), (59.999, 0.25), (300, 0.9)])

    assert [(one.minute_ms, one.count) for one in of(column)] == [(TEN, 1)]


def test_a_resources_total_counts_once_whatever_instances_it_arrives_under() -> None:
    found = of(
        rows([(0, 5.0), (10, 6.0)], key("http.requests", "api-1")),
        rows([(0, 5.0), (10, 7.0)], key("http.requests", "api-2")),
    )

    assert found == [Statistics(API, "http.requests", "Count/Second", TEN, 2, 12.0, 5.0, 7.0)]


def test_a_delta_goes_as_a_rate() -> None:
    found = of(
        rows([(0, 30.0)], key("http.responses.5xx"), resolution=60),
        rows([(0, 6000.0)], key("network.transfer"), resolution=10),
    )

    assert found == [
        Statistics(API, "http.responses.5xx", "Count/Second", TEN, 1, 0.5, 0.5, 0.5),
        Statistics(API, "network.transfer", "Bytes/Second", TEN, 1, 600.0, 600.0, 600.0),
    ]


def test_a_rate_of_responses_goes_under_the_name_of_the_delta() -> None:
    (found,) = of(rows([(0, 0.25)], key("http.responses.5xx.rate")))

    assert (found.metric, found.unit, found.total) == ("http.responses.5xx", "Count/Second", 0.25)
    assert published_name("http.requests") == "http.requests"


def test_units_are_cloudwatchs() -> None:
    columns = [
        rows([(0, 1.0)], key(name))
        for name in ("memory.usage", "network.receive", "network.connections", "cpu.usage")
    ]

    assert {one.metric: one.unit for one in of(*columns)} == {
        "cpu.usage": "None",
        "memory.usage": "Bytes",
        "network.connections": "Count",
        "network.receive": "Bytes/Second",
    }


def test_what_stands_for_more_than_five_minutes_says_nothing_of_a_minute() -> None:
    mixed = merge([rows([(0, 0.9)], resolution=1800), rows([(60, 0.25)], resolution=300)])

    assert [(one.minute_ms - TEN, one.total) for one in of(mixed)] == [(60_000, 25.0)]


def test_one_metric_from_two_units_is_one_series() -> None:
    other = ColumnKey("cpu.utilization", "api-1", Origin("cpu", "fraction", 1.0))

    (found,) = of(rows([(0, 0.25)]), rows([(10, 0.5)], other))

    assert (found.count, found.total) == (2, 75.0)


def test_statistics_come_in_order_of_time_and_metric() -> None:
    found = of(rows([(120, 1.0), (0, 1.0)], key("memory.usage")), rows([(0, 0.5), (120, 0.5)]))

    assert [(one.minute_ms - TEN, one.metric) for one in found] == [
        (0, "cpu.utilization"),
        (0, "memory.usage"),
        (120_000, "cpu.utilization"),
        (120_000, "memory.usage"),
    ]


def test_numbers_beyond_what_cloudwatch_takes_are_left_out() -> None:
    # PutMetricData refuses all of a request that holds a number above 2^360.
    huge = column(key("hostup.iops", "-", "", 1.0), [(TEN, 1e300), (TEN + 60_000, 1.0)], 1000, SEEN)
    negative = column(key("hostup.x", "-", "", 1.0), [(TEN, -1e300)], 1000, SEEN)
    summed = column(
        key("hostup.sum", "-", "", 1.0), [(TEN, 2.0**360), (TEN + 1, 2.0**360)], 1000, SEEN
    )

    assert [(one.metric, one.minute_ms - TEN) for one in of(huge, negative, summed)] == [
        ("hostup.iops", 60_000)
    ]


def test_nothing_has_no_statistics() -> None:
    assert of() == []
    assert of(rows([(600, 0.5)])) == []
