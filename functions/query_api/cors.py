"""CORS: which pages of other origins may read the API.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from dataclasses import dataclass
from typing import Self

from functions.query_api.payload import Response
from functions.query_api.problems import METHODS

_SENT = ("Authorization", "If-None-Match")
_READ = (
    *("ETag", "Retry-After", "Server-Timing", "Tributary-Warnings"),
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
)
_PREFLIGHT_SECONDS = 600
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins that may; none without any."""

    origins: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """A comma-separated list of origins, or `*` for all."""
        return cls(tuple(origin.strip() for origin in text.split(",") if origin.strip()))

    def preflight(self, method: str) -> Response | None:
        """The answer to a browser that asks beforehand; None for any other request."""
        if not self.origins or method != "OPTIONS":
            return None
        allowed = ",".join((*METHODS, "OPTIONS"))
        return Response(204, headers={"Access-Control-Allow-Methods": allowed})

    def headers(self, origin: str | None) -> dict[str, str]:
        """What an answer to a page of the origin has besides."""
        if not origin or not {origin, _ANY}.intersection(self.origins):
            return {}
        return {
            "Access-Control-Allow-Origin": _ANY if _ANY in self.origins else origin,
            "Access-Control-Allow-Headers": ",".join(_SENT),
            "Access-Control-Expose-Headers": ",".join(_READ),
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        }
