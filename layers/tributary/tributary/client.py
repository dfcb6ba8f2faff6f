"""The HTTP client that adapters ask their provider through: bounded in tries, time and size."""

import json
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import DecodeError, HTTPError

from tributary.errors import (
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    OutOfTimeError,
    RateLimitedError,
    RequestRefusedError,
    RetriableError,
    SettingsError,
    TributaryError,
    UnreachableError,
    UpstreamError,
)
from tributary.provider import Json

VERSION = "0.1.0"
USER_AGENT = f"tributary/{VERSION} (scheduled metrics collector)"

type Parameters = Sequence[tuple[str, str]]

_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 20.0
_ANSWER_SECONDS = 60.0
_LEAST_SECONDS = 1.0
_ANSWER_BYTES = 32 * 2**20
_ERROR_BYTES = 64 * 2**10
_PIECE_BYTES = 64 * 2**10
_TEXT_LENGTH = 200
_NESTING = 32
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_REDIRECTS = 3

_NESTS = (dict, list)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_ERRORS: Mapping[int, type[TributaryError]] = {
    401: CredentialsRefusedError,
    403: ForbiddenError,
    404: GoneError,
    408: UpstreamError,
    429: RateLimitedError,
}
_ERROR_CLASSES: Mapping[int, type[TributaryError]] = {4: RequestRefusedError, 5: UpstreamError}
_TRIED_AGAIN = (UnreachableError, UpstreamError, RateLimitedError)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is one provider's own in how its answers speak of limits and errors.

    `seconds_until_reset` reads an `X-RateLimit-Reset` header, given the provider's time in Unix
    seconds; None if it can't be read. `errors` says, by status and the error document's code, what
    to do where the status alone would mislead.
    """

    provider: str
    seconds_until_reset: Callable[[str, float], float | None]
    errors: Mapping[tuple[int, str], type[TributaryError]] = field(default_factory=dict)


class Client:
    """One account's way to its provider; may be used by several threads.

    `deadline` is an instant of `clock`: nothing is asked, and nothing waited for, past it.
    `requests` counts what was asked, `remaining` is how many more the provider says it takes, and
    `clock_offset_ms` is how far its Date header is ahead of `wall_clock` (0 until it has answered).
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        dialect: Dialect,
        *,
        deadline: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.requests = 0
        self.remaining: int | None = None
        self.clock_offset_ms = 0
        self._base_url, self._token, self._dialect = base_url.rstrip("/"), token, dialect
        self._deadline, self._clock, self._wall_clock = deadline, clock, wall_clock
        self._sleep, self._jitter = sleep, jitter
        self._resume_at = -math.inf
        self._lock = threading.Lock()
        self._session = _session(token, dialect.provider)

    def get(self, path: str, parameters: Parameters = ()) -> Json:
        """The JSON that the provider answers to GET `path`, which starts with a slash.

        Connection failures, timeouts, 5xx and 429 are tried again, up to four times in all and not
        past the deadline. Raises the errors of `tributary.errors`, by what to do.
        """
        asked = f"GET {path} from {self._dialect.provider}"
        tries = 0
        while True:
            self._await_turn(asked)
            try:
                return self._answer(asked, self._base_url + path, parameters)
            except _TRIED_AGAIN as error:
                tries += 1
                pause = (error.after_seconds or 0.0) + self._backoff(tries)
                if tries == _TRIES or pause + _LEAST_SECONDS > self._seconds_left():
                    raise
                self._sleep(pause)

    def pages(
        self,
        path: str,
        parameters: Parameters,
        next_cursor: Callable[[Mapping[str, Json]], str | None],
    ) -> Iterator[Mapping[str, Json]]:
        """Every page of a list, by `cursor`; a repeated one is a MalformedAnswerError."""
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            page = self.get(path, [*parameters, *([("cursor", cursor)] if cursor else [])])
            if not isinstance(page, dict):
                raise MalformedAnswerError(
                    f"{self._dialect.provider} answered GET {path} with JSON that is no object"
                )
            yield page
            cursor = next_cursor(page)
            if not cursor:
                return
            if cursor in seen:
                raise MalformedAnswerError(
                    f"{self._dialect.provider} repeats a cursor in its pages of GET {path}"
                )
            seen.add(cursor)

    def _await_turn(self, asked: str) -> None:
        """Waits where the provider said that it takes no requests for a while."""
        pause = self._resume_at - self._clock()
        if pause > 0:
            if pause + _LEAST_SECONDS > self._seconds_left():
                raise RateLimitedError(
                    f"{asked} not sent: its request limit is used up for {pause:.0f} s", pause
                )
            self._sleep(pause)
        if self._seconds_left() < _LEAST_SECONDS:
            raise OutOfTimeError(f"{asked} not sent: the run's deadline is less than a second away")

    def _backoff(self, tries: int) -> float:
        # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter)
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (tries - 1))
        return longest * self._jitter()

    def _seconds_left(self) -> float:
        return self._deadline - self._clock()

    def _answer(self, asked: str, url: str, parameters: Parameters) -> Json:
        for _ in range(_REDIRECTS + 1):
            with self._send(asked, url, parameters) as response:
                self._note_clock(response)
                self._note_limit(response)
                if not response.is_redirect:
                    return self._read(asked, response)
                url, parameters = self._redirected(asked, response), ()
        raise RequestRefusedError(f"{asked}: more than {_REDIRECTS} redirects")

    def _send(self, asked: str, url: str, parameters: Parameters) -> requests.Response:
        with self._lock:
            self.requests += 1
        left = max(self._seconds_left(), _LEAST_SECONDS)
        timeout = min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)
        try:
            return self._session.get(
                url, params=list(parameters), timeout=timeout, stream=True, allow_redirects=False
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise UnreachableError(f"{asked}: no answer ({type(error).__name__})") from error
        except requests.RequestException as error:
            raise RequestRefusedError(
                f"{asked} at {self._base_url} can't be sent ({type(error).__name__})"
            ) from error

    def _redirected(self, asked: str, response: requests.Response) -> str:
        """Where to ask instead; another origin must not see the token, so it is not asked."""
        target = urljoin(response.url, response.headers["Location"])
        if _origin(target) != _origin(response.url):
            raise RequestRefusedError(
                f"{asked} answered {response.status_code} to {urlsplit(target).netloc}: "
                "redirects to another host are not followed"
            )
        return target

    def _read(self, asked: str, response: requests.Response) -> Json:
        if response.status_code != 200:
            raise self._error(asked, response)
        body = self._body(asked, response, _ANSWER_BYTES)
        if len(body) > _ANSWER_BYTES:
            raise MalformedAnswerError(f"{asked}: an answer of more than {_ANSWER_BYTES} bytes")
        parsed = _parsed(body)
        if isinstance(parsed, _NotJson):
            content = response.headers.get("Content-Type", "no content type")
            raise MalformedAnswerError(
                f"{asked} answered 200 with {len(body)} bytes ({content}) that {parsed.reason}"
            )
        return parsed

    def _body(self, asked: str, response: requests.Response, most: int) -> bytes:
        """The decompressed body, or a little more than `most` bytes of it."""
        body, ends = bytearray(), min(self._deadline, self._clock() + _ANSWER_SECONDS)
        try:
            # Piece by piece as it arrives: a whole buffer of a trickling answer may take for ever.
            while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
                body += piece
                if len(body) > most:
                    break
                if self._clock() > ends:
                    raise UnreachableError(f"{asked}: the answer did not come to its end in time")
        except DecodeError as error:
            raise MalformedAnswerError(f"{asked}: the answer can't be decompressed") from error
        except HTTPError as error:
            raise UnreachableError(
                f"{asked}: the answer was cut off ({type(error).__name__})"
            ) from error
        return bytes(body)

    def _error(self, asked: str, response: requests.Response) -> TributaryError:
        status = response.status_code
        try:
            told = _problem(_parsed(self._body(asked, response, _ERROR_BYTES)))
            # Shortened afterwards: what is cut in two would not be found.
            code, text = (part.replace(self._token, "***")[:_TEXT_LENGTH] for part in told)
        except RetriableError:
            # The status was complete, and says more than a body that broke off.
            code, text = "", ""
        said = " ".join(part for part in (str(status), code, f"({text})" if text else "") if part)
        message = f"{asked} answered {said}"
        kind = (
            self._dialect.errors.get((status, code))
            or _ERRORS.get(status)
            or _ERROR_CLASSES.get(status // 100, MalformedAnswerError)
        )
        if not issubclass(kind, RetriableError):
            return kind(message)
        return kind(message, self._seconds_to_wait(response))

    def _note_clock(self, response: requests.Response) -> None:
        sent = _http_date(response.headers.get("Date", ""))
        if sent is not None:
            self.clock_offset_ms = round((sent - self._wall_clock()) * 1000)

    def _note_limit(self, response: requests.Response) -> None:
        """Keeps every thread from asking again before the limit is reset, once it is used up."""
        remaining = response.headers.get("X-RateLimit-Remaining", "").strip()
        if remaining.isdecimal():
            self.remaining = int(remaining)
        if response.status_code == 429 or (remaining.isdecimal() and int(remaining) == 0):
            seconds = self._seconds_to_wait(response)
            if seconds is not None:
                self._resume_at = self._clock() + seconds

    def _seconds_to_wait(self, response: requests.Response) -> float | None:
        """What the provider asks to wait: Retry-After, else the reset of its limit."""
        now = self._wall_clock() + self.clock_offset_ms / 1000
        retry_after = response.headers.get("Retry-After", "").strip()
        if retry_after.isdecimal():
            return float(retry_after)
        date = _http_date(retry_after)
        if date is not None:
            return max(0.0, date - now)
        reset = response.headers.get("X-RateLimit-Reset", "").strip()
        return self._dialect.seconds_until_reset(reset, now) if reset else None


class _Bearer(requests.auth.AuthBase):
    """The token as an auth object: a plain header would yield to a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class _NotJson:
    reason: str


def _session(token: str, provider: str) -> requests.Session:
    if not re.fullmatch(r"[!-~]+", token):
        # Checked here because the library's own error for such a header would quote it.
        raise SettingsError(f"the {provider} token is empty or holds blanks or other characters")
    session = requests.Session()
    session.auth = _Bearer(token)
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _parsed(body: bytes) -> Json | _NotJson:
    too_deep = _NotJson(f"is nested deeper than {_NESTING} levels")
    try:
        parsed: Json = json.loads(body)
    except RecursionError:
        return too_deep
    except ValueError:
        return _NotJson("is not JSON")
    if _SURROGATE.search(body) and not _is_unicode(parsed):
        return _NotJson("holds half of a character")
    return parsed if _is_flat(body) or _nested_within(_NESTING, parsed) else too_deep


def _is_flat(body: bytes) -> bool:
    """Whether the brackets alone show that JSON is not too deep, which is a tenth of a walk's cost.

    Removing every empty pair takes off one level; brackets in strings may hide that none is left.
    """
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_NESTING):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _is_unicode(value: Json) -> bool:
    """Whether all texts can be stored: JSON can spell halves of surrogate pairs, UTF-8 can't."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _nested_within(levels: int, value: Json) -> bool:
    level = [value]
    for _ in range(levels):
        level = [child for node in level for child in _children(node)]
    return not any(isinstance(node, _NESTS) for node in level)


def _children(node: Json) -> Iterable[Json]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _problem(body: Json | _NotJson) -> tuple[str, str]:
    """Code and text of an error document: RFC 9457's, or `{"error": {"id", "message"}}`."""
    if not isinstance(body, dict):
        return "", ""
    nested = body.get("error")
    document = nested if isinstance(nested, dict) else body
    code = document.get("code") or document.get("id")
    text = document.get("detail") or document.get("message") or document.get("title")
    return _line(code), _line(text)


def _line(value: Json) -> str:
    """A provider's text as part of one line of a log."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
