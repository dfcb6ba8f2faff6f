"""Observation: one log line and one set of self-metrics for each request, problems included."""

from collections.abc import Callable

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.query_api.exchange import Exchange
from functions.query_api.formats import compact
from functions.query_api.payload import Response
from functions.query_api.problems import Told, kind_of
from functions.query_api.routing import Front
from tributary.table import Table
from tributary.windows import SECOND_MS


class Observer:
    """Sees every exchange through, those for unknown paths too.

    Lambda sends an instance one request at a time, so what its table counts meanwhile is the
    request's, but for reads still on their way of one before that was not answered in time.
    """

    def __init__(
        self, front_of: Callable[[str], Front], table: Table, clock: Callable[[], float]
    ) -> None:
        self._front_of = front_of
        self._table = table
        self._clock = clock
        self._logger = Logger()
        self._metrics = Metrics()

    def observed(self, exchange: Exchange, respond: Callable[[Exchange], Response]) -> Response:
        """The response, or a problem whatever was raised on the way."""
        before = self._table.consumed
        front = self._front_of(exchange.request.path)
        error: Exception | None = None
        try:
            response = respond(exchange)
        # The outermost place: callers get a document in any case, and the log gets the reason.
        except Exception as raised:
            error, response = raised, self._problem(raised, exchange, front)
        read_units = (self._table.consumed - before).read_units
        # Nobody else is told: how long a token took says something of the tokens there are. What
        # was read says how much there is that a limited one does not see.
        if caller := exchange.caller:
            told = None if caller.limits else read_units
            response.headers["Server-Timing"] = exchange.timing.header(told)
        if exchange.quota is not None:
            response.headers |= front.quota_headers(exchange.quota, self._now_ms())
        self._tell(exchange, response.status, read_units, error)
        return response

    def _problem(self, error: Exception, exchange: Exchange, front: Front) -> Response:
        told = Told(exchange.request.path, exchange.request.id, self._now_ms())
        problem = front.problem(error, told)
        text = compact(problem.document)
        return Response(problem.status, problem.content_type, text, {**problem.headers})

    def _tell(
        self, exchange: Exchange, status: int, read_units: float, error: Exception | None
    ) -> None:
        request, milliseconds = exchange.request, exchange.timing.milliseconds
        line = {
            "method": request.method,
            "path": request.path,
            "status": status,
            "token": exchange.caller.id if exchange.caller else None,
            "requestId": request.id,
            "durationMs": round(milliseconds, 1),
            "readUnits": read_units,
            **exchange.counts,
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
