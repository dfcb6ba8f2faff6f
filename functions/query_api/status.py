"""Status: how fresh each provider's part of an answer is, and warnings about what is missing."""

import os
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from tributary.registry import Entry
from tributary.state import Collected
from tributary.windows import FIVE_MINUTES_MS, HOUR_MS, SECOND_MS, rfc3339

# Collectors read this many resolutions again, since hosts revise their newest samples.
REVISED_RESOLUTIONS = 3
_SILENT_INTERVALS = 3
_GONE_INTERVALS = 12


@dataclass(frozen=True, slots=True)
class Freshness:
    """How often resources are collected and how far collecting stays behind, in ms."""

    interval_ms: int
    delay_ms: int

    @classmethod
    def from_env(cls) -> Self:
        """INTERVAL_SECONDS, the longest of a comma-separated list, and DELAY_SECONDS."""
        intervals = os.environ.get("INTERVAL_SECONDS", "300").split(",")
        return cls(
            max(map(int, intervals)) * SECOND_MS,
            int(os.environ.get("DELAY_SECONDS", "60")) * SECOND_MS,
        )

    def failing(self, states: Mapping[str, Collected], now_ms: int) -> set[str]:
        """The resources whose last attempt failed, or of which there should be samples that are
        not; the states are those of all resources of a registry shard or more."""
        attempts = _last_attempts(states)
        return {
            resource
            for resource, state in states.items()
            if not self.is_gone(state, attempts[_account_of(resource)])
            and (state.failure or self._is_silent(state, now_ms))
        }

    def settled_ms(self, states: Mapping[str, Collected]) -> dict[str, int]:
        """Until when the samples of each resource change no more, where more are to come."""
        attempts = _last_attempts(states)
        return {
            resource: _settled_ms(state)
            for resource, state in states.items()
            if state.newest_ms is not None
            and not state.idle
            and not self.is_gone(state, attempts[_account_of(resource)])
        }

    def is_gone(self, state: Collected, account_ms: int) -> bool:
        """Whether the provider lists the resource no more: others of its account, last tried at
        `account_ms`, are collected and it is not."""
        return account_ms - state.attempted_ms > max(_GONE_INTERVALS * self.interval_ms, HOUR_MS)

    def _is_silent(self, state: Collected, now_ms: int) -> bool:
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
    resources: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        resources[provider_of(entry.resource)].append(entry.resource)
    failing, settled = freshness.failing(states, now_ms), freshness.settled_ms(states)
    return {
        provider: _status(resources[provider], states, failing, settled)
        for provider in sorted(resources)
    }


def seen_ms(states: Mapping[str, Collected]) -> dict[str, int]:
    """By resource when its account was last collected, in ms: what is idle or gone was so then."""
    attempts = _last_attempts(states)
    return {resource: attempts[_account_of(resource)] for resource in states}


def warnings(found: Mapping[str, ProviderStatus], states: Mapping[str, Collected]) -> list[str]:
    """A sentence for each provider that is failing."""
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
    return sentences


def unreadable_warnings(resources: Iterable[str]) -> list[str]:
    """A sentence for each resource of which some item can't be decoded."""
    return [
        f"{resource}: some stored samples can't be read and are left out." for resource in resources
    ]


def _status(
    resources: list[str],
    states: Mapping[str, Collected],
    failing: Container[str],
    settled: Mapping[str, int],
) -> ProviderStatus:
    known = [states[resource] for resource in resources if resource in states]
    newest_ms = max((one.newest_ms for one in known if one.newest_ms is not None), default=None)
    return ProviderStatus(
        newest_ms,
        # Of resources that are idle or gone, everything is known.
        min((settled[one] for one in resources if one in settled), default=newest_ms),
        len(resources),
        tuple(resource for resource in resources if resource in failing),
    )


def _settled_ms(state: Collected) -> int:
    # Of a silent resource the watermark goes on, though its newest sample does not.
    reached_ms = (state.watermark_ms or 0) - state.resolution_ms
    newest_ms = max(state.newest_ms or 0, reached_ms)
    return newest_ms - REVISED_RESOLUTIONS * state.resolution_ms


def _account_of(resource: str) -> str:
    return "/".join(resource.split("/", 2)[:2])


def _last_attempts(states: Mapping[str, Collected]) -> dict[str, int]:
    latest: dict[str, int] = {}
    for resource, state in states.items():
        account = _account_of(resource)
        latest[account] = max(latest.get(account, 0), state.attempted_ms)
    return latest


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else rfc3339(time_ms)
