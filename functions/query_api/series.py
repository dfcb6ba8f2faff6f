"""Series: what the registry knows of the metrics and attributes that a query asks for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tributary.metrics import CATALOGUE, Metric, metric_named
from tributary.registry import Entry, Instance

from functions.query_api.matching import Attributes
from functions.query_api.problems import BadRequestError, Fault, nearest

ATTRIBUTES = (
    "provider", "account", "project", "kind", "resource", "name", "instance", "container",
    "volume", "deployment", "region", "plan",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance; for metrics of scope resource, of a resource over `instances`.

    `resolution_ms` is that of the newest samples, the coarsest where instances differ.
    """

    metric: Metric
    resource: str
    instances: tuple[str, ...]
    attributes: Attributes
    resolution_ms: int


def matched_series(
    entries: Iterable[Entry],
    metrics: Sequence[str],
    start_ms: int,
    end_ms: int,
    matches: Callable[[Attributes], bool],
) -> list[Series]:
    """The series of these metrics whose attributes match and that live in [start, end)."""
    return [
        series
        for entry in entries
        for series in _series_of(entry, metrics, start_ms, end_ms)
        if matches(series.attributes)
    ]


def attributes_of(entry: Entry) -> Iterator[Attributes]:
    """The attributes of each instance, or of the resource alone while it has none."""
    for name, instance in entry.instances.items():
        yield {**_own(entry), "instance": name, **instance.attributes}
    if not entry.instances:
        yield _own(entry)


def metrics_of(entry: Entry) -> set[str]:
    """The metrics that any instance of the resource has or had."""
    return {metric for instance in entry.instances.values() for metric in instance.metrics}


def check_metrics(names: Iterable[str], entries: Iterable[Entry]) -> None:
    """BadRequestError for names that are neither in the catalogue nor any provider's own."""
    unknown = [name for name in names if name not in CATALOGUE]
    if not unknown:
        return
    present = {name for entry in entries for name in metrics_of(entry)}
    faults = [
        Fault(
            "metric",
            f"There is no metric {name!r}. {nearest(name, present | CATALOGUE.keys())}",
            "unknown_metric",
        )
        for name in unknown
        if name not in present
    ]
    if faults:
        raise BadRequestError(faults)


def check_attributes(names: Iterable[tuple[str, str]], entries: Iterable[Entry]) -> None:
    """BadRequestError for attributes (parameter, name) that no series can have."""
    unknown = [(parameter, name) for parameter, name in names if name not in ATTRIBUTES]
    if not unknown:
        return
    present = {name for entry in entries for each in attributes_of(entry) for name in each}
    faults = [
        Fault(
            parameter,
            f"There is no attribute {name!r}. {nearest(name, present.union(ATTRIBUTES))}",
            "unknown_attribute",
        )
        for parameter, name in unknown
        if name not in present
    ]
    if faults:
        raise BadRequestError(faults)


def _series_of(
    entry: Entry, metrics: Sequence[str], start_ms: int, end_ms: int
) -> Iterator[Series]:
    living = {
        name: instance
        for name, instance in entry.instances.items()
        if _lives_in(instance, start_ms, end_ms)
    }
    for name in metrics:
        having = {key: one.metrics[name] for key, one in living.items() if name in one.metrics}
        metric = metric_named(name, entry.units.get(name, ""))
        if metric.scope == "resource" and having:
            yield Series(
                metric, entry.resource, tuple(having), _own(entry), max(having.values())
            )
        elif metric.scope == "instance":
            for key, resolution_ms in having.items():
                attributes = {**_own(entry), "instance": key, **living[key].attributes}
                yield Series(metric, entry.resource, (key,), attributes, resolution_ms)


def _own(entry: Entry) -> dict[str, str]:
    return {**entry.attributes, "resource": entry.resource}


def _lives_in(instance: Instance, start_ms: int, end_ms: int) -> bool:
    if instance.first_ms >= end_ms:
        return False
    # The last sample still holds for its resolution.
    held_ms = max(instance.metrics.values(), default=0)
    return instance.last_ms is None or instance.last_ms + held_ms >= start_ms
