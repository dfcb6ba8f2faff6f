"""This machine's load and the front's traffic, as the simulators get them."""

import time

from local.providers import MachineLoad, Signal, Traffic
from local.providers.ledger import SAMPLES_PER_SERIES, Ledger, ServedSeries
from tests.local.simulated_machine import START, Clock


def test_machine_is_sampled_on_the_grid() -> None:
    # a clock that has the next instant of the grid a twentieth of a second ahead
    ahead = 10 - time.time() % 10 - 0.05
    with MachineLoad(lambda: time.time() + ahead) as machine:
        instant = machine.live_from
        deadline = time.monotonic() + 10
        while machine.at(instant) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        load = machine.at(instant)
    assert instant % 10 == 0
    assert load is not None
    assert 0 < load[Signal.MEMORY] < 100
    assert 0 <= load[Signal.CPU] <= 100
    assert 0 < load[Signal.DISK_USED] <= 100
    assert all(value >= 0 for value in load.values())
    assert machine.at(instant - 10) is None


def test_traffic_is_counted_into_the_ten_seconds_it_falls_in() -> None:
    clock = Clock(START + 9.99)
    traffic = Traffic(clock)
    traffic.count(200)
    traffic.count(404)
    clock.advance(0.01)
    traffic.count(502)
    assert list(traffic.at(START + 10).values()) == [2, 1, 0]
    assert list(traffic.at(START + 20).values()) == [1, 0, 1]
    assert list(traffic.at(START + 30).values()) == [0, 0, 0]


def test_traffic_is_forgotten_when_it_is_older_than_25_hours() -> None:
    clock = Clock()
    traffic = Traffic(clock)
    traffic.count(200)
    clock.advance(25 * 3600)
    traffic.count(200)
    assert traffic.at(START + 10)[Signal.REQUESTS] == 1
    clock.advance(10)
    traffic.count(200)
    assert traffic.at(START + 10)[Signal.REQUESTS] == 0


def test_ledger_forgets_the_oldest_when_a_series_is_full() -> None:
    ledger = Ledger()
    series = ServedSeries("shop/services/api", "api-1", None, "cpu", "pct", 10)
    ledger.record(series, dict.fromkeys(range(SAMPLES_PER_SERIES), 1.0))
    ledger.record(series, {SAMPLES_PER_SERIES: 2.0, 5: 3.0})
    samples = list(ledger.samples())
    assert len(samples) == SAMPLES_PER_SERIES
    assert samples[0].ts == 1
    assert [sample.value for sample in samples if sample.ts in (5, SAMPLES_PER_SERIES)] == [3, 2]
