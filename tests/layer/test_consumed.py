"""Consumption: units added up, from many threads and from answers that report none."""

from concurrent.futures import ThreadPoolExecutor

from tributary.consumed import Consumed, Meter


def test_units_are_added_up_apart() -> None:
    meter = Meter()

    meter.read({"TableName": "tributary", "CapacityUnits": 0.5})
    meter.read({"CapacityUnits": 2.0}, {"CapacityUnits": 1.5})
    meter.written({"CapacityUnits": 7.0})

    assert meter.total == Consumed(4.0, 7.0)


def test_answers_that_report_nothing_count_nothing() -> None:
    meter = Meter()

    meter.read(None)
    meter.read()
    meter.written({"TableName": "tributary"})

    assert meter.total == Consumed(0.0, 0.0)


def test_no_unit_of_any_thread_is_lost() -> None:
    meter = Meter()

    def read(_: int) -> None:
        for _ in range(2000):
            meter.read({"CapacityUnits": 0.5})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(read, range(16)))

    assert meter.total == Consumed(16_000.0, 0.0)


def test_what_was_consumed_between_is_after_less_before() -> None:
    assert Consumed(7.5, 3.0) - Consumed(4.0, 1.0) == Consumed(3.5, 2.0)
