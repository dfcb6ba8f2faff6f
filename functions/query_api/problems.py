"""Problems: every error the API answers with, as RFC 9457 documents, and their HTTP statuses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tributary.errors import OutOfTimeError, RetriableError
from tributary.windows import rfc3339

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter, and what to send instead."""

    parameter: str
    detail: str
    code: str


class BadRequestError(Exception):
    """Parameters that can't be used; one fault for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(fault.detail for fault in self.faults))


class TooMuchError(BadRequestError):
    """More than one answer may hold; the fault names what would fit."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__([Fault(parameter, detail, "too_much")])


class UnauthorizedError(Exception):
    """No bearer token, or one that is not known."""


class UnknownPathError(Exception):
    """There is nothing at the path."""


class MethodNotAllowedError(Exception):
    """The path is there, but not for this method."""


class UnansweredInTimeError(Exception):
    """Reading took longer than the HTTP API waits."""


class Kind(NamedTuple):
    """HTTP status, title and code of a problem; `detail` where the error's own text is not for
    callers."""

    status: int
    title: str
    code: str
    detail: str | None = None


_STORAGE = Kind(
    503,
    "Storage is not available",
    "storage_unavailable",
    "What the answer is made from could not be read just now; send the same request again later.",
)
_UNEXPECTED = Kind(
    500,
    "Unexpected error",
    "unexpected",
    "The API failed; its log has the reason under this requestId.",
)

KINDS: dict[type[BaseException], Kind] = {
    BadRequestError: Kind(400, "Bad request", "bad_request"),
    TooMuchError: Kind(400, "Too much for one answer", "too_much"),
    UnauthorizedError: Kind(401, "Unauthorized", "unauthorized"),
    UnknownPathError: Kind(404, "Unknown path", "unknown_path"),
    MethodNotAllowedError: Kind(405, "Method not allowed", "method_not_allowed"),
    UnansweredInTimeError: Kind(503, "Not answered in time", "not_answered_in_time"),
    OutOfTimeError: Kind(
        503,
        "Not answered in time",
        "not_answered_in_time",
        "Not all that the answer is made from could be read in time: send the same request again, "
        "a shorter range, or match fewer series with where.",
    ),
    # Throttled, forbidden or unreachable: whoever asked can do nothing but wait.
    ClientError: _STORAGE,
    BotoCoreError: _STORAGE,
    RetriableError: _STORAGE,
}


def kind_of(error: Exception) -> Kind:
    """The one place where an exception becomes an HTTP status."""
    for known in type(error).__mro__:
        if known in KINDS:
            return KINDS[known]
    return _UNEXPECTED


def document(error: Exception, path: str, request_id: str, now_ms: int) -> dict[str, Any]:
    """The error as a problem document (https://www.rfc-editor.org/rfc/rfc9457)."""
    kind = kind_of(error)
    faults = error.faults if isinstance(error, BadRequestError) else ()
    return {
        "type": f"urn:tributary:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail or str(error),
        "code": kind.code,
        "instance": path,
        "requestId": request_id,
        "timestamp": rfc3339(now_ms),
        "errors": [
            {"pointer": f"/query/{fault.parameter}", "detail": fault.detail, "code": fault.code}
            for fault in faults
        ],
    }


def headers_for(error: Exception, allowed: Iterable[str]) -> dict[str, str]:
    """Headers that tell a client the same as the document."""
    status = kind_of(error).status
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="tributary"'
    if status == 405:
        headers["Allow"] = ", ".join(allowed)
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return headers


def nearest(name: str, names: Iterable[str]) -> str:
    """What to send instead of an unknown name: `did you mean …?`, or all there are."""
    # Here, for only refusals need it, and a cold start would wait for it.
    from difflib import get_close_matches

    known = sorted(names)
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There are {', '.join(known)}." if known else "There are none yet."
