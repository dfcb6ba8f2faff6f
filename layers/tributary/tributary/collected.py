"""Collected: what is known of a resource between runs, and how two writers' knowledge is joined."""

from dataclasses import dataclass, replace

from tributary.errors import TributaryError
from tributary.windows import HOUR_MS

_MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a resource is stored: its newest sample and the resolution of it, in ms.

    For a resource that has been silent, the instant from which samples may still come.
    """

    newest_ms: int
    resolution_ms: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at a resource failed: kind of error, message, scheduled time in ms."""

    kind: str
    message: str
    at_ms: int


def failure_of(error: TributaryError, at_ms: int) -> Failure:
    """The error as it is kept with a resource."""
    return Failure(error.kind, str(error)[:_MESSAGE_LENGTH], at_ms)


@dataclass(frozen=True, slots=True)
class Collected:
    """One resource's state; times in ms since the epoch.

    `newest_ms` is the newest stored sample and `resolution_ms` its resolution; `asked_ms` is until
    when the provider has been asked and its answers are stored. `published_ms` is
    until when CloudWatch has it, `publishing_ms` until when a run meant to send it: where the two
    differ nobody knows whether it was sent. `attempted_ms` is the last run's scheduled time, and
    `failure` what became of it if it failed. `idle` says that no samples are to be expected.
    """

    newest_ms: int | None = None
    resolution_ms: int = 0
    asked_ms: int | None = None
    published_ms: int = 0
    publishing_ms: int = 0
    attempted_ms: int = 0
    failure: Failure | None = None
    idle: bool = False

    @property
    def watermark_ms(self) -> int | None:
        """Everything before it has been collected; None before the first answer.

        That of a live resource is the end of its newest sample. A silent one's follows an hour
        behind, so that samples may still come late and yet no run asks for days again.
        """
        if self.asked_ms is None:
            return None
        live_ms = 0 if self.newest_ms is None else self.newest_ms + self.resolution_ms
        return max(min(self.asked_ms, live_ms), self.asked_ms - HOUR_MS)

    @property
    def progress(self) -> Progress | None:
        """Where the next run goes on; None before the first answer."""
        if self.watermark_ms is None:
            return None
        return Progress(self.watermark_ms - self.resolution_ms, self.resolution_ms)

    def joined(self, other: "Collected") -> "Collected":
        """Both writers' knowledge: the later attempt, and the most that either has stored.

        Of two attempts at one slot the one that succeeded counts: as after a key was renewed.
        """
        late = max(self, other, key=lambda one: (one.attempted_ms, one.failure is None))
        newest = max(self, other, key=lambda one: (one.newest_ms or 0, one.resolution_ms))
        return replace(
            late,
            newest_ms=newest.newest_ms,
            resolution_ms=newest.resolution_ms,
            asked_ms=max(self.asked_ms or 0, other.asked_ms or 0) or None,
            published_ms=max(self.published_ms, other.published_ms),
            publishing_ms=max(self.publishing_ms, other.publishing_ms),
        )
