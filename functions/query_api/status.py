"""Status: how fresh each provider's part of an answer is, and warnings about what is missing."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from tributary.registry import Entry
from tributary.state import Collected
from tributary.windows import FIVE_MINUTES_MS, SECOND_MS, rfc3339

# Collectors read this many resolutions again, since hosts revise their newest samples.
REVISED_RESOLUTIONS = 3
_SILENT_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Freshness:
    """How often resources are collected and how far collecting stays behind, in ms."""

    interval_ms: int
    delay_ms: int

    @classmethod
    def from_env(cls) -> Self:
        """INTERVAL_SECONDS and DELAY_SECONDS."""
        return cls(
            int(os.environ.get("INTERVAL_SECONDS", "300")) * SECOND_MS,
            int(os.environ.get("DELAY_SECONDS", "60")) * SECOND_MS,
        )

    def is_failing(self, state: Collected, now_ms: int) -> bool:
        """Whether the last attempt failed, or samples should be there that are not."""
        if state.failure:
            return True
        if state.idle or state.newest_ms is None:
            return False
        return now_ms - state.newest_ms > self._silence_ms(state.resolution_ms)

    def _silence_ms(self, resolution_ms: int) -> int:
        # Samples are this old before they can be stored, however often is collected: by the delay,
        # the window that must be over, an interval, and what the newest sample stands for.
        usual_ms = self.interval_ms + FIVE_MINUTES_MS + 2 * (self.delay_ms + resolution_ms)
        return max(_SILENT_INTERVALS * self.interval_ms, usual_ms)


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """One provider's part in an answer; times in ms, None before the first sample.

    Before `settled_ms` nothing changes any more, other than by a host's outage being made up for.
    """

    newest_ms: int | None
    settled_ms: int | None
    matched: int
    failing: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As the API answers it."""
        return {
            "newestSample": _time(self.newest_ms),
            "settledUntil": _time(self.settled_ms),
            "resourcesMatched": self.matched,
            "resourcesFailing": len(self.failing),
        }


def provider_of(resource: str) -> str:
    """The provider in a resource's id."""
    return resource.partition("/")[0]


def statuses(
    entries: Iterable[Entry], states: Mapping[str, Collected], freshness: Freshness, now_ms: int
) -> dict[str, ProviderStatus]:
    """The status of each provider that any of these resources belong to, by name."""
    resources: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        resources[provider_of(entry.resource)].append(entry)
    return {
        provider: _status(resources[provider], states, freshness, now_ms)
        for provider in sorted(resources)
    }


def warnings(
    found: Mapping[str, ProviderStatus], states: Mapping[str, Collected], unreadable: Iterable[str]
) -> list[str]:
    """A sentence for each provider that is failing, and each resource with a broken chunk."""
    sentences = []
    for provider, status in found.items():
        if not status.failing:
            continue
        failures = (states[resource].failure for resource in status.failing)
        kinds = sorted({failure.kind if failure else "no new samples" for failure in failures})
        newest = _time(status.newest_ms)
        sentences.append(
            f"{provider}: {len(status.failing)} of {status.matched} matched resources failing "
            f"({', '.join(kinds)}), "
            + (f"newest sample {newest}; later values may be missing." if newest else "no samples.")
        )
    sentences += [
        f"{resource}: some stored samples can't be read and are left out."
        for resource in unreadable
    ]
    return sentences


def _status(
    entries: list[Entry], states: Mapping[str, Collected], freshness: Freshness, now_ms: int
) -> ProviderStatus:
    known = [(entry, states[entry.resource]) for entry in entries if entry.resource in states]
    newest = [state.newest_ms for _, state in known if state.newest_ms is not None]
    settled = [
        state.newest_ms - REVISED_RESOLUTIONS * state.resolution_ms
        for entry, state in known
        if state.newest_ms is not None and not state.idle and _lives(entry)
    ]
    failing = tuple(
        entry.resource
        for entry, state in known
        if _lives(entry) and freshness.is_failing(state, now_ms)
    )
    return ProviderStatus(
        max(newest, default=None),
        # Of resources that are no more, everything is known.
        min(settled, default=max(newest, default=None)),
        len(entries),
        failing,
    )


def _lives(entry: Entry) -> bool:
    instances = entry.instances.values()
    return not instances or any(instance.last_ms is None for instance in instances)


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else rfc3339(time_ms)
