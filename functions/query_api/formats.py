"""Formats: a result as JSON, as CSV with a row per value, or as JSON lines with one per series."""

import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from functions.query_api.aggregate import Line
from functions.query_api.arithmetic import Value
from functions.query_api.engine import Result
from functions.query_api.parameters import Format
from functions.query_api.series import ATTRIBUTES
from tributary.windows import SECOND_MS, rfc3339

CONTENT_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
}


def rendered(result: Result, chosen: Format) -> str:
    """The body of an answer in the format asked for."""
    return _RENDERERS[chosen](result)


def compact(document: Any) -> str:
    """JSON without blanks. What overflowed a float64 on the way is null: JSON has no infinity."""
    try:
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), separators=(",", ":"), ensure_ascii=False)


def _json(result: Result) -> str:
    return compact(
        {
            **_range(result),
            "timestamps": _timestamps(result),
            "series": [_series(line) for line in result.lines],
            **_notes(result),
        }
    )


def _csv(result: Result) -> str:
    import csv  # Here, for most answers are JSON, and a cold start would wait for it.

    names = _attribute_names(result.lines)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["timestamp", "metric", "unit", *names, "value"])
    timestamps = _timestamps(result)
    for line in result.lines:
        labels = [line.metric.name, line.metric.unit]
        labels += [line.attributes.get(name, "") for name in names]
        writer.writerows(
            [timestamp, *labels, value]
            for timestamp, value in zip(timestamps, line.values, strict=True)
            if value is not None
        )
    return text.getvalue()


def _ndjson(result: Result) -> str:
    last = {**_range(result), "timestamps": _timestamps(result), **_notes(result)}
    lines = [compact(_series(line)) for line in result.lines]
    return "\n".join([*lines, compact(last), ""])


_RENDERERS: Mapping[Format, Callable[[Result], str]] = {
    "json": _json,
    "csv": _csv,
    "ndjson": _ndjson,
}


def _range(result: Result) -> dict[str, Any]:
    grid = result.grid
    return {
        "start": rfc3339(grid.start_ms),
        "end": rfc3339(grid.end_ms),
        "step": grid.step_ms // SECOND_MS,
    }


def _timestamps(result: Result) -> list[int]:
    return [edge // SECOND_MS for edge in result.grid.edges[:-1]]


def _notes(result: Result) -> dict[str, Any]:
    return {
        "status": {name: status.document() for name, status in result.status.items()},
        "warnings": result.warnings,
    }


def _series(line: Line[list[Value]]) -> dict[str, Any]:
    return {
        "metric": line.metric.name,
        "unit": line.metric.unit,
        "attributes": dict(line.attributes),
        "values": line.values,
        **({"approximate": True} if line.approximate else {}),
    }


def _attribute_names(lines: Iterable[Line[list[Value]]]) -> list[str]:
    present = {name for line in lines for name in line.attributes}
    known = [name for name in ATTRIBUTES if name in present]
    return known + sorted(present.difference(known))


def _finite(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _finite(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document
