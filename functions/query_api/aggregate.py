"""Aggregating: many aligned series as few lines, folded step by step."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from functions.query_api.folds import ACROSS, Fold, default_fold
from functions.query_api.matching import Attributes
from tributary.metrics import Metric


@dataclass(frozen=True, slots=True)
class Line:
    """What is answered for one series or group: a value for each step, None for nothing."""

    metric: Metric
    attributes: Attributes
    values: Sequence[float | None]
    approximate: bool = False


def aggregated(lines: Iterable[Line], by: Sequence[str], agg: str | None) -> list[Line]:
    """One line per metric and combination of the `by` attributes, in order of first appearance.

    Every member weighs the same and nulls are skipped; metrics and units never mix. `agg` is
    None for what is natural to the metric's kind.
    """
    groups: dict[tuple[str, str, tuple[str | None, ...]], list[Line]] = {}
    for line in lines:
        key = tuple(line.attributes.get(name) for name in by)
        groups.setdefault((line.metric.name, line.metric.unit, key), []).append(line)
    return [
        _group(members, {name: value for name, value in zip(by, key, strict=True) if value}, agg)
        for (_, _, key), members in groups.items()
    ]


def _group(members: list[Line], attributes: Attributes, agg: str | None) -> Line:
    metric = members[0].metric
    name = agg or default_fold(metric.kind)
    across = _counted if name == "count" else _skipping_nulls(ACROSS[name])
    values = [across(row) for row in zip(*(line.values for line in members), strict=True)]
    return Line(metric, attributes, values, any(line.approximate for line in members))


def _skipping_nulls(fold: Fold) -> Callable[[Sequence[float | None]], float | None]:
    def folded(row: Sequence[float | None]) -> float | None:
        present = [value for value in row if value is not None]
        return fold(present) if present else None

    return folded


def _counted(row: Sequence[float | None]) -> float:
    """How many there are, which is a number where there are none too."""
    return float(sum(value is not None for value in row))
