"""A week: one host, what befalls it by the clock, and what could be had of it meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.providers import serve
from local.providers.ledger import ServedSample
from local.providers.settling import Provisional
from tests.soak.clock import HOUR, MINUTE, START
from tests.soak.host import Host
from tests.soak.naming import series_of
from tests.soak.obtainable import Obtainable, Series
from tests.soak.published import Minute, minute_of
from tests.soak.schedule import Span, events
from tributary.windows import FIVE_MINUTES_MS, MINUTE_MS, Window, floor_to

# Of samples that are older than three hours CloudWatch is not told, nor of history, from before
# the hour with which the first run begins; and a run takes its time.
_TOLD_MS = (3 * HOUR - 10 * MINUTE) * 1000

# Something that happens so many seconds after the start.
type Happening = tuple[float, Callable[[], None]]


@dataclass(slots=True)
class Week:
    """So many seconds of a host.

    The provider forgets its finest samples after `remembers` seconds. `late` is when its samples
    turn up late. `publishable` are the minutes that some undisturbed event could have had while
    CloudWatch was to be told of them; `heard` is the time that these events could ask about.
    """

    host: Host
    seconds: float
    remembers: float
    down: Sequence[Span] = ()
    happenings: Sequence[Happening] = ()
    late: Provisional | None = None
    seed: int = 1
    obtainable: Obtainable = field(default_factory=Obtainable)
    publishable: set[Minute] = field(default_factory=set)
    heard: list[Window] = field(default_factory=list)
    receded: list[str] = field(default_factory=list)
    _noted_ms: int = 0
    _marks: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def play(self) -> None:
        """Everything in its order."""
        due = sorted(self.happenings, key=lambda one: one[0])
        compacted = 0
        for event in events(self.seconds, self.down, self.seed):
            while due and START + due[0][0] <= event.starts:
                due.pop(0)[1]()
            outcome = self.host.invoke(event)
            if outcome.undisturbed:
                self._note(outcome.instant)
            self._watch()
            hour = (event.slot - START - 20 * MINUTE) // HOUR
            if hour > compacted:
                compacted = int(hour)
                self.host.compact()

    @property
    def end_ms(self) -> int:
        """Until when, by the provider's clock, the last event collects."""
        return self._until_ms(START + self.seconds - 4 * MINUTE + self.host.offset)

    def _until_ms(self, instant: float) -> int:
        """What a run at an instant collects until: the last five minutes, a minute ago."""
        return floor_to(FIVE_MINUTES_MS, floor_to(MINUTE_MS, int(instant * 1000)) - MINUTE_MS)

    def _note(self, instant: float) -> None:
        until_ms = self._until_ms(instant)
        overlap = self.late.seconds + 2 * MINUTE if self.late and self._is_late(instant) else 0
        since_ms = max(int((instant - self.remembers) * 1000), self._noted_ms - int(overlap * 1000))
        self.obtainable.note(self._fine(since_ms, until_ms))
        self.heard.append(Window(since_ms, until_ms))
        self._noted_ms = until_ms

    def _is_late(self, instant: float) -> bool:
        assert self.late
        occasion = self.late.occasion
        into = instant - START - occasion.first_seconds
        return -HOUR < into < occasion.lasting_seconds + HOUR

    def _fine(self, since_ms: int, until_ms: int) -> Iterator[tuple[Series, ServedSample]]:
        for sample in self.host.simulator.available(since_ms, until_ms):
            series = series_of(self.host.name, sample)
            if series.resolution_ms <= MINUTE_MS:
                yield series, sample
                minute = minute_of(series.resource, series.metric, sample.ts)
                told_ms = max(self.host.clock.now_ms - _TOLD_MS, (START - HOUR) * 1000)
                if minute and sample.ts >= told_ms:
                    self.publishable.add(minute)

    def _watch(self) -> None:
        """Holds what is known of each resource against what was known before."""
        for resource, state in self.host.states().items():
            mark = (state.watermark_ms or 0, state.live_ms or 0, state.newest_ms or 0)
            before = self._marks.get(resource, (0, 0, 0))
            if any(now < then for now, then in zip(mark, before, strict=True)):
                self.receded.append(f"{resource}: {before} became {mark}")
            self._marks[resource] = mark


@contextmanager
def served(host: Host) -> Iterator[None]:
    """The host's provider is to be reached, as long as it is needed."""
    with serve(host.door) as server:
        host.url = server.url
        yield
