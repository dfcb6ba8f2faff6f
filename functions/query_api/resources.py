"""Resources: what is collected, and how far collecting it came, filtered and page by page."""

from collections.abc import Container, Sequence
from typing import Any

from functions.query_api.engine import Engine
from functions.query_api.paging import holding, page_of
from functions.query_api.parameters import Paging
from functions.query_api.series import metrics_of
from functions.query_api.standing import Standing
from tributary.registry import Entry, Shard
from tributary.windows import rfc3339, rfc3339_or_none

_WHOLE = 100


def resources_page(
    engine: Engine, shards: Sequence[Shard], paging: Paging, now_ms: int
) -> dict[str, Any]:
    """`{"resources": […], "nextCursor", "total"}`: the matching resources after the cursor, by
    id."""
    page = page_of(shards, paging)
    standings = engine.standings(holding(shards, page.entries))
    failing = engine.freshness.failing(standings, now_ms)
    return {
        "resources": [
            _document(entry, standings.get(entry.resource, Standing()), failing)
            for entry in page.entries
        ],
        "nextCursor": page.next_cursor,
        "total": len(page.matched),
    }


def _document(entry: Entry, standing: Standing, failing: Container[str]) -> dict[str, Any]:
    state = standing.collected
    failure = state.failure
    return {
        "id": entry.resource,
        "attributes": dict(entry.attributes),
        "metrics": sorted(metrics_of(entry)),
        "instances": [
            {
                "name": name,
                "attributes": dict(instance.attributes),
                "metrics": sorted(instance.metrics),
                "firstSample": rfc3339(instance.first_ms),
                "lastSample": rfc3339_or_none(instance.last_ms),
            }
            for name, instance in sorted(entry.instances.items())
        ],
        "newestSample": rfc3339_or_none(state.newest_ms),
        "watermark": rfc3339_or_none(state.watermark_ms),
        "history": _history(standing),
        "seriesRefused": entry.refused,
        "idle": state.idle,
        "gone": rfc3339_or_none(entry.gone_ms),
        "failing": entry.resource in failing,
        "failure": {"kind": failure.kind, "at": rfc3339(failure.at_ms)} if failure else None,
    }


def _history(standing: Standing) -> dict[str, Any]:
    """How far back the import of what the provider had before the first run came, and about when
    it is done."""
    state = standing.collected
    done = state.imported >= _WHOLE
    return {
        "importedFrom": rfc3339_or_none(state.coverage.since_ms if state.coverage else None),
        "percent": state.imported,
        "done": done,
        "estimatedDone": None if done else rfc3339_or_none(standing.imported_by_ms or None),
    }
