"""What both simulators answer with: JSON, and refusals raised as exceptions."""

import hmac
import json
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

# What a fault before a simulator tells it by the request's environment: the refusal to answer with
# instead, and whether the answer will not come through whole, so that nothing of it was served.
REFUSAL = "simulator.refusal"
UNDELIVERED = "simulator.undelivered"


class Refused(Exception):
    """A request that gets an error: its HTTP status, the provider's code, and what was wrong.

    `parameter` is the query parameter at fault, if one is; `after_seconds` is for a 429 that has
    nothing to do with the simulator's budget: how long it asks to wait.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        parameter: str | None = None,
        after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.parameter = parameter
        self.after_seconds = after_seconds


def refusal_of(error: HTTPException, separator: str) -> Refused:
    """An error of routing as a refusal, its code the error's name with words so separated."""
    code = error.name.lower().replace(" ", separator)
    return Refused(error.code or 500, code, error.description or error.name)


def raise_injected(request: Request) -> None:
    """Raises the refusal that a fault has put into the request, if one has."""
    refusal = request.environ.get(REFUSAL)
    if isinstance(refusal, Refused):
        raise refusal


def is_delivered(request: Request) -> bool:
    """Whether the answer will come through."""
    return UNDELIVERED not in request.environ


def json_response(body: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """A response holding the body as compact JSON."""
    return Response(json.dumps(body, separators=(",", ":")), status, mimetype=media_type)


def is_authorised(request: Request, token: str) -> bool:
    """Whether the request bears the token."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
