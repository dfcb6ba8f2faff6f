"""Problems: every error the API answers with, as RFC 9457 documents, and their HTTP statuses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tributary.errors import OutOfTimeError, RetriableError
from tributary.windows import SECOND_MS, rfc3339

RETRY_AFTER_SECONDS = 5
METHODS = ("GET",)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter, and what to send instead."""

    parameter: str
    detail: str
    code: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a problem says of the request that it answers."""

    path: str
    request_id: str
    now_ms: int


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


class ForbiddenError(Exception):
    """The token lacks a scope."""


class TooManyRequestsError(Exception):
    """The token's requests are used up until some instant, in ms."""

    def __init__(self, detail: str, until_ms: int) -> None:
        self.until_ms = until_ms
        super().__init__(detail)


class UnknownPathError(Exception):
    """There is nothing at the path."""


class NotFoundError(Exception):
    """There is no such thing, or none that the caller may see: nobody is told which."""


class AmbiguousError(Exception):
    """There are several of the name; `paths` tell them apart."""

    def __init__(self, detail: str, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(detail)


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
    ForbiddenError: Kind(403, "Forbidden", "forbidden"),
    UnknownPathError: Kind(404, "Unknown path", "unknown_path"),
    NotFoundError: Kind(404, "Not found", "not_found"),
    MethodNotAllowedError: Kind(405, "Method not allowed", "method_not_allowed"),
    AmbiguousError: Kind(409, "Ambiguous name", "ambiguous"),
    TooManyRequestsError: Kind(429, "Too many requests", "too_many_requests"),
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


def document(error: Exception, told: Told) -> dict[str, Any]:
    """The error as a problem document (https://www.rfc-editor.org/rfc/rfc9457)."""
    kind = kind_of(error)
    return {
        "type": f"urn:tributary:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail_of(error),
        "code": kind.code,
        "instance": told.path,
        "requestId": told.request_id,
        "timestamp": rfc3339(told.now_ms),
        "errors": [
            {"pointer": f"/query/{fault.parameter}", "detail": fault.detail, "code": fault.code}
            for fault in faults_of(error)
        ],
    }


def detail_of(error: Exception) -> str:
    """What a caller is told of the error."""
    return kind_of(error).detail or str(error)


def faults_of(error: Exception) -> Sequence[Fault]:
    """What is wrong with which parameters, if it is that."""
    return error.faults if isinstance(error, BadRequestError) else ()


def headers_for(error: Exception, now_ms: int) -> dict[str, str]:
    """Headers that tell a client the same as the document."""
    status = kind_of(error).status
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="tributary"'
    if status == 405:
        headers["Allow"] = ", ".join(METHODS)
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = str(max(1, -((now_ms - error.until_ms) // SECOND_MS)))
    return headers


def nearest(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """What to send instead of an unknown name: `did you mean …?`, or where no other is near, all
    there are."""
    # Here, for only refusals need it, and a cold start would wait for it.
    from difflib import get_close_matches

    known = sorted(names)
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    if otherwise:
        return otherwise
    return f"There are {', '.join(known)}." if known else "There are none yet."
