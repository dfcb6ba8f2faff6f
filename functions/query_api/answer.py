"""Answers: bodies as HTTP responses, compressed, revalidated, and refused where too big."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from functions.query_api.engine import Result
from functions.query_api.formats import CONTENT_TYPES, compact, rendered
from functions.query_api.parameters import Query
from functions.query_api.payload import Response
from functions.query_api.plan import Grid, step_for
from functions.query_api.problems import TooMuchError
from functions.query_api.times import length_text

# Lambda hands on 6 MB, headers and the escaping of the body included.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_BYTES = 6 * 1024 * 1024 - 64 * 1024
_COMPRESSED_FROM_BYTES = 1024
_MOVING_SECONDS = 10
_SETTLED_SECONDS = 3600
# Longer steps make longer numbers, and names take their share whatever the step.
_SAFETY = 0.8


@dataclass(frozen=True, slots=True)
class Answer:
    """A body before it meets the wire; `counts` are for the log, `grid` the steps it is made of."""

    body: str
    content_type: str = "application/json"
    max_age_seconds: int = _MOVING_SECONDS
    headers: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    grid: Grid | None = None


def query_answer(query: Query, result: Result) -> Answer:
    """The answer to a query in the format it asks for."""
    values = sum(len(line.values) for line in result.lines)
    return Answer(
        rendered(result, query.format),
        CONTENT_TYPES[query.format],
        _max_age(query, result),
        _warning_headers(result.warnings),
        {**result.counts, "lines": len(result.lines), "values": values},
        result.grid,
    )


def document_answer(document: object, max_age_seconds: int = _MOVING_SECONDS) -> Answer:
    """A JSON document as an answer."""
    return Answer(compact(document), max_age_seconds=max_age_seconds)


def delivered(answer: Answer, accept_encoding: str, if_none_match: str) -> Response:
    """The answer as a response: 304 if the client has it, deflated if the client takes that.

    Raises TooMuchError where Lambda would refuse it.
    """
    content = answer.body.encode()
    tag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {
        **answer.headers,
        "ETag": tag,
        "Cache-Control": f"private, max-age={answer.max_age_seconds}",
        "Vary": "Accept-Encoding, Authorization, Origin",
    }
    if _names_tag(if_none_match, tag):
        return Response(304, headers=headers)
    if len(content) < _COMPRESSED_FROM_BYTES or not _takes_gzip(accept_encoding):
        _check_size(answer, len(json.dumps(answer.body)), "accept gzip, ")
        return Response(200, answer.content_type, answer.body, headers)
    packed = gzip.compress(content, 6, mtime=0)
    _check_size(answer, len(packed) * 4 // 3, "")
    return Response(200, answer.content_type, packed, {**headers, "Content-Encoding": "gzip"})


def _max_age(query: Query, result: Result) -> int:
    """Seconds that a client may keep an answer: long where nothing in it will change."""
    settled = [status.settled_ms or 0 for status in result.status.values()]
    # What `settled` cut off comes later.
    moving = query.moving or result.grid.end_ms < query.end_ms
    if moving or result.warnings or result.grid.end_ms > min(settled, default=0):
        return _MOVING_SECONDS
    return _SETTLED_SECONDS


def _warning_headers(warnings: Iterable[str]) -> dict[str, str]:
    """Warnings for formats that have no place for them."""
    text = " ".join(warnings).encode("ascii", "replace").decode()[:2000]
    return {"Tributary-Warnings": text} if text else {}


def _names_tag(if_none_match: str, tag: str) -> bool:
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or tag.removeprefix("W/") in named


def _takes_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _check_size(answer: Answer, size: int, remedy: str) -> None:
    if size <= MOST_BYTES:
        return
    if answer.grid is None:
        raise TooMuchError(
            "limit",
            f"{size} bytes are more than fit: {remedy}send a lower limit, or a shorter range.",
        )
    points = max(1, int(answer.grid.points * MOST_BYTES / size * _SAFETY))
    fitting = length_text(step_for(answer.grid, points))
    raise TooMuchError(
        "step",
        f"The answer of {size} bytes is larger than the {MOST_BYTES} that fit: {remedy}send "
        f"step={fitting} or more, a shorter range, or match or group fewer series.",
    )
