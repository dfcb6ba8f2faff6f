"""Aggregating: many aligned series as few lines, folded step by step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from functions.query_api.arithmetic import Arithmetic
from functions.query_api.folds import default_fold
from tributary.matching import Attributes
from tributary.metrics import Metric


@dataclass(frozen=True, slots=True)
class Line[Values]:
    """What is answered for one series or group: a value for each step, null for nothing."""

    metric: Metric
    attributes: Attributes
    values: Values
    approximate: bool = False


def aggregated[Values](
    lines: Iterable[Line[Values]],
    by: Sequence[str],
    agg: str | None,
    arithmetic: Arithmetic[Values],
) -> list[Line[Values]]:
    """One line per metric and combination of the `by` attributes, in order of first appearance.

    Every member weighs the same and nulls are skipped; metrics and units never mix. `agg` is
    None for what is natural to the metric's kind.
    """
    groups: dict[tuple[str, str, tuple[str | None, ...]], list[Line[Values]]] = {}
    for line in lines:
        key = tuple(line.attributes.get(name) for name in by)
        groups.setdefault((line.metric.name, line.metric.unit, key), []).append(line)
    return [
        Line(
            members[0].metric,
            {name: value for name, value in zip(by, key, strict=True) if value},
            arithmetic.across(
                [line.values for line in members], agg or default_fold(members[0].metric.kind)
            ),
            any(line.approximate for line in members),
        )
        for (_, _, key), members in groups.items()
    ]
