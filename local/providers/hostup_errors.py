"""HostUp's errors as it answers them: RFC 7807 documents, and what a 429 tells besides.

https://developer.hostup.se/errors
"""

import math
from dataclasses import replace
from typing import Any

from werkzeug.wrappers import Response

from local.providers.answer import Refused, json_response
from local.providers.request_budget import Standing
from local.providers.times import written

INVALID = "invalid_request"
TITLES = {
    INVALID: "Invalid request",
    "unauthorized": "Unauthorized",
    "not_found": "Not found",
    "method_not_allowed": "Method not allowed",
    "rate_limit_exceeded": "Too many requests",
}


def problem(refused: Refused, path: str, number: int, standing: Standing, now: float) -> Response:
    """The answer to a refused request of a path, the so-manieth refused, at a time (Unix s)."""
    document: dict[str, Any] = {
        "type": f"https://developer.hostup.se/errors/{refused.code}",
        "title": TITLES.get(refused.code, refused.code),
        "status": refused.status,
        "detail": refused.message,
        "code": refused.code,
        "instance": path,
        "requestId": f"req_{number:026d}",
        "timestamp": written(int(now * 1000)),
    }
    if refused.parameter is not None:
        error = {"pointer": f"/{refused.parameter}", "detail": refused.message}
        document["errors"] = [error | {"code": refused.code}]
    response = json_response(document, refused.status, "application/problem+json")
    if refused.status == 429:
        response.headers.update(_limit_headers(refused, standing, now))
    return response


def _limit_headers(refused: Refused, standing: Standing, now: float) -> dict[str, str]:
    """https://developer.hostup.se/errors/rate_limit_exceeded: the reset is a time, not seconds."""
    if refused.after_seconds is not None:
        standing = replace(standing, remaining=0, resets_at=now + refused.after_seconds)
    return {
        "Retry-After": str(math.ceil(standing.resets_at - now)),
        "X-RateLimit-Limit": str(standing.limit),
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": written(math.ceil(standing.resets_at * 1000)),
    }
