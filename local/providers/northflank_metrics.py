"""The samples in Northflank's answers: which series a query selects, their values and units."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil, inf
from typing import Any

from local.providers.ledger import Ledger, ServedSample, ServedSeries
from local.providers.load import GRID_SECONDS
from local.providers.northflank_fleet import Workload
from local.providers.northflank_measures import MEASURES
from local.providers.northflank_query import METRIC_TYPES, MetricsQuery
from local.providers.settling import Settling
from local.providers.timeline import Share, Timeline
from local.providers.times import written

GRID_MS = GRID_SECONDS * 1000

TOTALS = frozenset(METRIC_TYPES[METRIC_TYPES.index("requests") :])
# Required by the schema, yet missing in the printed example: so some replies have it, some not.
WITHOUT_METRIC_ID = frozenset({"memory", "networkEgress", "diskUsage", "bandwidth"})
EVERY_SEVENTH = 7


@dataclass(frozen=True, slots=True)
class Metering:
    """What metrics are taken from, how the newest settle, and how much there is of them.

    `most_samples` is the most that an answer holds of a series: the oldest of what was asked for,
    or the newest.
    """

    timeline: Timeline
    settling: Settling
    retention_ms: int
    most_samples: int | None = None
    keeps_newest: bool = False

    def answer(
        self,
        query: MetricsQuery,
        resource: str,
        workload: Workload,
        now: int,
        served: Ledger | None = None,
    ) -> dict[str, Any]:
        """`{"data": {metric type: {"metricInfo", "values"}}}` at a time (ms).

        Its samples are noted in the ledger, if one is given.
        """
        answer: dict[str, Any] = {}
        for metric in query.metric_types:
            values = []
            for origin in self._origins(query, workload, metric, now):
                samples = self._cut(query, self._samples(query, origin, workload, metric, now))
                if samples:
                    if served is not None:
                        served.record(_series(origin, resource, workload, metric), samples)
                    values.append(_entry(origin, samples, workload.numeric_strings))
            answer[metric] = {"metricInfo": _metric_info(metric, workload), "values": values}
        return {"data": answer}

    def samples(
        self, query: MetricsQuery, resource: str, workload: Workload, now: int
    ) -> Iterator[ServedSample]:
        """All that is asked for and there at a time (ms), however much an answer holds."""
        for metric in query.metric_types:
            for origin in self._origins(query, workload, metric, now):
                series = _series(origin, resource, workload, metric)
                for ts, value in self._samples(query, origin, workload, metric, now):
                    yield ServedSample(series, ts, value)

    def _origins(
        self, query: MetricsQuery, workload: Workload, metric: str, now: int
    ) -> "Iterator[_Origin]":
        if metric in TOTALS:
            if workload.front is not None and query.selects_totals:
                # which containerId the real one gives a total is not documented
                yield _Origin(workload.front, workload.id, None, 0, workload.created_at or 0)
            return
        for container in workload.containers:
            volume = container.volume if metric == "diskUsage" else None
            if not query.selects(container, now) or (metric == "diskUsage" and volume is None):
                continue
            yield _Origin(
                container.share,
                container.name,
                volume,
                container.offset_ms,
                container.created_at,
                container.ended_at,
            )

    def _samples(
        self, query: MetricsQuery, origin: "_Origin", workload: Workload, metric: str, now: int
    ) -> Iterator[tuple[int, float]]:
        """Oldest first; newest first if these are the ones that the answer keeps."""
        measure = MEASURES[metric, workload.units[metric]]
        signal, share, settling = measure.signal, origin.share, self.settling
        times = range(
            origin.first_sample(max(query.start, origin.since_ms, now - self.retention_ms)),
            min(query.end, now + 1, origin.until_ms(query.end)),
            GRID_MS,
        )
        for ts in reversed(times) if self._newest_first(query) else times:
            value = self.timeline.value(share, signal, ts // GRID_MS * GRID_SECONDS)
            if value is not None and settling.is_there(share.host, ts, ts, now):
                value = settling.value(value, signal, share.host, ts, ts, now)
                yield ts, round(measure.convert(value, workload.plan), measure.digits)

    def _cut(self, query: MetricsQuery, samples: Iterator[tuple[int, float]]) -> dict[int, float]:
        """As many samples as an answer holds, oldest first."""
        kept = list(islice(samples, 1 if query.newest_only else self.most_samples))
        return dict(reversed(kept) if self._newest_first(query) else kept)

    def _newest_first(self, query: MetricsQuery) -> bool:
        return query.newest_only or (self.most_samples is not None and self.keeps_newest)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Whose samples one entry of `values` holds; they exist from `since` until `until` (Unix s)."""

    share: Share
    container: str
    volume: str | None
    offset_ms: int
    since: float
    until: float = inf

    @property
    def since_ms(self) -> int:
        """From when on there are samples."""
        return ceil(self.since * 1000)

    def until_ms(self, end: int) -> int:
        """Before when there are samples, at most an end (ms)."""
        return end if self.until == inf else min(end, ceil(self.until * 1000))

    def first_sample(self, start: int) -> int:
        """The time of the first sample at or after a time, both in milliseconds."""
        return start + (self.offset_ms - start) % GRID_MS


def _series(origin: _Origin, resource: str, workload: Workload, metric: str) -> ServedSeries:
    unit = workload.units[metric]
    return ServedSeries(resource, origin.container, origin.volume, metric, unit, GRID_SECONDS)


def _entry(origin: _Origin, samples: dict[int, float], numeric_strings: bool) -> dict[str, Any]:
    metadata = {"containerId": origin.container}
    if origin.volume is not None:
        metadata["volumeId"] = origin.volume
    data = [
        {"value": str(value) if numeric_strings and _is_seventh(ts) else value, "ts": written(ts)}
        for ts, value in samples.items()
    ]
    return {"metadata": metadata, "data": data}


def _is_seventh(ts: int) -> bool:
    return ts // GRID_MS % EVERY_SEVENTH == 0


def _metric_info(metric: str, workload: Workload) -> dict[str, Any]:
    info: dict[str, Any] = {"metricUnit": workload.units[metric], "metricResolution": GRID_SECONDS}
    return info if metric in WITHOUT_METRIC_ID else {"metricId": metric} | info
