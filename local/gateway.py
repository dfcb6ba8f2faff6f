"""What API Gateway's HTTP API does with a request: its limits, its routes, its integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

from local.payload import Request, Response, event, refusal, response
from local.runtime import Busy, FunctionError
from local.template import JSON, Route

HEADER_BYTES = 10_240  # the request line and the values of the headers together
BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0
_AT_ONCE = 32


class Invocable(Protocol):
    """What a route leads to."""

    def invoke(self, event: JSON, wait_seconds: float) -> JSON:
        """The handler's answer; raises Busy or FunctionError."""


class Gateway:
    """Routes and the functions behind them. Thread-safe."""

    def __init__(
        self,
        routes: Sequence[Route],
        functions: Mapping[str, Invocable],
        integration_seconds: float = INTEGRATION_SECONDS,
    ) -> None:
        if parameterised := [route.key for route in routes if "{" in route.path]:
            raise ValueError(f"routes with path parameters are not known here: {parameterised}")
        self._routes = {(route.path, route.method): route for route in routes}
        self._functions = functions
        self._integration_seconds = integration_seconds
        self._integrations = ThreadPoolExecutor(_AT_ONCE, "integration")

    def answer(self, request: Request) -> Response:
        """What API Gateway would answer."""
        if _header_bytes(request) > HEADER_BYTES:
            return refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        route = self._route(request.method, request.path)
        if route is None:
            return refuse(HTTPStatus.NOT_FOUND)
        return self._integrate(route.function, event(request, route.key, datetime.now(UTC)))

    def close(self) -> None:
        """Takes no further requests; those under way end with their functions."""
        self._integrations.shutdown(wait=False, cancel_futures=True)

    def _route(self, method: str, path: str) -> Route | None:
        """Its own path before $default, its own method before ANY."""
        keys = ((path, method), (path, "ANY"), ("$default", "ANY"))
        return next((self._routes[key] for key in keys if key in self._routes), None)

    def _integrate(self, function: str, payload: JSON) -> Response:
        invocation = self._integrations.submit(
            self._functions[function].invoke, payload, self._integration_seconds
        )
        try:
            return response(invocation.result(self._integration_seconds))
        except (TimeoutError, Busy):
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        except FunctionError as error:
            if error.kind == "RequestTooLarge":
                return refuse(HTTPStatus.CONTENT_TOO_LARGE)
            return refuse(HTTPStatus.INTERNAL_SERVER_ERROR)


def refuse(status: HTTPStatus) -> Response:
    """API Gateway's own answer with a status: the status in words, nothing else."""
    words = {HTTPStatus.CONTENT_TOO_LARGE: "Request Entity Too Large"}
    return refusal(status, words.get(status, status.phrase))


def _header_bytes(request: Request) -> int:
    line = f"{request.method} {request.target} {request.protocol}"
    return len(line) + sum(len(value) for _, value in request.headers)
