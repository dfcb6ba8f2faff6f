"""Folds: how many values become one, inside a series (`over`) and across series (`agg`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

type Fold = Callable[[Sequence[float]], float]

PERCENTILES = {f"p{rank}": rank for rank in range(1, 100)}


def percentile(values: Sequence[float], rank: int) -> float:
    """The value below which `rank` per cent lie, interpolated linearly between neighbours."""
    ordered = sorted(values)
    whole, hundredths = divmod((len(ordered) - 1) * rank, 100)
    if not hundredths:
        return ordered[whole]
    low, high = ordered[whole], ordered[whole + 1]
    return low + (high - low) * hundredths / 100


def _percentile_fold(rank: int) -> Fold:
    return lambda values: percentile(values, rank)


# Values are never empty: where there are none there is nothing to fold.
ACROSS: Mapping[str, Fold] = {
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "sum": sum,
    "count": lambda values: float(len(values)),
    **{name: _percentile_fold(rank) for name, rank in PERCENTILES.items()},
}
OVER: Mapping[str, Fold] = {**ACROSS, "last": lambda values: values[-1]}

# Amounts and numbers of samples belong to the step a sample lies in; anything else may be repeated.
NOT_REPEATED = frozenset(("sum", "count"))
# What a host's own averages don't tell: the extremes and ranks of what they are averages of.
HIDDEN_BY_AVERAGES = frozenset(("min", "max", *PERCENTILES))


def parse_over(text: str) -> str:
    """The name of a fold inside a series; ValueError lists them."""
    return _known(text, OVER, "avg, min, max, sum, count, last or p1 to p99")


def parse_agg(text: str) -> str:
    """The name of a fold across series, or `none`; ValueError lists them."""
    return (
        text
        if text == "none"
        else _known(text, ACROSS, "none, avg, min, max, sum, count or p1 to p99")
    )


def default_fold(kind: Literal["gauge", "delta"]) -> str:
    """What is natural for the kind: amounts add up, levels are averaged."""
    return "sum" if kind == "delta" else "avg"


def _known(text: str, folds: Mapping[str, Fold], names: str) -> str:
    if text not in folds:
        raise ValueError(f"{text!r} is not known: send {names}.")
    return text
