"""Lines: what was found of many series, aligned, put together and rounded for an answer."""

from collections.abc import Sequence

from functions.query_api.aggregate import Line, aggregated
from functions.query_api.align import Aligner, Found
from functions.query_api.arithmetic import Arithmetic, Value, arithmetic_for
from functions.query_api.folds import default_fold
from functions.query_api.parameters import Query
from functions.query_api.plan import Grid
from functions.query_api.series import Series

# An average of many samples is worth some digits more than each of them.
_DIGITS_BEYOND_PRECISION = 3
# What a resource's instances give (over, agg), and the resource as a whole gives as well.
_ADD_UP = frozenset((("min", "min"), ("max", "max"), ("sum", "sum")))


def lines_of(
    query: Query, series: Sequence[Series], found: Sequence[Found], grid: Grid
) -> list[Line[list[Value]]]:
    """A line for each series that has values, or for each group of them, in the order of the
    query's metrics and then of attributes."""
    rows = sum(one.samples + one.points for one in found)
    lines = _lines(query, series, found, grid, arithmetic_for(rows))
    order = {name: place for place, name in enumerate(query.metrics)}
    return sorted(
        lines, key=lambda line: (order[line.metric.name], sorted(line.attributes.items()))
    )


def over_of(query: Query, series: Series) -> str:
    """How the samples of the series in a step become one value."""
    return query.over or default_fold(series.metric.kind)


def _lines[Values](
    query: Query,
    series: Sequence[Series],
    found: Sequence[Found],
    grid: Grid,
    arithmetic: Arithmetic[Values],
) -> list[Line[list[Value]]]:
    aligner = Aligner(grid, arithmetic)
    lines = []
    for one, what in zip(series, found, strict=True):
        if not what:
            continue
        over = over_of(query, one)
        aligned = aligner.aligned(what, over, one.metric.kind)
        if arithmetic.has_any(aligned.values):
            approximate = aligned.approximate or (
                query.grouped and one.stands_in and (over, _agg_of(query, one)) not in _ADD_UP
            )
            lines.append(Line(one.metric, one.attributes, aligned.values, approximate))
    if query.grouped:
        lines = aggregated(lines, query.by, query.agg, arithmetic)
    return [_listed(line, arithmetic) for line in lines]


def _listed[Values](line: Line[Values], arithmetic: Arithmetic[Values]) -> Line[list[Value]]:
    """Without the digits that adding and dividing binary fractions leave behind."""
    decimals = line.metric.decimals
    digits = None if decimals is None else decimals + _DIGITS_BEYOND_PRECISION
    values = arithmetic.listed(line.values, digits)
    return Line(line.metric, line.attributes, values, line.approximate)


def _agg_of(query: Query, series: Series) -> str:
    return query.agg or default_fold(series.metric.kind)
