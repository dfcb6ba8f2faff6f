"""The ledger of what a simulator served, so that a test can compare Tributary's answers with it."""

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

# A day at ten seconds is 8640; past the limit the oldest samples of a series are forgotten.
SAMPLES_PER_SERIES = 10_000


@dataclass(frozen=True, slots=True)
class ServedSeries:
    """Whose samples: a resource's native path or id, and the provider's own metric and unit."""

    resource: str
    container: str | None
    volume: str | None
    metric: str
    unit: str
    resolution_seconds: int


@dataclass(frozen=True, slots=True)
class ServedSample:
    """A number as it was handed out (numeric strings as numbers), at its time in milliseconds."""

    series: ServedSeries
    ts: int
    value: float


class Ledger:
    """Every sample handed out; of one served twice the later value, as a provider may revise it."""

    def __init__(self, samples_per_series: int = SAMPLES_PER_SERIES) -> None:
        self._samples_per_series = samples_per_series
        self._values: dict[ServedSeries, dict[int, float]] = {}
        self._lock = threading.Lock()

    def record(self, series: ServedSeries, values: dict[int, float]) -> None:
        """Notes the values by time (ms) that an answer holds of a series."""
        with self._lock:
            known = self._values.setdefault(series, {})
            known.update(values)
            if len(known) > self._samples_per_series:
                for ts in sorted(known)[: -self._samples_per_series]:
                    del known[ts]

    def samples(self) -> Iterator[ServedSample]:
        """All that was served and is remembered, series by series, oldest first."""
        for series, values in self._copy().items():
            for ts in sorted(values):
                yield ServedSample(series, ts, values[ts])

    def as_json(self) -> dict[str, Any]:
        """`{"series": [{resource, container, volume, metric, unit, resolutionSeconds, samples}]}`,
        samples being `[ts in ms, value]`, oldest first."""
        return {
            "series": [
                _camel_case(series) | {"samples": [[ts, values[ts]] for ts in sorted(values)]}
                for series, values in self._copy().items()
            ]
        }

    def _copy(self) -> dict[ServedSeries, dict[int, float]]:
        with self._lock:
            return {series: dict(values) for series, values in self._values.items()}


def _camel_case(series: ServedSeries) -> dict[str, Any]:
    fields = asdict(series)
    fields["resolutionSeconds"] = fields.pop("resolution_seconds")
    return fields
