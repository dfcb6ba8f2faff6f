"""Timing: what an answer took, phase by phase, as the header Server-Timing says it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timing:
    """Measures one request, from when it is made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._phases: dict[str, float] = {}

    @property
    def milliseconds(self) -> float:
        """How long ago the request began."""
        return (time.perf_counter() - self._started) * 1000

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measures what is done within; of several phases of one name, the sum. A name is one
        word, and phases in order and side by side, never one within another."""
        before = self.milliseconds
        try:
            yield
        finally:
            self._phases[name] = self._phases.get(name, 0.0) + self.milliseconds - before

    def header(self, read_units: float | None) -> str:
        """`query;dur=35.0, total;dur=48.3, dynamodb;desc="3.5 read units"`: milliseconds, and, if
        that is to be told, what DynamoDB charges for reading
        (https://www.w3.org/TR/server-timing/)."""
        spans = {**self._phases, "total": self.milliseconds}
        metrics = [f"{name};dur={milliseconds:.1f}" for name, milliseconds in spans.items()]
        if read_units is not None:
            metrics.append(f'dynamodb;desc="{read_units} read units"')
        return ", ".join(metrics)
