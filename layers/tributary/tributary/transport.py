"""Requests over HTTP, one at a time: a token that goes to its provider alone, and bodies bounded in
time and size."""

import re
from collections.abc import Callable, Sequence
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import DecodeError, HTTPError

from tributary.errors import (
    MalformedAnswerError,
    RequestRefusedError,
    SettingsError,
    UnreachableError,
)

VERSION = "0.1.0"
USER_AGENT = f"tributary/{VERSION} (scheduled metrics collector)"

type Parameters = Sequence[tuple[str, str]]

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 20.0
_ANSWER_SECONDS = 60.0
_PIECE_BYTES = 64 * 2**10


class Bearer(requests.auth.AuthBase):
    """The token as an auth object: a plain header would yield to a .netrc file."""

    def __init__(self, token: str, provider: str) -> None:
        if not re.fullmatch(r"[!-~]+", token):
            # Checked here because the library's own error for such a header would quote it.
            raise SettingsError(
                f"the {provider} token is empty or holds blanks or other characters"
            )
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Adds the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Connections that are kept, without cookies; may be used by several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get(
        self, asked: str, url: str, parameters: Parameters, bearer: Bearer, seconds: float
    ) -> requests.Response:
        """The answer, its body unread, whose parts are waited for no longer than so many seconds.

        `asked` is how errors call it. Raises UnreachableError, and RequestRefusedError for what
        can't be sent at all.
        """
        timeout = min(_CONNECT_SECONDS, seconds), min(_READ_SECONDS, seconds)
        try:
            return self._session.get(
                url,
                params=list(parameters),
                auth=bearer,
                timeout=timeout,
                stream=True,
                allow_redirects=False,
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise UnreachableError(f"{asked}: no answer ({type(error).__name__})") from error
        except requests.RequestException as error:
            raise RequestRefusedError(
                f"{asked} at {url.split('?')[0]} can't be sent ({type(error).__name__})"
            ) from error

    def body(self, asked: str, response: requests.Response, most: int, deadline: float) -> bytes:
        """The decompressed body, or a little more than `most` bytes of it."""
        body, ends = bytearray(), min(deadline, self._clock() + _ANSWER_SECONDS)
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


def redirected(asked: str, response: requests.Response) -> str:
    """Where to ask instead; another origin must not see the token, so it is not asked."""
    target = urljoin(response.url, response.headers["Location"])
    if _origin(target) != _origin(response.url):
        raise RequestRefusedError(
            f"{asked} answered {response.status_code} to {urlsplit(target).netloc}: "
            "redirects to another host are not followed"
        )
    return target


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
