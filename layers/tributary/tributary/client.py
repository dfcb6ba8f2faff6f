"""The HTTP client that adapters ask their provider through: bounded in tries, time and size."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import requests

from tributary.credentials import Credentials
from tributary.errors import (
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    OutOfTimeError,
    RateLimitedError,
    RequestRefusedError,
    RetriableError,
    TributaryError,
    UnreachableError,
    UpstreamError,
)
from tributary.json_answer import NotJson, parsed, problem
from tributary.provider import Json
from tributary.rate_limit import LEAST_SECONDS, NOTHING_SAID, Gate, Pauses, RateLimit, http_date
from tributary.rate_limit import Dialect as Dialect  # a word of the client's
from tributary.transport import USER_AGENT as USER_AGENT
from tributary.transport import VERSION as VERSION
from tributary.transport import Bearer, Transport, redirected
from tributary.transport import Parameters as Parameters

_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_ANSWER_BYTES = 32 * 2**20
_ERROR_BYTES = 64 * 2**10
_REDIRECTS = 3

_ERRORS: Mapping[int, type[TributaryError]] = {
    401: CredentialsRefusedError,
    403: ForbiddenError,
    404: GoneError,
    408: UpstreamError,
    429: RateLimitedError,
}
_ERROR_CLASSES: Mapping[int, type[TributaryError]] = {4: RequestRefusedError, 5: UpstreamError}
_TRIED_AGAIN = (UnreachableError, UpstreamError, RateLimitedError)


class Client:
    """One account's way to its provider; may be used by several threads.

    Every request, each further try and redirect too, waits for its turn by `allowance`; without
    one, all are sent until the provider says that it takes no more for a while. `deadline` is an
    instant of `clock`: nothing is asked, and nothing waited for, past it.

    `requests` counts what was asked, `remaining` is how many more the provider says it takes, and
    `clock_offset_ms` is how far its Date header is ahead of `wall_clock` (0 until it has answered).
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | str,
        dialect: Dialect,
        *,
        allowance: Gate | None = None,
        deadline: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.requests = 0
        self.remaining: int | None = None
        self.clock_offset_ms = 0
        self._base_url, self._dialect = base_url.rstrip("/"), dialect
        self._credentials = (
            Credentials(credentials) if isinstance(credentials, str) else credentials
        )
        # Tells at once, rather than by the first request, what can't be sent.
        Bearer(self._credentials.token, dialect.provider)
        self._deadline, self._clock, self._wall_clock = deadline, clock, wall_clock
        self._sleep, self._jitter = sleep, jitter
        self._gate = allowance or Pauses(clock, sleep)
        self._lock = threading.Lock()
        self._transport = Transport(clock)

    def get(self, path: str, parameters: Parameters = ()) -> Json:
        """The JSON that the provider answers to GET `path`, which starts with a slash.

        Connection failures, timeouts, 5xx and 429 are tried again, up to four times in all and not
        past the deadline; after a 401 once more, if the credentials have another token. Raises the
        errors of `tributary.errors`, by what to do.
        """
        asked = f"GET {path} from {self._dialect.provider}"
        tries, first = 0, self._credentials.token
        token = first
        while True:
            try:
                return self._answer(asked, self._base_url + path, parameters, token)
            except CredentialsRefusedError as error:
                renewed = self._renewed(token, error)
                if token != first or renewed is None:
                    raise
                token = renewed
            except _TRIED_AGAIN as error:
                tries += 1
                pause = (error.after_seconds or 0.0) + self._backoff(tries)
                if tries == _TRIES or pause + LEAST_SECONDS > self._seconds_left():
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

    def _renewed(self, token: str, refusal: CredentialsRefusedError) -> str | None:
        try:
            return self._credentials.renewed(token)
        except TributaryError as error:
            raise CredentialsRefusedError(f"{refusal}; {error}") from error

    def _backoff(self, tries: int) -> float:
        # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter)
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (tries - 1))
        return longest * self._jitter()

    def _seconds_left(self) -> float:
        return self._deadline - self._clock()

    def _answer(self, asked: str, url: str, parameters: Parameters, token: str) -> Json:
        for _ in range(_REDIRECTS + 1):
            with self._send(asked, url, parameters, token) as response:
                if not response.is_redirect:
                    return self._read(asked, response, token)
                url, parameters = redirected(asked, response), ()
        raise RequestRefusedError(f"{asked}: more than {_REDIRECTS} redirects")

    def _send(self, asked: str, url: str, parameters: Parameters, token: str) -> requests.Response:
        """The answer to one request, its body unread, when its turn has come."""
        bearer = Bearer(token, self._dialect.provider)
        if self._credentials.refused:
            # By an earlier request of this run: none of them is worth the budget.
            raise CredentialsRefusedError(f"{asked} not sent: the token was refused before")
        if self._seconds_left() < LEAST_SECONDS:
            raise OutOfTimeError(f"{asked} not sent: the run's deadline is less than a second away")
        sent, said = self._gate.take(asked, self._seconds_left()), NOTHING_SAID
        try:
            with self._lock:
                self.requests += 1
            left = max(self._seconds_left(), LEAST_SECONDS)
            response = self._transport.get(asked, url, parameters, bearer, left)
            said = self._noted(response)
        finally:
            self._gate.heard(sent, said)
        return response

    def _noted(self, response: requests.Response) -> RateLimit:
        """What the answer says of the limit, after its Date has set the clock."""
        dated = http_date(response.headers.get("Date", ""))
        if dated is not None:
            self.clock_offset_ms = round((dated - self._wall_clock()) * 1000)
        said = self._limit(response)
        if said.remaining is not None:
            self.remaining = said.remaining
        return said

    def _limit(self, response: requests.Response) -> RateLimit:
        now = self._wall_clock() + self.clock_offset_ms / 1000
        return RateLimit.of(response.status_code, response.headers, self._dialect, now)

    def _read(self, asked: str, response: requests.Response, token: str) -> Json:
        if response.status_code != 200:
            raise self._error(asked, response, token)
        self._credentials.answered(token)
        body = self._transport.body(asked, response, _ANSWER_BYTES, self._deadline)
        if len(body) > _ANSWER_BYTES:
            raise MalformedAnswerError(f"{asked}: an answer of more than {_ANSWER_BYTES} bytes")
        answer = parsed(body)
        if isinstance(answer, NotJson):
            content = response.headers.get("Content-Type", "no content type")
            raise MalformedAnswerError(
                f"{asked} answered 200 with {len(body)} bytes ({content}) that {answer.reason}"
            )
        return answer

    def _error(self, asked: str, response: requests.Response, token: str) -> TributaryError:
        status = response.status_code
        try:
            body = self._transport.body(asked, response, _ERROR_BYTES, self._deadline)
            code, text = problem(body, token, self._credentials.token)
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
        return kind(message, self._limit(response).wait_seconds)
