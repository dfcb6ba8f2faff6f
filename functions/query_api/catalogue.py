"""The catalogue as an answer: every metric that can be asked for, with the providers' own."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from functions.query_api.series import metrics_of
from tributary.metrics import CATALOGUE, Metric, metric_named
from tributary.registry import Entry


def catalogue(entries: Iterable[Entry]) -> dict[str, Any]:
    """`{"metrics": […]}`: the catalogue's in its order, then the providers' own by name."""
    resources: Counter[str] = Counter()
    units: dict[str, str] = {}
    for entry in entries:
        resources.update(metrics_of(entry))
        units.update({name: origin.unit for name, origin in entry.origins.items()})
    own = sorted(name for name in resources if name not in CATALOGUE)
    metrics = [*CATALOGUE.values(), *(metric_named(name, units.get(name, "")) for name in own)]
    return {"metrics": [_document(metric, resources[metric.name]) for metric in metrics]}


def _document(metric: Metric, resources: int) -> dict[str, Any]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "kind": metric.kind,
        "scope": metric.scope,
        "description": metric.description,
        "openTelemetry": metric.opentelemetry or None,
        "prometheus": metric.prometheus or None,
        "resources": resources,
    }
