"""Settled: the steps of a query's range in which nothing changes any more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from functions.query_api.plan import Grid
from functions.query_api.series import Series
from functions.query_api.standing import Standing
from functions.query_api.status import provider_of
from tributary.registry import Entry
from tributary.windows import floor_to, rfc3339

type Until = Mapping[str, int]


def settled_until(
    entries: Iterable[Entry], series: Iterable[Series], standings: Mapping[str, Standing]
) -> Until:
    """By provider until when, in ms, nothing changes of any of these resources and series.

    What is idle or gone holds nobody up, but was last seen to be so when its account was collected.
    0 where a series' resource has no state yet: its first run is not over.
    """
    found: dict[str, int] = {}

    def until(resource: str, at_ms: int) -> None:
        provider = provider_of(resource)
        found[provider] = min(at_ms, found.get(provider, at_ms))

    for resource in {one.resource for one in entries} & standings.keys():
        standing = standings[resource]
        until(resource, standing.seen_ms if standing.settled_ms is None else standing.settled_ms)
    for resource in {one.resource for one in series}:
        known = standings.get(resource)
        if known is None or known.is_unseen:
            until(resource, 0)
    return found


def settled_steps(grid: Grid, until: Until) -> Grid:
    """The grid's steps before the least of these instants; there may be none."""
    ends = (floor_to(grid.step_ms, at_ms) for at_ms in until.values())
    return replace(grid, end_ms=max(grid.start_ms, min([grid.end_ms, *ends])))


def settled_series(grid: Grid, series: Sequence[Series]) -> list[Series]:
    """The series that have begun by the end of the settled steps; none where there are no steps."""
    return [one for one in series if grid.points and one.life.start_ms < grid.end_ms]


def unsettled_warnings(grid: Grid, until: Until) -> list[str]:
    """Where no step is settled, a sentence that says because of whom, and until when things are."""
    if grid.points:
        return []
    late = [
        f"{provider} is settled until {rfc3339(at_ms)}" if at_ms else f"{provider} not at all yet"
        for provider, at_ms in sorted(until.items())
        if floor_to(grid.step_ms, at_ms) <= grid.start_ms
    ]
    return [
        f"No whole step of this range is settled: {', '.join(late)}. "
        "Send an earlier start or a shorter step, or leave settled out."
    ]
