"""What could be had of a provider: noted at each event, by asking the simulator beside the API."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from local.providers.ledger import ServedSample


class Series(NamedTuple):
    """The model's names of whose samples: resource id, instance and metric; resolution in ms."""

    resource: str
    instance: str
    metric: str
    resolution_ms: int


@dataclass(slots=True)
class Obtainable:
    """Times (ms) of the samples that some undisturbed event could have had, by series."""

    times: dict[Series, array[int]] = field(default_factory=dict)

    def note(self, samples: Iterable[tuple[Series, ServedSample]]) -> None:
        """What could be had just now; in order of time, series by series."""
        for series, sample in samples:
            known = self.times.setdefault(series, array("q"))
            if not known or known[-1] < sample.ts:
                known.append(sample.ts)
            else:
                row = bisect_left(known, sample.ts)
                if known[row] != sample.ts:
                    known.insert(row, sample.ts)

    def between(self, series: Series, start_ms: int, end_ms: int) -> array[int]:
        """Those of a series in [start, end)."""
        known = self.times.get(series, array("q"))
        return known[bisect_left(known, start_ms) : bisect_left(known, end_ms)]
