"""Series: what the registry knows of the metrics and attributes that a query asks for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from functions.query_api.matching import Attributes
from functions.query_api.problems import BadRequestError, Fault, nearest
from tributary.metrics import CATALOGUE, Metric, metric_named
from tributary.registry import Entry, Instance
from tributary.retention import Retention
from tributary.windows import SECOND_MS, Tier, tier_for

ATTRIBUTES = (
    "provider", "account", "project", "kind", "resource", "name", "instance", "container",
    "volume", "deployment", "region", "plan",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance; for metrics of scope resource, of a resource over `instances`.

    `resolution_ms` is that of the newest samples, the coarsest where instances differ; `samples`
    is about how many there are to read.
    """

    metric: Metric
    resource: str
    instances: tuple[str, ...]
    attributes: Attributes
    resolution_ms: int
    samples: int


@dataclass(frozen=True, slots=True)
class Extent:
    """[start, end) in ms as it is now, and how long samples are kept."""

    start_ms: int
    end_ms: int
    now_ms: int
    retention: Retention

    def has(self, instance: Instance) -> bool:
        """Whether the instance lives in the range; its last sample holds for its resolution."""
        if instance.first_ms >= self.end_ms:
            return False
        held_ms = max(instance.metrics.values(), default=0)
        return instance.last_ms is None or instance.last_ms + held_ms >= self.start_ms

    def samples(self, instance: Instance, resolution_ms: int) -> int:
        """About how many samples of a metric of the instance are kept."""
        # What is collected in five-minute chunks is kept as long as the hours it is compacted to.
        tier = max(tier_for(resolution_ms), Tier.HOUR, key=list(Tier).index)
        kept_ms = self.now_ms - self.retention.by_tier[tier]
        first_ms = max(self.start_ms, instance.first_ms, kept_ms)
        last_ms = min(self.end_ms, self.now_ms, instance.last_ms or self.end_ms)
        return max(0, last_ms - first_ms) // max(resolution_ms, SECOND_MS)


def matched_series(
    entries: Iterable[Entry],
    metrics: Sequence[str],
    extent: Extent,
    matches: Callable[[Attributes], bool],
) -> list[Series]:
    """The series of these metrics whose attributes match and that live in the range."""
    return [
        series
        for entry in entries
        for series in _series_of(entry, metrics, extent)
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


def _series_of(entry: Entry, metrics: Sequence[str], extent: Extent) -> Iterator[Series]:
    living = {name: one for name, one in entry.instances.items() if extent.has(one)}
    for name in metrics:
        metric = metric_named(name, entry.units.get(name, ""))
        having = {key: one for key, one in living.items() if name in one.metrics}
        if metric.scope == "resource" and having:
            yield _series(metric, entry, having, _own(entry), extent)
        elif metric.scope == "instance":
            for key, instance in having.items():
                attributes = {**_own(entry), "instance": key, **instance.attributes}
                yield _series(metric, entry, {key: instance}, attributes, extent)


def _series(
    metric: Metric,
    entry: Entry,
    instances: Mapping[str, Instance],
    attributes: Attributes,
    extent: Extent,
) -> Series:
    resolutions = [one.metrics[metric.name] for one in instances.values()]
    samples = sum(map(extent.samples, instances.values(), resolutions))
    names = tuple(instances)
    return Series(metric, entry.resource, names, attributes, max(resolutions), samples)


def _own(entry: Entry) -> dict[str, str]:
    return {**entry.attributes, "resource": entry.resource}
