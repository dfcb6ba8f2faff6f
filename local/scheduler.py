"""EventBridge Scheduler on this machine: sends the collectors the events their schedules send."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from local.failure import Failure
from local.gateway import Invocable
from local.runtime import Busy, FunctionError
from local.template import JSON, Schedule

_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_EVERY_MINUTES = re.compile(r"cron\([01]/(\d+) \* \* \* \? \*\)")


@dataclass(frozen=True)
class Run:
    """One event that was sent: `answer` is the handler's, `error` what went wrong instead."""

    function: str
    scheduled_time: datetime
    seconds: float
    answer: JSON = None
    error: str | None = None


class Scheduler:
    """A thread for each schedule: fires at once, then at each aligned slot until closed.

    A slot that comes while the function is still at work on the last one is left out: the run
    after it collects the same windows.
    """

    def __init__(
        self,
        schedules: Sequence[Schedule],
        functions: Mapping[str, Invocable],
        interval_seconds: int | None,
        ran: Callable[[Run], None],
    ) -> None:
        self._functions = functions
        self._ran = ran
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._keep_firing,
                args=(schedule, interval_seconds or interval(schedule.expression)),
                name=schedule.name,
                daemon=True,
            )
            for schedule in schedules
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Fires no more; a run under way is not waited for."""
        self._closed.set()

    def join(self) -> None:
        """Waits for the runs under way, which end at once when their functions do."""
        for thread in self._threads:
            thread.join()

    def _keep_firing(self, schedule: Schedule, interval_seconds: int) -> None:
        slot = time.time()
        while not self._closed.is_set():
            run = fire(
                schedule, self._functions[schedule.function], datetime.fromtimestamp(slot, UTC)
            )
            if not self._closed.is_set():
                self._ran(run)
            slot = next_slot(time.time(), interval_seconds)
            self._closed.wait(slot - time.time())


def fire(schedule: Schedule, function: Invocable, scheduled_time: datetime) -> Run:
    """Sends one event, with the scheduled time where the schedule's input asks for it."""
    written = scheduled_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = json.loads(schedule.input.replace(_SCHEDULED_TIME, written))
    started = time.monotonic()
    try:
        answer, error = function.invoke(event, 0), None
    except (Busy, FunctionError) as failure:
        answer, error = None, str(failure)
    seconds = time.monotonic() - started
    return Run(schedule.function, scheduled_time, seconds, answer, error)


def next_slot(now: float, interval_seconds: int) -> float:
    """The first multiple of the interval after now, in Unix seconds."""
    return (now // interval_seconds + 1) * interval_seconds


def interval(expression: str) -> int:
    """Seconds between two slots of a schedule, aligned to the hour.

    Raises Failure for an expression of another form, or one whose slots an hour would break off.
    """
    found = _EVERY_MINUTES.fullmatch(expression)
    if found is None or 60 % int(found[1]):
        raise Failure(f"the schedule {expression!r} is not cron(1/N * * * ? *), N dividing 60")
    return int(found[1]) * 60
