"""Coverage: of which time samples are not stored that should be, and why, resource by resource."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from functions.query_api.engine import Engine
from functions.query_api.paging import holding, page_of
from functions.query_api.parameters import CoverageQuery
from functions.query_api.standing import Standing
from functions.query_api.status import Freshness
from tributary.coverage import NOTHING, OPEN
from tributary.registry import Entry, Shard
from tributary.state import Failure
from tributary.windows import SECOND_MS, Window, rfc3339, rfc3339_or_none

type State = Literal["open", "repaired", "unrecoverable"]
_STATES: tuple[State, ...] = ("open", "repaired", "unrecoverable")

# By the code that an answer gives as the reason; where asking fails it is the failure's kind.
REASONS = {
    "not_asked": "The host has not been asked for this yet: collecting was interrupted, or the "
    "request budget is used up.",
    "gone": "The host lists the resource no more, and what was not asked for in time is lost.",
    "silent": "The host was asked for this and had no samples yet; they may still come.",
    "host_forgot": "The host was asked for this after it had given up its finer samples.",
    "host_has_none": "The host was asked for this and had no samples of it.",
}


class Missing(NamedTuple):
    """A time of which the finest samples are not stored; `resolution_ms` is that of those which
    are instead, None if none are."""

    window: Window
    state: State
    resolution_ms: int | None
    reason: str
    detail: str


def coverage_page(
    engine: Engine, shards: Sequence[Shard], query: CoverageQuery, now_ms: int
) -> dict[str, Any]:
    """`{"start", "end", "resources": […], "nextCursor", "total", "totals"}`: the matching resources
    after the cursor, by id, with their gaps in the range; `totals` are seconds, of all matching."""
    page = page_of(shards, query.paging)
    standings = engine.standings(holding(shards, page.matched))
    missing = {
        entry.resource: list(
            _within(query.window, standings.get(entry.resource), engine.freshness, now_ms)
        )
        for entry in page.matched
    }
    totals: Counter[str] = Counter()
    for gap in (gap for gaps in missing.values() for gap in gaps):
        totals[gap.state] += gap.window.length_ms
    return {
        "start": rfc3339(query.window.start_ms),
        "end": rfc3339(query.window.end_ms),
        "resources": [
            _document(entry, standings.get(entry.resource, Standing()), missing[entry.resource])
            for entry in page.entries
        ],
        "nextCursor": page.next_cursor,
        "total": len(page.matched),
        "totals": {state: _seconds(totals[state]) for state in _STATES},
    }


def _within(
    range_: Window, standing: Standing | None, freshness: Freshness, now_ms: int
) -> Iterator[Missing]:
    """A resource's gaps in the range, by time and cut to it."""
    if standing is None:
        return
    gaps = [*_known(standing), *_overdue(standing, freshness, now_ms)]
    for gap in sorted(gaps, key=lambda gap: gap.window):
        common = gap.window.common(range_)
        if common.length_ms:
            yield gap._replace(window=common)


def _known(standing: Standing) -> Iterator[Missing]:
    """The gaps that the state knows of."""
    coverage = standing.collected.coverage
    for gap in coverage.gaps if coverage else ():
        if gap.resolution_ms == OPEN and standing.gone_ms is not None:
            yield _missing(gap.window, "unrecoverable", None, "gone")
        elif gap.resolution_ms == OPEN:
            yield _open(gap.window, standing, "not_asked")
        elif gap.resolution_ms == NOTHING:
            yield _missing(gap.window, "unrecoverable", None, "host_has_none")
        else:
            yield _missing(gap.window, "repaired", gap.resolution_ms, "host_forgot")


def _overdue(standing: Standing, freshness: Freshness, now_ms: int) -> Iterator[Missing]:
    """What should have been stored by now and is not: asked for without an answer that had
    samples, or not asked for yet."""
    state = standing.collected
    if state.coverage is None or state.asked_ms is None or not standing.awaited:
        return
    live_ms, due_ms = state.coverage.until_ms, now_ms - freshness.lateness_ms(standing)
    # Of a resource that never had samples nobody knows that it should have any, and neither at what
    # time a job should.
    if state.newest_ms is not None and not standing.sporadic:
        yield _open(Window(live_ms, min(state.asked_ms, due_ms)), standing, "silent")
    yield _open(Window(max(live_ms, state.asked_ms), due_ms), standing, "not_asked")


def _open(window: Window, standing: Standing, reason: str) -> Missing:
    failure = standing.collected.failure
    if failure:
        return Missing(window, "open", None, failure.kind, _failing(failure))
    return _missing(window, "open", None, reason)


def _missing(window: Window, state: State, resolution_ms: int | None, reason: str) -> Missing:
    return Missing(window, state, resolution_ms, reason, REASONS[reason])


def _failing(failure: Failure) -> str:
    at, kind = rfc3339(failure.at_ms), failure.kind
    if failure.attempts == 1:
        return f"Asking failed ({kind}) at {at}; it is tried again."
    times = f"{failure.attempts} times in succession"
    return f"Asking failed {times} ({kind}), the last time at {at}; it is tried again."


def _document(entry: Entry, standing: Standing, gaps: list[Missing]) -> dict[str, Any]:
    coverage = standing.collected.coverage
    return {
        "id": entry.resource,
        "attributes": dict(entry.attributes),
        "since": rfc3339_or_none(coverage.since_ms if coverage else None),
        "until": rfc3339_or_none(coverage.until_ms if coverage else None),
        "settledUntil": rfc3339_or_none(standing.settled_ms),
        "gaps": [
            {
                "start": rfc3339(gap.window.start_ms),
                "end": rfc3339(gap.window.end_ms),
                "state": gap.state,
                "resolution": None if gap.resolution_ms is None else _seconds(gap.resolution_ms),
                "reason": gap.reason,
                "detail": gap.detail,
            }
            for gap in gaps
        ],
    }


def _seconds(length_ms: int) -> int | float:
    """Whole where it is."""
    seconds, rest = divmod(length_ms, SECOND_MS)
    return length_ms / SECOND_MS if rest else seconds
