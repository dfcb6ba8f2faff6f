"""What both simulators answer with: JSON, and refusals raised as exceptions."""

import hmac
import json
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response


class Refused(Exception):
    """A request that gets an error: its HTTP status, the provider's code, and what was wrong.

    `parameter` is the query parameter at fault, if one is.
    """

    def __init__(self, status: int, code: str, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.parameter = parameter


def refusal_of(error: HTTPException, separator: str) -> Refused:
    """An error of routing as a refusal, its code the error's name with words so separated."""
    code = error.name.lower().replace(" ", separator)
    return Refused(error.code or 500, code, error.description or error.name)


def json_response(body: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """A response holding the body as compact JSON."""
    return Response(json.dumps(body, separators=(",", ":")), status, mimetype=media_type)


def is_authorised(request: Request, token: str) -> bool:
    """Whether the request bears the token."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
