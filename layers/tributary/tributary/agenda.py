"""The agenda: which resources a run asks about, and what it does for each once that is current."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from tributary.errors import CredentialsRefusedError, OutOfTimeError
from tributary.registry import Entry
from tributary.resource_run import ResourceRun
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS

# What fails is tried again in the next run, then after twice as long each time, unless the host
# forgets: what it has when it answers again would be gone by the length of the pause.
_LONGEST_PAUSE_MS = 30 * MINUTE_MS
_IDLE_EVERY_MS = HOUR_MS
_DESCRIBED_EVERY_MS = DAY_MS

# What a run does besides what is current, in this order.
_RETURNED, _GAP, _DETAILS, _HISTORY = range(4)


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One request's worth of work; what is less is more urgent."""

    kind: int
    since_ms: int
    act: Callable[[], object] = field(compare=False)
    run: ResourceRun = field(compare=False)


def is_due(run: ResourceRun, every_ms: int) -> bool:
    """Whether the resource is to be asked about in this run, budget permitting."""
    state, span = run.before, run.span
    if run.returned:
        return False
    if state.failure and state.failure.kind != CredentialsRefusedError.kind:
        forgets = run.means.provider.reach_ms is not None
        attempts = 1 if forgets else state.failure.attempts
        return span.slot_ms >= state.failure.at_ms + _pause_ms(attempts, every_ms)
    if state.asked_ms is None:
        return True
    if state.idle and run.resource.idle:
        # That it runs again is seen in the list; until then nothing comes but what is late.
        return span.end_ms - state.asked_ms >= _IDLE_EVERY_MS
    return span.end_ms > state.asked_ms


def cost(run: ResourceRun) -> int:
    """About how many requests asking about the resource takes: of a new one also which instances it
    had, of a sporadic one which runs there were."""
    return 2 if run.resource.sporadic or run.before.coverage is None else 1


def urgency(run: ResourceRun) -> tuple[int, str]:
    """What is less is asked about first: new ones, then those that have waited longest. Of a host
    that forgets these are also the ones of which something would be lost soonest."""
    return run.before.live_ms or 0, run.resource.id


def tasks(runs: Iterable[ResourceRun], entries: Callable[[str], Entry | None]) -> list[Task]:
    """The next task of each resource that has one, most urgent first."""
    found = (_task(run, entries(run.resource.id)) for run in runs)
    return sorted(task for task in found if task)


def _task(run: ResourceRun, entry: Entry | None) -> Task | None:
    if isinstance(run.error, OutOfTimeError | CredentialsRefusedError):
        return None
    described_ms = entry.described_ms if entry else 0
    details = Task(_DETAILS, described_ms, run.describe, run)
    if run.returned or run.collected.failure:
        # Whoever returned is asked for nothing before it is known whether it is another.
        kind = _RETURNED if run.returned else _DETAILS
        return None if described_ms or run.is_described else replace(details, kind=kind)
    paused = run.span.slot_ms < run.collected.paused_ms
    gaps = run.collected.gaps_before(run.span.end_ms)
    if gaps and not run.waits and not paused:
        return Task(_GAP, gaps[0].start_ms, partial(run.mend, gaps[0]), run)
    if not run.is_described and run.span.slot_ms - described_ms >= _DESCRIBED_EVERY_MS:
        return details
    coverage = run.collected.coverage
    if coverage and run.collected.imported < 100 and not paused:
        return Task(_HISTORY, -coverage.since_ms, run.import_older, run)
    return None


def _pause_ms(attempts: int, every_ms: int) -> int:
    return min(_LONGEST_PAUSE_MS, every_ms << min(attempts - 1, 10))
