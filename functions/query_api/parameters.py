"""Parameters: the raw query string of a request as a frozen query, or every fault in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

from functions.query_api.folds import parse_agg, parse_over
from functions.query_api.problems import BadRequestError, Fault, nearest
from functions.query_api.times import instant, is_relative, length
from tributary.matching import Filter, parse_filter
from tributary.windows import DAY_MS, HOUR_MS, Window

type Format = Literal["json", "csv", "ndjson"]
FORMATS: tuple[Format, ...] = ("json", "csv", "ndjson")
RESOURCES_AT_ONCE = 1000
_DEFAULT_LIMIT = 100
_MOST_PARAMETERS = 500
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

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
    """Which resources to list, and where to go on; the cursor is as the client sent it."""

    where: tuple[Filter, ...]
    limit: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """What `/v1/coverage` was asked."""

    window: Window
    paging: Paging


def parse_query(raw: str, now_ms: int) -> Query:
    """The query in a raw query string; BadRequestError with all faults."""
    given = _Given(raw, QUERY_PARAMETERS)
    metrics = given.each("metric", _text)
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
            "invalid_value",
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
        moving=any(is_relative(given.one(name, _text, "now")) for name in ("start", "end")),
    )
    given.check()
    return query


def parse_resources_query(raw: str) -> Paging:
    """What `/v1/resources` is asked; BadRequestError with all faults."""
    given = _Given(raw, RESOURCES_PARAMETERS)
    paging = _paging(given)
    given.check()
    return paging


def parse_coverage_query(raw: str, now_ms: int) -> CoverageQuery:
    """What `/v1/coverage` is asked; BadRequestError with all faults."""
    given = _Given(raw, COVERAGE_PARAMETERS)
    query = CoverageQuery(_range(given, now_ms, DAY_MS), _paging(given))
    given.check()
    return query


def parse_nothing(raw: str) -> None:
    """For routes without parameters; BadRequestError if there are any."""
    _Given(raw, {}).check()


class _EmptyError(ValueError):
    """A value, or one of several in it, is missing."""


class _Given:
    """The parameters of one request, and the faults found in them so far."""

    def __init__(self, raw: str, names: Mapping[str, bool]) -> None:
        self._values: dict[str, list[str]] = {}
        self._faults: list[Fault] = []
        for name, value in _pairs(raw):
            self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            self._check_name(name, len(values), names)

    def one[T, D](self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        values = self._values.get(name)
        parsed = self._parsed(name, values[0], parse) if values else ()
        return parsed[0] if parsed else default

    def each[T](self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        values = self._values.get(name, ())
        return tuple(one for text in values for one in self._parsed(name, text, parse))

    def fault(self, parameter: str, detail: str, code: str) -> None:
        fault = Fault(parameter, detail, code)
        if fault not in self._faults:
            self._faults.append(fault)

    def faulty(self, *parameters: str) -> bool:
        return any(fault.parameter in parameters for fault in self._faults)

    def check(self) -> None:
        if self._faults:
            raise BadRequestError(self._faults)

    def _parsed[T](self, name: str, text: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        try:
            return (parse(text),)
        except _EmptyError:
            self.fault(name, f"{name} has an empty value: send one.", "invalid_value")
        except ValueError as error:
            self.fault(name, str(error), "invalid_value")
        return ()

    def _check_name(self, name: str, times: int, names: Mapping[str, bool]) -> None:
        if name not in names:
            hint = nearest(name, names) if names else "This path takes none."
            self.fault(name, f"There is no parameter {name!r}. {hint}", "unknown_parameter")
        elif times > 1 and not names[name]:
            self.fault(name, f"{name} was sent {times} times: send it once.", "repeated_parameter")


def _range(given: _Given, now_ms: int, length_ms: int) -> Window:
    """From `start` to `end`; up to now, and as long as that, where they are not given."""

    def time(text: str) -> int:
        return instant(text, now_ms)

    end_ms = given.one("end", time, now_ms)
    start_ms = given.one("start", time, now_ms - length_ms)
    if not given.faulty("start", "end") and start_ms >= end_ms:
        given.fault("start", "The range is empty: send a start before the end.", "invalid_value")
    return Window(start_ms, end_ms)


def _paging(given: _Given) -> Paging:
    return Paging(
        where=given.each("where", parse_filter),
        limit=given.one("limit", _limit, _DEFAULT_LIMIT),
        cursor=given.one("cursor", _text, None),
    )


def _pairs(raw: str) -> list[tuple[str, str]]:
    """Names and values in order. Read from the raw string, since API Gateway joins what is
    repeated with commas, which values may hold themselves."""
    parts = [part for part in raw.split("&") if part]
    if len(parts) > _MOST_PARAMETERS:
        detail = f"{len(parts)} parameters are too many: send at most {_MOST_PARAMETERS}."
        raise BadRequestError([Fault("", detail, "too_many_parameters")])
    pairs = [part.partition("=") for part in parts]
    return [
        (name, _decoded(value, name)) for coded, _, value in pairs for name in [_decoded(coded)]
    ]


def _decoded(text: str, parameter: str = "") -> str:
    if _BROKEN_ESCAPE.search(text):
        detail = f"{text!r} has a % that no two hexadecimal digits follow: send %25 for a % itself."
        raise BadRequestError([Fault(parameter, detail, "broken_encoding")])
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        detail = f"{text!r} is not UTF-8: percent-encode UTF-8 bytes."
        raise BadRequestError([Fault(parameter, detail, "broken_encoding")]) from error


def _text(text: str) -> str:
    if not text:
        raise _EmptyError
    return text


def _names(text: str) -> list[str]:
    return [_text(name.strip()) for name in text.split(",")]


def _format(text: str) -> Format:
    for known in FORMATS:
        if text == known:
            return known
    raise ValueError(f"{text!r} is no format: send {', '.join(FORMATS)}.")


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false: send one of these.")
    return text == "true"


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= RESOURCES_AT_ONCE):
        raise ValueError(f"{text!r} is no limit: send a number from 1 to {RESOURCES_AT_ONCE}.")
    return int(text)
