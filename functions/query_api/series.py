"""Series: what the registry knows of the metrics and attributes that a query asks for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from functions.query_api.problems import BadRequestError, Fault, nearest
from tributary.matching import Attributes
from tributary.metrics import CATALOGUE, Metric, metric_named
from tributary.points import WHOLE
from tributary.registry import Entry, Instance
from tributary.windows import Window

ATTRIBUTES = (
    "provider", "account", "team", "project", "kind", "type", "resource", "name", "instance",
    "container", "volume", "deployment", "region", "plan",
)  # fmt: skip


# What distinguishes the instances of one resource.
_OF_INSTANCES = frozenset(("instance", "container", "volume", "deployment"))
_FOREVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one instance; for metrics of scope resource, of a resource over `instances`.

    `resolution_ms` is that of the newest samples, the coarsest where instances differ, and `life`
    from the first sample to the end of the last. Where instances are known no more, the WHOLE
    resource stands in for them: it is shown before `until_ms`, they from `from_ms` on.
    """

    metric: Metric
    resource: str
    instances: tuple[str, ...]
    attributes: Attributes
    resolution_ms: int
    life: Window
    from_ms: int = 0
    until_ms: int = _FOREVER_MS

    @property
    def stands_in(self) -> bool:
        """Whether this is the resource in the place of its instances."""
        return self.instances == (WHOLE,)

    @property
    def is_whole(self) -> bool:
        """Whether it is about a resource as a whole, so that rollups needn't tell instances."""
        return self.stands_in or self.metric.scope == "resource"


@dataclass(frozen=True, slots=True)
class Extent:
    """[start, end) in ms as it is now."""

    start_ms: int
    end_ms: int
    now_ms: int

    def has(self, instance: Instance) -> bool:
        """Whether the instance lives in the range; its last sample holds for its resolution."""
        life = self.life(instance)
        return life.start_ms < self.end_ms and life.end_ms >= self.start_ms

    def life(self, instance: Instance) -> Window:
        """From the instance's first sample to the end of its last, or to now."""
        held_ms = max(instance.metrics.values(), default=0)
        last_ms = self.now_ms if instance.last_ms is None else instance.last_ms + held_ms
        return Window(instance.first_ms, max(last_ms, instance.first_ms))


def matched_series(
    entries: Iterable[Entry],
    metrics: Sequence[str],
    extent: Extent,
    matches: Callable[[Attributes], bool],
    together: bool = False,
) -> list[Series]:
    """The series of these metrics whose attributes match and that live in the range.

    `together` says that instances of a resource become one line in any case, so that before its
    instances are known the whole resource is counted in their place, and not beside them.
    """
    found = []
    for entry in entries:
        for name in metrics:
            alike = [one for one in _series_of(entry, name, extent) if matches(one.attributes)]
            if together and any(one.stands_in for one in alike):
                alike = [one if one.stands_in else _after_past(one, entry) for one in alike]
            found += alike
    return found


def puts_together(by: Iterable[str]) -> bool:
    """Whether lines by these attributes never tell the instances of a resource apart."""
    return _OF_INSTANCES.isdisjoint(by)


def brief_days(entry: Entry) -> list[Window]:
    """The days in which instances came and went, of which there are only five-minute rollups."""
    return sorted(set(entry.brief.values()))


def attributes_of(entry: Entry) -> Iterator[Attributes]:
    """The attributes of each instance, or of the resource alone while it has none."""
    for name, instance in entry.instances.items():
        yield {**own_attributes(entry), "instance": name, **instance.attributes}
    if not entry.instances:
        yield own_attributes(entry)


def own_attributes(entry: Entry) -> dict[str, str]:
    """The attributes of the resource, its id among them."""
    return {**entry.attributes, "resource": entry.resource}


def metrics_of(entry: Entry) -> set[str]:
    """The metrics that any instance of the resource has or had."""
    known = [*entry.instances.values(), *([entry.past] if entry.past else [])]
    return {metric for instance in known for metric in instance.metrics}


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


def _series_of(entry: Entry, name: str, extent: Extent) -> Iterator[Series]:
    metric = metric_named(name, entry.unit_of(name))
    having = {
        key: one for key, one in entry.instances.items() if name in one.metrics and extent.has(one)
    }
    past = entry.past if entry.past and name in entry.past.metrics else None
    if past and not extent.has(past):
        past = None
    if metric.scope == "resource":
        if having or past:
            lives = [*having.values(), *([past] if past else [])]
            yield _series(metric, entry, tuple(having), own_attributes(entry), lives, extent)
        return
    for key, instance in having.items():
        attributes = {**own_attributes(entry), "instance": key, **instance.attributes}
        yield _series(metric, entry, (key,), attributes, [instance], extent)
    if past:
        attributes = {**own_attributes(entry), "instance": "-"}
        whole = _series(metric, entry, (WHOLE,), attributes, [past], extent)
        yield replace(whole, until_ms=past.last_ms or 0)


def _after_past(series: Series, entry: Entry) -> Series:
    return replace(series, from_ms=(entry.past.last_ms or 0) if entry.past else 0)


def _series(
    metric: Metric,
    entry: Entry,
    names: tuple[str, ...],
    attributes: Attributes,
    instances: Sequence[Instance],
    extent: Extent,
) -> Series:
    lives = [extent.life(one) for one in instances]
    life = Window(min(one.start_ms for one in lives), max(one.end_ms for one in lives))
    resolution_ms = max(one.metrics[metric.name] for one in instances)
    return Series(metric, entry.resource, names, attributes, resolution_ms, life)
