"""The scheduler loop: what it sends, when, and what it leaves out."""

import queue
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from local.failure import Failure
from local.runtime import FunctionError
from local.scheduler import Run, Scheduler, fire, interval, next_slot
from local.template import Schedule

SCHEDULE = Schedule(
    "S", "cron(1/5 * * * ? *)", "F", '{"scheduledTime": "<aws.scheduler.scheduled-time>"}'
)
NOON = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)


class Collector:
    def __init__(self, answer: Any = None) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.release = threading.Event()
        self.release.set()
        self._answer = answer

    def invoke(self, event: Any, wait_seconds: float) -> Any:
        self.events.put(event)
        self.release.wait(10)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_an_event_carries_the_scheduled_time() -> None:
    collector = Collector({"samples": 3})

    run = fire(SCHEDULE, collector, NOON)

    assert collector.events.get_nowait() == {"scheduledTime": "2026-11-22T12:00:15Z"}
    assert (run.function, run.scheduled_time, run.answer, run.error) == (
        "F",
        NOON,
        {"samples": 3},
        None,
    )


def test_a_failing_run_is_reported_with_its_error() -> None:
    run = fire(SCHEDULE, Collector(FunctionError("ValueError", "no")), NOON)

    assert run.error == "ValueError: no"


@pytest.mark.parametrize(("now", "slot"), [(0.0, 15.0), (14.9, 15.0), (15.0, 30.0), (15.1, 30.0)])
def test_slots_are_aligned_to_the_interval(now: float, slot: float) -> None:
    assert next_slot(now, 15) == slot


def test_the_first_event_is_sent_at_once_and_later_ones_by_the_interval() -> None:
    collector, runs = Collector(), queue.SimpleQueue[Run]()
    scheduler = Scheduler([SCHEDULE], {"F": collector}, 1, runs.put)
    try:
        first, second, third = (runs.get(timeout=10) for _ in range(3))
    finally:
        scheduler.stop()
        scheduler.join()

    assert second.scheduled_time.microsecond == 0
    assert first.scheduled_time < second.scheduled_time
    assert (third.scheduled_time - second.scheduled_time).total_seconds() >= 1


def test_slots_missed_while_a_run_is_under_way_are_left_out() -> None:
    collector, runs = Collector(), queue.SimpleQueue[Run]()
    collector.release.clear()
    scheduler = Scheduler([SCHEDULE], {"F": collector}, 1, runs.put)
    try:
        first = datetime.fromisoformat(collector.events.get(timeout=10)["scheduledTime"])
        threading.Event().wait(2.1)  # two slots go by
        collector.release.set()
        second = datetime.fromisoformat(collector.events.get(timeout=10)["scheduledTime"])
    finally:
        scheduler.stop()
        scheduler.join()

    assert (second - first).total_seconds() >= 2


def test_nothing_is_reported_after_the_end() -> None:
    collector, runs = Collector(), queue.SimpleQueue[Run]()
    collector.release.clear()
    scheduler = Scheduler([SCHEDULE], {"F": collector}, 1, runs.put)
    collector.events.get(timeout=10)

    scheduler.stop()
    collector.release.set()
    scheduler.join()

    assert runs.empty()


@pytest.mark.parametrize(
    "expression", ["rate(5 minutes)", "cron(1/7 * * * ? *)", "cron(* * * * ? *)"]
)
def test_a_schedule_of_another_form_is_refused(expression: str) -> None:
    with pytest.raises(Failure, match="cron"):
        interval(expression)
