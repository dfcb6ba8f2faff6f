"""Collected: what is known of a resource between runs, and how two writers' knowledge is joined."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tributary.coverage import Coverage, Gap
from tributary.errors import TributaryError
from tributary.windows import HOUR_MS, Window

_MESSAGE_LENGTH = 300
# So many resolutions before the newest sample are read again, since hosts revise their newest.
OVERLAP_RESOLUTIONS = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempts at a resource failed: kind of error, message, scheduled time in ms of
    the last, and how many there were in succession."""

    kind: str
    message: str
    at_ms: int
    attempts: int = 1


def failure_of(error: TributaryError, at_ms: int, before: Failure | None = None) -> Failure:
    """The error as it is kept with a resource whose attempt before failed, or did not."""
    attempts = before.attempts + 1 if before else 1
    return Failure(error.kind, str(error)[:_MESSAGE_LENGTH], at_ms, attempts)


@dataclass(frozen=True, slots=True)
class Collected:
    """One resource's state; times in ms since the epoch.

    `newest_ms` is the newest stored sample and `resolution_ms` its resolution; `asked_ms` is until
    when the provider has been asked. `coverage` is what is complete, None before the first answer.
    Its end is that of the newest sample; a silent resource's follows an hour behind `asked_ms`, so
    that samples may still come late and yet no run asks for days again. Samples before `settled_ms`
    were the same when they were read again. `imported` is how much is stored of what the provider
    had from before the first run, in percent; until that is 100, `empty_ms` is how much time from
    the coverage's beginning on was answered empty. `published_ms` is until when CloudWatch has it,
    `publishing_ms` until when a run meant to send it: where the two differ nobody knows whether it
    was sent. `attempted_ms` is the last run's scheduled time, and `failure` what became of it if
    it failed. What is not current is not asked for before `paused_ms`, because that failed. `idle`
    says that no samples are to be expected.
    """

    newest_ms: int | None = None
    resolution_ms: int = 0
    asked_ms: int | None = None
    coverage: Coverage | None = None
    settled_ms: int = 0
    imported: int = 0
    empty_ms: int = 0
    published_ms: int = 0
    publishing_ms: int = 0
    attempted_ms: int = 0
    failure: Failure | None = None
    paused_ms: int = 0
    idle: bool = False

    @property
    def live_ms(self) -> int | None:
        """Where collecting what is current goes on, gaps left aside."""
        return self.coverage.until_ms if self.coverage else None

    @property
    def watermark_ms(self) -> int | None:
        """Everything before it has been collected; None before the first answer."""
        if self.coverage is None:
            return None
        return min([self.coverage.until_ms, *(gap.start_ms for gap in self.coverage.open)])

    @property
    def from_ms(self) -> int | None:
        """From where on to ask: what the provider may have revised is read again."""
        if self.coverage is None:
            return None
        live_ms = self.coverage.until_ms
        # Of a host that revises without end, no more than the last hour is read again.
        return max(min(live_ms - self.overlap_ms, self.settled_ms), live_ms - HOUR_MS)

    @property
    def overlap_ms(self) -> int:
        """How much is read again before the end of the newest sample."""
        return (OVERLAP_RESOLUTIONS + 1) * self.resolution_ms

    def covering(self, answered: Coverage) -> "Collected":
        """The state once the provider has answered for more."""
        known = self.coverage.joined(answered) if self.coverage else answered
        return replace(self, coverage=known)

    def after(
        self, asked: Window, changed_ms: int | None = None, gaps: Iterable[Gap] = ()
    ) -> "Collected":
        """The state once what is current was asked for, whose samples are noted already.

        `changed_ms` is the first sample that was no longer, or not yet, what was read before: what
        follows on it is not settled. `gaps` are what was answered in coarser samples than usual.
        """
        asked_ms = max(asked.end_ms, self.asked_ms or 0)
        newest_end_ms = 0 if self.newest_ms is None else self.newest_ms + self.resolution_ms
        live_ms = max(min(asked_ms, newest_end_ms), asked_ms - HOUR_MS)
        start_ms = min(asked.start_ms, live_ms)
        if self.coverage and self.asked_ms is not None and asked.start_ms <= self.asked_ms:
            # What was asked before is asked no more, though it was left open for late samples.
            start_ms = min(self.coverage.until_ms, live_ms)
        # What a silent resource is not asked about any more does not change either.
        silent = live_ms > newest_end_ms
        final_ms = live_ms if silent else live_ms - self.overlap_ms
        settled_ms = max(self.settled_ms, min(final_ms, changed_ms or final_ms))
        claimed = Window(start_ms, live_ms)
        coarse = (gap.within(claimed) for gap in gaps)
        covered = self.covering(Coverage.of(claimed, filter(None, coarse)))
        return replace(covered, asked_ms=asked_ms, settled_ms=settled_ms)

    def gaps_before(self, end_ms: int) -> list[Window]:
        """What is open before the instant, oldest first."""
        gaps = self.coverage.open if self.coverage else ()
        found = (gap.window.common(Window(0, end_ms)) for gap in gaps)
        return [window for window in found if window.length_ms]

    def joined(self, other: "Collected") -> "Collected":
        """Both writers' knowledge: the later attempt, and the most that either has stored.

        Of two attempts at one slot the one that succeeded counts: as after a key was renewed.
        """
        late = max(self, other, key=_lateness)
        newest = max(self, other, key=_newness)
        oldest = min(self, other, key=_since_ms)
        asked = [one.asked_ms for one in (self, other) if one.asked_ms is not None]
        covered = [one.coverage for one in (self, other) if one.coverage]
        return replace(
            late,
            newest_ms=newest.newest_ms,
            resolution_ms=newest.resolution_ms,
            asked_ms=max(asked, default=None),
            coverage=covered[0].joined(covered[-1]) if covered else None,
            imported=max(self.imported, other.imported),
            empty_ms=oldest.empty_ms,
            published_ms=max(self.published_ms, other.published_ms),
            publishing_ms=max(self.publishing_ms, other.publishing_ms),
            paused_ms=max(self.paused_ms, other.paused_ms),
        )


def _lateness(state: Collected) -> tuple[int | bool | tuple[int | str, ...], ...]:
    """By which of two is chosen who says how the last attempt went, whichever comes first."""
    failure = state.failure
    how = (failure.attempts, failure.kind, failure.message, failure.at_ms) if failure else ()
    # Of two attempts at one slot the one that believes less to be final reads more of it again.
    return (state.attempted_ms, failure is None, -state.settled_ms, how, state.idle)


def _newness(state: Collected) -> tuple[int, int]:
    return (-1 if state.newest_ms is None else state.newest_ms, state.resolution_ms)


def _since_ms(state: Collected) -> tuple[float, int]:
    return (state.coverage.since_ms if state.coverage else float("inf"), -state.empty_ms)
