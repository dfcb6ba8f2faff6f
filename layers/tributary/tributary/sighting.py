"""Sightings: which instances and metrics a run saw, and what the registry learns from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tributary.columns import Column, Origin
from tributary.registry import Entry, Instance
from tributary.state import Collected

# An instance whose newest sample is older than the resource's by more than so many resolutions
# has ended; it lives again when it is seen again.
_ENDED_AFTER_RESOLUTIONS = 3


@dataclass(slots=True)
class Sighting:
    """One instance as a run saw it: attributes, and by metric (newest sample, resolution) in ms."""

    attributes: Mapping[str, str]
    first_ms: int
    metrics: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def last_ms(self) -> int:
        """The newest sample's time."""
        return max(newest_ms for newest_ms, _ in self.metrics.values())


@dataclass(slots=True)
class Sightings:
    """The instances of one resource that a run saw, and where the metrics' numbers came from."""

    instances: dict[str, Sighting] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)

    def add(self, columns: Iterable[Column], attributes: Mapping[str, Mapping[str, str]]) -> None:
        """Notes an answer's columns, and the attributes it gives to instances."""
        for column in columns:
            metric, instance, origin = column.key
            seen = self.instances.setdefault(instance, Sighting({}, column.times[0]))
            seen.attributes = attributes.get(instance, seen.attributes)
            seen.first_ms = min(seen.first_ms, column.times[0])
            latest = column.times[-1], column.runs[-1].resolution_ms
            seen.metrics[metric] = max(latest, seen.metrics.get(metric, latest))
            if column.times[-1] >= self._newest.get(metric, column.times[-1]):
                self.origins[metric], self._newest[metric] = origin, column.times[-1]

    def entry_after(self, entry: Entry, before: Collected, after: Collected) -> Entry:
        """The registry's entry once this run is known; the same entry if it tells nothing new.

        Only a run that asked for what is current, and so saw `after` come, tells who lives.
        """
        new = {
            name: Instance(seen.attributes, {}, seen.first_ms)
            for name, seen in self.instances.items()
        }
        instances = {
            name: self._instance_after(name, instance, before, after, name in entry.instances)
            for name, instance in (new | dict(entry.instances)).items()
        }
        return replace(entry, instances=instances, origins=dict(entry.origins) | self.origins)

    def _instance_after(
        self,
        name: str,
        instance: Instance,
        before: Collected,
        after: Collected,
        known: bool,
    ) -> Instance:
        seen = self.instances.get(name)
        if seen:
            overlap_ms = _ENDED_AFTER_RESOLUTIONS * after.resolution_ms
            ended = _silent(after) or seen.last_ms < (after.newest_ms or 0) - overlap_ms
            if known and before.asked_ms == after.asked_ms:
                ended = instance.last_ms is not None
            return Instance(
                seen.attributes,
                dict(instance.metrics) | _resolutions(seen),
                min(instance.first_ms, seen.first_ms),
                max(seen.last_ms, instance.last_ms or 0) if ended else None,
            )
        # A run asks from three resolutions before the newest sample on, so that an instance it
        # does not see has been silent for longer.
        others_went_on = (after.newest_ms or 0) > (before.newest_ms or 0)
        if instance.last_ms is None and (others_went_on or _silent(after)):
            return replace(instance, last_ms=before.newest_ms)
        return instance


def _silent(state: Collected) -> bool:
    """Whether collecting has left the newest sample behind."""
    newest_end_ms = (state.newest_ms or 0) + state.resolution_ms
    return state.live_ms is not None and state.live_ms > newest_end_ms


def _resolutions(seen: Sighting) -> dict[str, int]:
    return {metric: resolution_ms for metric, (_, resolution_ms) in seen.metrics.items()}
