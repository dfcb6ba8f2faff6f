"""Observation: one log line and one set of self-metrics for each request, problems included."""

from collections.abc import Callable
from typing import Any, NoReturn

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit

from functions.query_api.formats import compact
from functions.query_api.problems import (
    MethodNotAllowedError,
    UnknownPathError,
    document,
    headers_for,
    kind_of,
    nearest,
)
from functions.query_api.timing import Timing
from tributary.table import Table
from tributary.windows import SECOND_MS

PROBLEM = "application/problem+json"
METHODS = ("GET",)


class Observer:
    """Wraps every request of a resolver, those for unknown paths too.

    Lambda sends an instance one request at a time, so what its table counts meanwhile is the
    request's, but for reads still on their way of one before that was not answered in time.
    """

    def __init__(
        self, resolver: APIGatewayHttpResolver, table: Table, clock: Callable[[], float]
    ) -> None:
        self._resolver = resolver
        self._table = table
        self._clock = clock
        self._logger = Logger()
        self._metrics = Metrics()

    def middleware(
        self, app: APIGatewayHttpResolver, following: Callable[..., Any]
    ) -> Response[Any]:
        """Answers the request, or with a problem whatever was raised on the way."""
        timing = self._resolver.context["timing"] = Timing()
        before = self._table.consumed
        error: Exception | None = None
        try:
            response: Response[Any] = following(app)
        # The outermost place: callers get a document in any case, and the log gets the reason.
        except Exception as raised:
            error, response = raised, self._problem(raised)
        read_units = (self._table.consumed - before).read_units
        # Nobody else is told: how long a token took says something of the tokens there are.
        if "caller" in self._resolver.context:
            response.headers["Server-Timing"] = timing.header(read_units)
        self._tell(response.status_code, timing.milliseconds, read_units, error)
        return response

    def nothing_there(self, paths: tuple[str, ...]) -> NoReturn:
        """Raises what a request for no route deserves."""
        path, method = self._resolver.current_event.path, self._resolver.current_event.http_method
        if path in paths:
            raise MethodNotAllowedError(f"{method} is not for {path}: send {' or '.join(METHODS)}.")
        raise UnknownPathError(f"There is nothing at {path}. {nearest(path, paths)}")

    def _problem(self, error: Exception) -> Response[Any]:
        event = self._resolver.current_event
        body = document(
            error, event.path, event.request_context.request_id, int(self._clock() * SECOND_MS)
        )
        headers: dict[str, str | list[str]] = {**headers_for(error, METHODS)}
        return Response(kind_of(error).status, PROBLEM, compact(body), headers)

    def _tell(
        self, status: int, milliseconds: float, read_units: float, error: Exception | None
    ) -> None:
        event = self._resolver.current_event
        counts: dict[str, Any] = self._resolver.context.get("counts", {})
        line = {
            "method": event.http_method,
            "path": event.path,
            "status": status,
            "requestId": event.request_context.request_id,
            "durationMs": round(milliseconds, 1),
            "readUnits": read_units,
            **counts,
        }
        if error is None:
            self._logger.info("request", extra=line)
        elif status >= 500:
            self._logger.error("request", extra=line, exc_info=error)
        else:
            self._logger.info("request", extra={**line, "problem": kind_of(error).code})
        self._count(status, milliseconds, read_units)

    def _count(self, status: int, milliseconds: float, read_units: float) -> None:
        # Few: CloudWatch charges for each. What a query found is in its log line.
        self._metrics.add_metric("Requests", MetricUnit.Count, 1)
        self._metrics.add_metric("Refusals", MetricUnit.Count, int(400 <= status < 500))
        self._metrics.add_metric("Failures", MetricUnit.Count, int(status >= 500))
        self._metrics.add_metric("Duration", MetricUnit.Milliseconds, milliseconds)
        self._metrics.add_metric("ReadUnits", MetricUnit.Count, read_units)
        self._metrics.flush_metrics()
