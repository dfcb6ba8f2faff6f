"""What each kind of fault makes of an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING
from zlib import crc32

from werkzeug.wrappers import Request, Response

from local.providers.answer import REFUSAL, UNDELIVERED, Refused
from local.providers.history import noise
from local.providers.server import ConnectionDropped

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# What a 429 asks to wait for where being throttled never ends.
WAIT_SECONDS = 30.0

_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_PROXY_ERROR = Refused(502, "external_provider_failed", "Bad gateway.")
_ERRORS = (
    Refused(500, "internal_error", "Something went wrong."),
    Refused(503, "upstream_unavailable", "Try again later."),
    _PROXY_ERROR,
)


@dataclass(frozen=True, slots=True)
class Struck:
    """A request to a simulator that is struck, for so many seconds to come; its number decides
    what is left to chance."""

    app: "WSGIApplication"
    request: Request
    seconds_left: float
    number: int

    def chosen[Item](self, items: tuple[Item, ...]) -> Item:
        """One of several, by the number."""
        return items[int(draw("chosen", self.number) * len(items))]

    def answer(self) -> Response:
        """The simulator's answer."""
        return Response.from_app(self.app, self.request.environ, buffered=True)

    def refused(self, refusal: Refused) -> Response:
        """A refusal in the simulator's own words, which it counts as any request."""
        self.request.environ[REFUSAL] = refusal
        return self.answer()


def draw(purpose: str, number: int) -> float:
    """A number in [0, 1), the same for the same purpose and number."""
    return (noise(crc32(purpose.encode()), number) + 1) / 2


def outage(struck: Struck) -> Response:
    """A load balancer's 503; raises ConnectionDropped for half of the requests."""
    if struck.chosen((True, False)):
        raise ConnectionDropped
    return Response(_PAGE.format("503 Service Unavailable"), 503, mimetype="text/html")


def unauthorized(struck: Struck) -> Response:
    """A 401."""
    return struck.refused(Refused(401, "unauthorized", "Authentication is required."))


def throttled(struck: Struck) -> Response:
    """A 429 that asks to wait until the provider throttles no longer."""
    wait = struck.seconds_left if isfinite(struck.seconds_left) else WAIT_SECONDS
    detail = "Too many requests. Retry after the limit resets."
    return struck.refused(Refused(429, "rate_limit_exceeded", detail, after_seconds=wait))


def error(struck: Struck) -> Response:
    """A 500 or 503 of the provider's, or a proxy's 502."""
    chosen = struck.chosen(_ERRORS)
    response = struck.refused(chosen)
    if chosen is _PROXY_ERROR:
        response.set_data(_PAGE.format("502 Bad Gateway"))
        response.mimetype = "text/html"
    return response


def garbage(struck: Struck) -> Response:
    """The provider's 200 with something else in it, of which nothing counts as served."""
    struck.request.environ[UNDELIVERED] = True
    response = struck.answer()
    if response.status_code == 200:
        response.set_data(struck.chosen(_SPOILED_BODIES)(response.get_data()))
    return response


def _page(body: bytes) -> bytes:
    return _PAGE.format("Maintenance").encode()


def _cut_off(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _list(body: bytes) -> bytes:
    return b"[]"


def _misshapen(body: bytes) -> bytes:
    """With a text where the samples or items should be."""
    answer = json.loads(body)
    where = "samples" if "samples" in answer else "data"
    return json.dumps({**answer, where: "unavailable"}).encode()


_SPOILED_BODIES: tuple[Callable[[bytes], bytes], ...] = (_page, _cut_off, _list, _misshapen)
