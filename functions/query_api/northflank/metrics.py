"""Metrics: a workload's tracks as Northflank's metrics endpoints answer them.

Source: https://northflank.com/docs/v1/api/services/get-service-metrics
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions.query_api.engine import Engine
from functions.query_api.northflank.query import MetricsQuery
from functions.query_api.routing import Asked
from functions.query_api.standing import Standing
from functions.query_api.tracks import Known, Sample, Track, points, samples, step_needed
from tributary.registry import Entry
from tributary.windows import FIVE_MINUTES_MS, MINUTE_MS, SECOND_MS, Window, rfc3339_exact

# A container is active at an instant if it has a sample so long before, or in a coarser one.
_ACTIVE_MS = MINUTE_MS
# In which unit each metric is likely to be told, of a workload that has had none of it: the
# documentation has units, but not which goes with which metric.
_LIKELY_UNITS = {
    "cpu": "pct",
    "memory": "pct",
    "networkIngress": "kbps",
    "networkEgress": "kbps",
    "tcpConnectionsOpen": "count",
    "diskUsage": "pct",
    "requests": "rps",
    "http4xxResponses": "rps",
    "http5xxResponses": "rps",
    "bandwidth": "kbps",
    "bandwidthVolume": "mb",
}


def metrics_document(
    engine: Engine, known: Known, query: MetricsQuery, asked: Asked
) -> dict[str, Any]:
    """`{"data": {<metric type>: {"metricInfo", "values"}}}`, each value in the unit it came in.

    Where a range holds more samples than an answer, or some that have expired, there is one value
    for each five minutes, hour or day instead, and `metricResolution` says so.
    """
    # What has not been asked for yet is not there: now is when the host was asked last.
    standing = engine.standings([known.shard]).get(known.entry.resource, Standing())
    end_ms = min(query.window.end_ms, (standing.collected.asked_ms or 0) + 1)
    lookback = Window(end_ms - query.window.length_ms, end_ms)
    window = lookback if query.single else query.window
    tracks = _read(engine, known, query, window, asked)
    chosen = _chosen(tracks, query, known.entry, end_ms)
    return {
        "data": {
            metric: _metric(metric, [one for one in chosen if one.metric == metric], known.entry)
            for metric in query.metric_types
        }
    }


def _read(
    engine: Engine, known: Known, query: MetricsQuery, window: Window, asked: Asked
) -> list[Track]:
    names = frozenset(query.metric_types)
    step_s = step_needed(engine, known, names, window, asked.now_ms)
    if step_s is None:
        tracks = samples(engine, known, names, window)
    else:
        if query.single:
            step_s = FIVE_MINUTES_MS // SECOND_MS
        tracks = points(engine, known, names, window, step_s, asked)
    if not query.single:
        return tracks
    return [
        Track(one.metric, one.unit, one.instance, one.samples[-1:]) for one in tracks if one.samples
    ]


def _chosen(
    tracks: Sequence[Track], query: MetricsQuery, entry: Entry, end_ms: int
) -> Sequence[Track]:
    """The tracks of the containers that are asked for, and those that are no container's."""
    if query.container is None and query.deployment is None:
        return tracks if query.single else _of_active(tracks, entry, end_ms)
    names = {"containerName": query.container, "deploymentId": query.deployment}
    return [one for one in tracks if _is_named(_attributes(entry, one), names)]


def _is_named(attributes: Mapping[str, str], names: Mapping[str, str | None]) -> bool:
    container, deployment = names["containerName"], names["deploymentId"]
    return (container in (None, "all") or attributes.get("container") == container) and (
        deployment is None or attributes.get("deployment") == deployment
    )


def _of_active(tracks: Iterable[Track], entry: Entry, end_ms: int) -> list[Track]:
    found = list(tracks)
    active = {
        _attributes(entry, one).get("container")
        for one in found
        if one.samples and _reaches(one.samples[-1], end_ms)
    }
    return [one for one in found if _attributes(entry, one).get("container") in active]


def _reaches(sample: Sample, end_ms: int) -> bool:
    return sample.time_ms + max(_ACTIVE_MS, sample.length_ms) >= end_ms


def _attributes(entry: Entry, track: Track) -> Mapping[str, str]:
    instance = entry.instances.get(track.instance)
    return instance.attributes if instance else {}


def _metric(metric: str, tracks: Sequence[Track], entry: Entry) -> dict[str, Any]:
    newest = max((one for track in tracks for one in track.samples[-1:]), default=None)
    info: dict[str, Any] = {"metricId": metric, "metricUnit": _unit(metric, tracks, entry)}
    if newest:
        info["metricResolution"] = _seconds(newest.length_ms)
    return {"metricInfo": info, "values": [_values(track, entry) for track in tracks]}


def _unit(metric: str, tracks: Iterable[Track], entry: Entry) -> str:
    known = [track.unit for track in tracks]
    known += [origin.unit for origin in entry.origins.values() if origin.metric == metric]
    return known[0] if known else _LIKELY_UNITS[metric]


def _values(track: Track, entry: Entry) -> dict[str, Any]:
    attributes = _attributes(entry, track)
    named = {"containerId": "container", "volumeId": "volume"}
    metadata = {name: attributes[one] for name, one in named.items() if one in attributes}
    data = [{"value": one.value, "ts": rfc3339_exact(one.time_ms)} for one in track.samples]
    # A total that came without a container has no metadata either.
    return {"metadata": metadata, "data": data} if metadata else {"data": data}


def _seconds(length_ms: int) -> int | float:
    seconds, rest = divmod(length_ms, SECOND_MS)
    return length_ms / SECOND_MS if rest else seconds
