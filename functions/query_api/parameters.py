"""Parameters: the raw query string of a request as a frozen query, or every fault in it."""

from dataclasses import dataclass, replace
from typing import Literal

from functions.query_api.cursors import position_behind
from functions.query_api.folds import parse_agg, parse_over
from functions.query_api.given import Given, filled, whole
from functions.query_api.times import instant, is_relative, length
from tributary.matching import Filter, parse_filter
from tributary.windows import DAY_MS, HOUR_MS, Window

type Format = Literal["json", "csv", "ndjson"]
FORMATS: tuple[Format, ...] = ("json", "csv", "ndjson")
RESOURCES_AT_ONCE = 1000
_DEFAULT_LIMIT = 100

# Name of each parameter, and whether it may be repeated.
QUERY_PARAMETERS = {
    "metric": True,
    "start": False,
    "end": False,
    "step": False,
    "over": False,
    "agg": False,
    "by": True,
    "where": True,
    "settled": False,
    "format": False,
}
RESOURCES_PARAMETERS = {"where": True, "limit": False, "cursor": False}
COVERAGE_PARAMETERS = {
    "start": False,
    "end": False,
    "where": True,
    "limit": False,
    "cursor": False,
}


@dataclass(frozen=True, slots=True)
class Query:
    """What `/v1/query` was asked: times in ms since the epoch, the step in seconds if any.

    `settled` leaves out what may still change. `moving` says that the range is relative to now, so
    that the same URL means another range later.
    """

    metrics: tuple[str, ...]
    start_ms: int
    end_ms: int
    step_s: int | None
    over: str | None
    agg: str | None
    by: tuple[str, ...]
    where: tuple[Filter, ...]
    settled: bool
    format: Format
    moving: bool

    @property
    def grouped(self) -> bool:
        """Whether series are put together, and not each answered for itself."""
        return bool(self.by) or self.agg not in (None, "none")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which resources to list, and the id to go on behind; empty to begin with."""

    where: tuple[Filter, ...]
    limit: int
    after: str

    @property
    def about(self) -> str:
        """What cursors of the list are good for."""
        return repr(self.where)


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """What `/v1/coverage` was asked."""

    window: Window
    paging: Paging


def parse_query(raw: str, now_ms: int) -> Query:
    """The query in a raw query string; BadRequestError with all faults."""
    given = Given(raw, QUERY_PARAMETERS)
    metrics = given.each("metric", filled)
    if not metrics and not given.faulty("metric"):
        given.fault(
            "metric",
            "No metric is named: send metric=cpu.utilization, or another that /v1/metrics lists.",
            "missing_parameter",
        )

    window = _range(given, now_ms, HOUR_MS)
    agg = given.one("agg", parse_agg, None)
    by = tuple(dict.fromkeys(name for names in given.each("by", _names) for name in names))
    if by and agg == "none":
        given.fault(
            "agg",
            "by puts series together and agg=none keeps them apart: leave one of them out, "
            "or send agg=avg.",
        )
    query = Query(
        metrics=tuple(dict.fromkeys(metrics)),
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        step_s=given.one("step", length, None),
        over=given.one("over", parse_over, None),
        agg=agg,
        by=by,
        where=given.each("where", parse_filter),
        settled=given.one("settled", _truth, False),
        format=given.one("format", _format, "json"),
        moving=any(is_relative(given.one(name, filled, "now")) for name in ("start", "end")),
    )
    given.check()
    return query


def parse_resources_query(raw: str) -> Paging:
    """What `/v1/resources` is asked; BadRequestError with all faults."""
    given = Given(raw, RESOURCES_PARAMETERS)
    paging = _paging(given)
    given.check()
    return paging


def parse_coverage_query(raw: str, now_ms: int) -> CoverageQuery:
    """What `/v1/coverage` is asked; BadRequestError with all faults."""
    given = Given(raw, COVERAGE_PARAMETERS)
    query = CoverageQuery(_range(given, now_ms, DAY_MS), _paging(given))
    given.check()
    return query


def parse_nothing(raw: str) -> None:
    """For routes without parameters; BadRequestError if there are any."""
    Given(raw, {}).check()


def _range(given: Given, now_ms: int, length_ms: int) -> Window:
    """From `start` to `end`; up to now, and as long as that, where they are not given."""

    def time(text: str) -> int:
        return instant(text, now_ms)

    end_ms = given.one("end", time, now_ms)
    start_ms = given.one("start", time, now_ms - length_ms)
    if not given.faulty("start", "end") and start_ms >= end_ms:
        given.fault("start", "The range is empty: send a start before the end.")
    return Window(start_ms, end_ms)


def _paging(given: Given) -> Paging:
    first = Paging(
        where=given.each("where", parse_filter),
        limit=given.one("limit", whole(1, RESOURCES_AT_ONCE), _DEFAULT_LIMIT),
        after="",
    )
    return replace(first, after=given.one("cursor", position_behind(first.about), ""))


def _names(text: str) -> list[str]:
    return [filled(name.strip()) for name in text.split(",")]


def _format(text: str) -> Format:
    for known in FORMATS:
        if text == known:
            return known
    raise ValueError(f"{text!r} is no format: send {', '.join(FORMATS)}.")


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false: send one of these.")
    return text == "true"
