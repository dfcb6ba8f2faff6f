"""Arithmetic: folding many numbers at once, by the standard library or, where it pays, by numpy."""

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import mul
from typing import Any, Protocol

from functions.query_api.folds import ACROSS, OVER, Fold

type Value = float | None

# Importing numpy takes as long as folding so many rows without it; once it is imported, it pays
# from far fewer on.
_WORTH_IMPORTING_ROWS = 300_000
_WORTH_USING_ROWS = 5_000

# How values of rows become one: numbers of samples, unlike samples, add up.
_OF_ROWS = {**OVER, "count": OVER["sum"]}


class Arithmetic[Values](Protocol):
    """Works on a series' values in steps, whatever it keeps them as; null where there is none."""

    def in_steps(
        self,
        values: array[float],
        weights: array[int] | None,
        bounds: array[int],
        over: str,
    ) -> Values:
        """Rows folded into steps: those of step i are `bounds[i]` to `bounds[i + 1]`.

        In an average, rows count as much as their weight, or the same where those are None.
        """

    def across(self, members: Sequence[Values], agg: str) -> Values:
        """Several series folded into one, step by step, nulls skipped."""

    def taken(self, values: list[Value]) -> Values:
        """Values that were come by otherwise."""

    def has_any(self, values: Values) -> bool:
        """Whether there are values other than null."""

    def listed(self, values: Values, digits: int | None = None) -> list[Value]:
        """The values, rounded to so many digits behind the point."""


class Lists:
    """Arithmetic on lists, None for null."""

    def in_steps(
        self,
        values: array[float],
        weights: array[int] | None,
        bounds: array[int],
        over: str,
    ) -> list[Value]:
        """As in Arithmetic."""
        rows: list[float] = values.tolist()
        fold, each = _OF_ROWS[over], _rows_in_each(bounds)
        if each == 1:
            return [*rows[bounds[0] : bounds[-1]]]
        if over == "avg" and weights is not None:
            return _weighted(rows, weights.tolist(), bounds)
        if each:
            steps = zip(*[iter(rows[bounds[0] : bounds[-1]])] * each, strict=True)
            if over == "avg":
                return [total / each for total in map(sum, steps)]
            return list(map(fold, steps))
        return [
            (rows[first] if last - first == 1 else fold(rows[first:last])) if last > first else None
            for first, last in pairwise(bounds)
        ]

    def across(self, members: Sequence[list[Value]], agg: str) -> list[Value]:
        """As in Arithmetic."""
        across = _counted if agg == "count" else _skipping_nulls(ACROSS[agg])
        return list(map(across, zip(*members, strict=True)))

    def taken(self, values: list[Value]) -> list[Value]:
        """As in Arithmetic."""
        return values

    def has_any(self, values: list[Value]) -> bool:
        """As in Arithmetic."""
        return any(value is not None for value in values)

    def listed(self, values: list[Value], digits: int | None = None) -> list[Value]:
        """As in Arithmetic."""
        if digits is None:
            return values
        return [None if value is None else round(value, digits) for value in values]


def arithmetic_for(rows: int) -> Arithmetic[Any]:
    """What folds so many rows in the least time."""
    least = _WORTH_USING_ROWS if "numpy" in sys.modules else _WORTH_IMPORTING_ROWS
    if rows < least:
        return Lists()
    try:
        from functions.query_api.arrays import Arrays
    except ModuleNotFoundError:
        return Lists()
    return Arrays()


def _rows_in_each(bounds: array[int]) -> int:
    """How many rows each step has; 0 where those differ, or are none."""
    each = bounds[1] - bounds[0]
    even = range(bounds[0], bounds[-1] + 1, each) if each else ()
    return each if len(even) == len(bounds) and array("q", even) == bounds else 0


def _weighted(rows: list[float], weights: list[int], bounds: array[int]) -> list[Value]:
    values: list[Value] = []
    for first, last in pairwise(bounds):
        if last - first == 1:
            values.append(rows[first])
        elif last > first:
            weight = weights[first:last]
            values.append(sum(map(mul, rows[first:last], weight)) / sum(weight))
        else:
            values.append(None)
    return values


def _skipping_nulls(fold: Fold) -> Callable[[Sequence[Value]], Value]:
    def folded(row: Sequence[Value]) -> Value:
        present = [value for value in row if value is not None]
        return fold(present) if present else None

    return folded


def _counted(row: Iterable[Value]) -> float:
    """How many there are, which is a number where there are none too."""
    return float(sum(value is not None for value in row))
