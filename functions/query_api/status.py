"""Status: how fresh each provider's part of an answer is, and warnings about what is missing."""

import os
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from functions.query_api.standing import Standing
from tributary.registry import Entry
from tributary.windows import FIVE_MINUTES_MS, SECOND_MS, rfc3339_or_none

_SILENT_INTERVALS = 3


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

    def failing(self, standings: Mapping[str, Standing], now_ms: int) -> set[str]:
        """The resources whose last attempt failed, or of which there should be samples that are
        not."""
        return {
            resource
            for resource, standing in standings.items()
            if standing.gone_ms is None
            and (standing.collected.failure or self._is_silent(standing, now_ms))
        }

    def lateness_ms(self, standing: Standing) -> int:
        """How old a resource's newest sample gets before it is late.

        What counts is how often its account is collected at present, where that is known: with
        many resources a request budget may be too small for the interval that was wished for.
        """
        interval_ms = standing.every_ms or self.interval_ms
        # Samples are this old before they can be stored, however often is collected: by the delay,
        # the window that must be over, an interval, and what the newest sample stands for.
        held_ms = self.delay_ms + standing.collected.resolution_ms
        return max(_SILENT_INTERVALS * interval_ms, interval_ms + FIVE_MINUTES_MS + 2 * held_ms)

    def _is_silent(self, standing: Standing, now_ms: int) -> bool:
        newest_ms = standing.collected.newest_ms
        if newest_ms is None or not standing.awaited or standing.sporadic:
            return False
        return now_ms - newest_ms > self.lateness_ms(standing)


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """One provider's part in an answer; times in ms, None before the first sample.

    Before `settled_ms` nothing changes any more, other than by older history being imported.
    """

    newest_ms: int | None
    settled_ms: int | None
    matched: int
    failing: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As the API answers it."""
        return {
            "newestSample": rfc3339_or_none(self.newest_ms),
            "settledUntil": rfc3339_or_none(self.settled_ms),
            "resourcesMatched": self.matched,
            "resourcesFailing": len(self.failing),
        }


def provider_of(resource: str) -> str:
    """The provider in a resource's id."""
    return resource.partition("/")[0]


def statuses(
    entries: Iterable[Entry], standings: Mapping[str, Standing], freshness: Freshness, now_ms: int
) -> dict[str, ProviderStatus]:
    """The status of each provider that any of these resources belong to, by name."""
    resources: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        resources[provider_of(entry.resource)].append(entry.resource)
    failing = freshness.failing(standings, now_ms)
    return {
        provider: _status(resources[provider], standings, failing) for provider in sorted(resources)
    }


def warnings(found: Mapping[str, ProviderStatus], standings: Mapping[str, Standing]) -> list[str]:
    """A sentence for each provider that is failing."""
    sentences = []
    for provider, status in found.items():
        if not status.failing:
            continue
        failures = (standings[resource].collected.failure for resource in status.failing)
        kinds = sorted({failure.kind if failure else "no new samples" for failure in failures})
        newest = rfc3339_or_none(status.newest_ms)
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
    resources: list[str], standings: Mapping[str, Standing], failing: Container[str]
) -> ProviderStatus:
    known = [standings[resource] for resource in resources if resource in standings]
    newest = [one.collected.newest_ms for one in known if one.collected.newest_ms is not None]
    # Of resources that are idle or gone, everything is known, but for gaps that may be filled.
    held = [one for one in known if one.awaited or one.unfilled]
    settled = [one.settled_ms for one in held if one.settled_ms is not None]
    newest_ms = max(newest, default=None)
    return ProviderStatus(
        newest_ms,
        min(settled, default=newest_ms),
        len(resources),
        tuple(resource for resource in resources if resource in failing),
    )
