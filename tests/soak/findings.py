"""What is wrong at the end of a week, in sentences: the oracle, which knows nothing of the product
but what it stored, sent and says of itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from local.providers import HostupSimulator, NorthflankSimulator
from tests.soak.claims import Minutes, wrong_claims
from tests.soak.clock import MINUTE, START
from tests.soak.host import Host
from tests.soak.naming import series_of, value_of
from tests.soak.obtainable import Series
from tests.soak.published import expected_points, shown_wrong
from tests.soak.schedule import Span
from tests.soak.week import Week
from tributary.registry import Entry, Registry
from tributary.windows import DAY_MS, MINUTE_MS, Tier, Window, floor_to, rfc3339, without

type Reference = HostupSimulator | NorthflankSimulator
# Instance, metric, time (ms).
type Sample = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """A sample as it is kept."""

    value: float
    resolution_ms: int


@dataclass(slots=True)
class Findings:
    """Sentences, of which each kind is cut short.

    CloudWatch is not held to what the host `revised` (spans in seconds since the start).
    """

    week: Week
    reference: Reference
    revised: Sequence[Span] = ()
    told: list[str] = field(default_factory=list)
    samples: int = 0

    def all(self) -> list[str]:
        """Everything that is wrong."""
        known = entries(self.week.host)
        obtainable: defaultdict[str, list[Series]] = defaultdict(list)
        for series in self.week.obtainable.times:
            obtainable[series.resource].append(series)
        self._brief(f"{name} is not known" for name in sorted(obtainable.keys() - known.keys()))
        states = self.week.host.states()
        for resource in sorted(known):
            minutes = _Gathered()
            for start_ms in range(START * 1000 - DAY_MS, self.week.end_ms, DAY_MS):
                self._of_day(resource, obtainable[resource], start_ms, minutes)
            live_ms = states[resource].live_ms or 0
            self._brief(self._silent(resource, live_ms))
            if "/jobs/" not in resource:
                # What is gone is known until it was asked for the last time.
                end_ms = self.week.end_ms if known[resource].gone_ms is None else live_ms
                window = Window(START * 1000, end_ms)
                unheard = without([window], self.week.heard)
                self._brief(
                    wrong_claims(resource, states[resource], minutes.minutes(), window, unheard)
                )
        self._brief(self.week.receded)
        self._brief(overrun(self.week.host))
        return self.told

    def _brief(self, sentences: Iterable[str], most: int = 6) -> None:
        found = list(sentences)
        self.told += found[:most]
        if len(found) > most:
            self.told.append(f"… {len(found) - most} more, the last: {found[-1]}")

    def _of_day(
        self, resource: str, obtainable: list[Series], start_ms: int, minutes: "_Gathered"
    ) -> None:
        end_ms = min(start_ms + DAY_MS, self.week.end_ms)
        found = list(self._stored(resource, start_ms, end_ms))
        stored = dict(found)
        true = self._true(resource, start_ms, end_ms)
        self._brief(self._missing(resource, obtainable, stored, Window(start_ms, end_ms)))
        self._brief(_untrue(resource, found, true))
        self._brief(self._shown_wrong(resource, stored, Window(start_ms, end_ms)))
        minutes.add(found, stored, true)
        self.samples += len(stored)

    def _missing(
        self,
        resource: str,
        obtainable: list[Series],
        stored: Mapping[Sample, Stored],
        day: Window,
    ) -> Iterator[str]:
        missing: defaultdict[str, list[int]] = defaultdict(list)
        for series in obtainable:
            for at_ms in self.week.obtainable.between(series, day.start_ms, day.end_ms):
                found = stored.get((series.instance, series.metric, at_ms))
                if found is None or found.resolution_ms != series.resolution_ms:
                    missing[f"{resource} {series.instance} {series.metric}"].append(at_ms)
        for name, times in missing.items():
            span = f"from {rfc3339(times[0])} to {rfc3339(times[-1])}"
            yield f"{name}: {len(times)} samples could be had and are not stored, {span}"

    def _shown_wrong(
        self, resource: str, stored: Mapping[Sample, Stored], day: Window
    ) -> Iterator[str]:
        expected = expected_points(
            resource,
            (
                (*sample, one.value)
                for sample, one in stored.items()
                if one.resolution_ms <= MINUTE_MS
            ),
        )
        shown = {
            minute: point
            for minute, point in self.week.host.published.points.items()
            if minute[1] == resource
            and minute[2] * 1000 in day
            and not self._was_revised(minute[2] - START)
        }
        return shown_wrong(shown, expected)

    def _silent(self, resource: str, live_ms: int) -> Iterator[str]:
        """What was young enough when it could be had, and CloudWatch was not told of."""
        shown = self.week.host.published.points.keys()
        missing = [
            minute
            for minute in self.week.publishable - shown
            if minute[1] == resource and (minute[2] + MINUTE) * 1000 <= live_ms
        ]
        for metric in sorted({minute[0] for minute in missing}):
            times = sorted(minute[2] for minute in missing if minute[0] == metric)
            span = f"from {rfc3339(times[0] * 1000)} to {rfc3339(times[-1] * 1000)}"
            yield f"CloudWatch was not told of {len(times)} minutes of {resource} {metric}, {span}"

    def _was_revised(self, since: float) -> bool:
        """Whether a minute so many seconds after the start was."""
        return any(-60 <= since - first < lasting for first, lasting in self.revised)

    def _stored(self, resource: str, start_ms: int, end_ms: int) -> Iterator[tuple[Sample, Stored]]:
        for tiers in ((Tier.DAY, Tier.MONTH), (Tier.RAW, Tier.HOUR)):
            yield from self._of_tiers(resource, start_ms, end_ms, tiers)

    def _of_tiers(
        self, resource: str, start_ms: int, end_ms: int, tiers: tuple[Tier, ...]
    ) -> Iterator[tuple[Sample, Stored]]:
        seen: set[Sample] = set()
        for column in self.week.host.store.read(resource, start_ms, end_ms, tiers=tiers):
            for first, last, run in column.spans():
                for row in range(first, last):
                    sample = column.key.instance, column.key.metric, column.times[row]
                    if sample in seen:
                        self.told.append(f"{resource} {sample} is stored twice")
                    seen.add(sample)
                    yield sample, Stored(column.values[row], run.resolution_ms)

    def _true(
        self, resource: str, start_ms: int, end_ms: int
    ) -> dict[tuple[Sample, int], tuple[float, float]]:
        found = {}
        native = resource.removeprefix(f"{self.week.host.name}/main/")
        first_life, again, _ = native.partition("~")
        asked = first_life + "-again" if again else first_life
        for sample in self.reference.available(start_ms, end_ms, asked):
            series = series_of(self.week.host.name, sample)
            key = (series.instance, series.metric, sample.ts), series.resolution_ms
            found[key] = value_of(sample)
        return found


class _Gathered:
    """Minutes of a resource, day by day."""

    def __init__(self) -> None:
        self._measured: set[int] = set()
        self._lost: set[int] = set()
        self._partly: set[int] = set()
        self._coarse: dict[int, int] = {}

    def add(
        self,
        all_stored: Iterable[tuple[Sample, Stored]],
        stored: Mapping[Sample, Stored],
        true: Mapping[tuple[Sample, int], tuple[float, float]],
    ) -> None:
        """What is stored of a day, of several at one time all or the finest, and what the host
        measured in it."""
        found, lost = set[int](), set[int]()
        for sample, resolution_ms in true:
            if resolution_ms <= MINUTE_MS:
                one, minute = stored.get(sample), floor_to(MINUTE_MS, sample[2])
                (found if one and one.resolution_ms == resolution_ms else lost).add(minute)
        self._measured |= found | lost
        self._lost |= lost - found
        self._partly |= lost & found
        for (_, _, at_ms), one in all_stored:
            if one.resolution_ms > MINUTE_MS:
                for minute in range(at_ms, at_ms + one.resolution_ms, MINUTE_MS):
                    known = self._coarse.get(minute, one.resolution_ms)
                    self._coarse[minute] = min(known, one.resolution_ms)

    def minutes(self) -> Minutes:
        """All of it."""
        whole = frozenset(self._measured - self._lost - self._partly)
        return Minutes(frozenset(self._measured), whole, frozenset(self._lost), self._coarse)


def _untrue(
    resource: str,
    stored: Iterable[tuple[Sample, Stored]],
    true: Mapping[tuple[Sample, int], tuple[float, float]],
) -> Iterator[str]:
    for sample, one in stored:
        value, precision = true.get((sample, one.resolution_ms), (None, 0.0))
        instance, metric, at_ms = sample
        name = f"{resource} {instance} {metric} of {one.resolution_ms / 1000:g} s"
        if value is None:
            yield f"{name} at {rfc3339(at_ms)} is stored, and there is no such sample"
        elif abs(one.value - value) > precision * 0.5001:
            yield f"{name} at {rfc3339(at_ms)} is {one.value}, not {value}"


def entries(host: Host) -> dict[str, Entry]:
    """The account's registry, by resource id."""
    shards = Registry(host.table).shards_of(f"{host.name}/main")
    return {name: entry for shard in shards for name, entry in shard.entries.items()}


def overrun(host: Host) -> Iterator[str]:
    """Windows of the provider's limit in which it was asked for more than our share."""
    allowed = int(host.limit.requests * host.limit.share)
    for window in host.simulator.budget.windows():
        if window.refused or window.allowed > allowed:
            opened = rfc3339(int(window.opened_at * 1000))
            yield (
                f"{host.name} was sent {window.allowed} requests and {window.refused} past its "
                f"limit in the window from {opened}, of {allowed}"
            )
