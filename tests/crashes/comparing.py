"""Comparing what a disturbed run leaves behind with what an undisturbed one does."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf, isclose

from tests.crashes.items import Attributes, Facts, Key, facts_of
from tests.crashes.world import Datum, State

_SHOWN = 3
_NONE = "nothing"


def differences(
    found: State, undisturbed: State, *, counts_may_differ: bool = False
) -> Iterator[str]:
    """What differs, in sentences; SampleCounts of CloudWatch only where they may not."""
    yield from _of_items(found.items, undisturbed.items)
    yield from _of_datums(found.datums, undisturbed.datums, counts_may_differ)


def _of_items(
    found: Mapping[Key, Attributes], undisturbed: Mapping[Key, Attributes]
) -> Iterator[str]:
    here, there = facts_of(found, undisturbed), facts_of(undisturbed, found)
    for name in sorted(here.keys() | there.keys()):
        if name not in there:
            yield f"{name} is there, and should not be"
        elif name not in here:
            yield f"{name} is missing"
        elif here[name] != there[name]:
            yield from _of_facts(name, here[name], there[name])


def _of_facts(name: str, here: Facts, there: Facts) -> Iterator[str]:
    differ = [path for path in here | there if here.get(path, _NONE) != there.get(path, _NONE)]
    for path in differ[:_SHOWN]:
        told = " ".join(map(str, path))
        yield f"{name}: {told} is {here.get(path, _NONE)}, not {there.get(path, _NONE)}"
    if len(differ) > _SHOWN:
        yield f"{name}: {len(differ) - _SHOWN} more"


@dataclass(slots=True)
class _Point:
    """What CloudWatch makes of all it was sent for a minute of a metric."""

    units: set[str] = field(default_factory=set)
    count: float = 0.0
    total: float = 0.0
    least: float = inf
    greatest: float = -inf

    def add(self, datum: Datum) -> None:
        self.units.add(datum.unit)
        self.count += datum.samples
        self.total += datum.total
        self.least = min(self.least, datum.least)
        self.greatest = max(self.greatest, datum.greatest)

    def shows_as(self, other: "_Point") -> bool:
        """Whether unit, Average, Minimum and Maximum are the same."""
        extremes = (self.units, self.least, self.greatest)
        # Three times a sum over three times a count may be rounded another way.
        averages = self.total / self.count, other.total / other.count
        return extremes == (other.units, other.least, other.greatest) and isclose(
            *averages, rel_tol=1e-12
        )


def _of_datums(
    found: Iterable[Datum], undisturbed: Iterable[Datum], counts_may_differ: bool
) -> Iterator[str]:
    here, there = _points(found), _points(undisturbed)
    for key in sorted(here.keys() | there.keys()):
        name = "CloudWatch's " + " ".join(key)
        if key not in there:
            yield f"{name} is there, and should not be"
        elif key not in here:
            yield f"{name} is missing"
        elif not here[key].shows_as(there[key]):
            yield f"{name} is {here[key]}, not {there[key]}"
        elif here[key].count != there[key].count and not counts_may_differ:
            yield f"{name} has SampleCount {here[key].count}, not {there[key].count}"


def _points(datums: Iterable[Datum]) -> dict[tuple[str, str, str], _Point]:
    points: defaultdict[tuple[str, str, str], _Point] = defaultdict(_Point)
    for datum in datums:
        minute = datetime.fromtimestamp(datum.minute, UTC).isoformat()
        points[datum.metric, datum.resource, minute].add(datum)
    return points
