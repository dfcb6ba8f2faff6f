"""Observation: one log line and one set of self-metrics for each request, problems included."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit

from functions.query_api.formats import compact
from functions.query_api.problems import Told, kind_of
from functions.query_api.routing import Front
from functions.query_api.timing import Timing
from tributary.table import Table
from tributary.windows import SECOND_MS


class Observer:
    """Wraps every request of a resolver, those for unknown paths too.

    Lambda sends an instance one request at a time, so what its table counts meanwhile is the
    request's, but for reads still on their way of one before that was not answered in time.
    """

    def __init__(
        self,
        resolver: APIGatewayHttpResolver,
        front_of: Callable[[str], Front],
        table: Table,
        clock: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._front_of = front_of
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
        front = self._front_of(self._resolver.current_event.path)
        error: Exception | None = None
        try:
            response: Response[Any] = following(app)
        # The outermost place: callers get a document in any case, and the log gets the reason.
        except Exception as raised:
            error, response = raised, self._problem(raised, front)
        read_units = (self._table.consumed - before).read_units
        # Nobody else is told: how long a token took says something of the tokens there are.
        if "caller" in self._resolver.context:
            response.headers["Server-Timing"] = timing.header(read_units)
        if "quota" in self._resolver.context:
            quota = self._resolver.context["quota"]
            response.headers.update(front.quota_headers(quota, self._now_ms()))
        self._tell(response.status_code, timing.milliseconds, read_units, error)
        return response

    def _problem(self, error: Exception, front: Front) -> Response[Any]:
        event = self._resolver.current_event
        told = Told(event.path, event.request_context.request_id, self._now_ms())
        problem = front.problem(error, told)
        headers: dict[str, str | list[str]] = {**problem.headers}
        return Response(problem.status, problem.content_type, compact(problem.document), headers)

    def _tell(
        self, status: int, milliseconds: float, read_units: float, error: Exception | None
    ) -> None:
        event = self._resolver.current_event
        counts: dict[str, Any] = self._resolver.context.get("counts", {})
        line = {
            "method": event.http_method,
            "path": event.path,
            "status": status,
            "token": self._resolver.context.get("caller"),
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

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)
