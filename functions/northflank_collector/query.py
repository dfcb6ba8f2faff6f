"""Query: the parameters by which Northflank is asked for the metrics of a window.

Source: https://northflank.com/docs/v1/api/services/get-service-metrics
"""

from datetime import UTC, datetime

from functions.northflank_collector.normalise import METRIC_TYPES
from tributary.client import Parameters
from tributary.windows import SECOND_MS, Window


def query(window: Window, container: str | None = None) -> tuple[tuple[str, str], ...]:
    """Those for all types of metrics, of one container or of those that are active."""
    # Samples "after" startTime: should that exclude the instant itself, one at the seam would fall
    # between two requests, so each starts a millisecond early. What comes twice is one sample.
    named: Parameters = [("containerName", container)] if container else []
    return (
        ("queryType", "range"),
        ("startTime", _time(window.start_ms - 1)),
        ("endTime", _time(window.end_ms)),
        *named,
        *(("metricTypes", metric) for metric in METRIC_TYPES),
    )


def _time(time_ms: int) -> str:
    """As the vendor's own client writes it: `2026-11-22T10:00:00.000Z`."""
    moment = datetime.fromtimestamp(time_ms // SECOND_MS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % SECOND_MS:03}Z"
