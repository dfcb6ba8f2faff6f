"""The API: requests of API Gateway, led to the routes of the fronts."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from functions.query_api.answer import delivered
from functions.query_api.authorisation import NOBODY, Authorisation, check_scopes, visible
from functions.query_api.cors import Cors
from functions.query_api.engine import Engine
from functions.query_api.exchange import Exchange
from functions.query_api.hostup.front import GB_BYTES, MOST_BYTES, Hostup
from functions.query_api.northflank.front import Northflank
from functions.query_api.observation import Observer
from functions.query_api.own import Own
from functions.query_api.payload import Request, Response
from functions.query_api.problems import (
    METHODS,
    MethodNotAllowedError,
    UnknownPathError,
    nearest,
)
from functions.query_api.quota import Quotas
from functions.query_api.routing import Asked, Found, Routes
from functions.query_api.status import Freshness
from tributary.inventory import Inventory
from tributary.registry import Registry, Shard
from tributary.retention import Retention
from tributary.settings import number_from_env
from tributary.table import Table
from tributary.tokens import Token
from tributary.windows import SECOND_MS

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What is left of an invocation for aligning and answering once reading must be done. DynamoDB may
# be silent for so long of it.
_KEPT_SECONDS = 6.0
_SILENT_SECONDS = 3.0


class Api:
    """Answers API Gateway's events (payload 2.0); `clock` gives Unix seconds."""

    def __init__(
        self,
        routes: Routes,
        authorisation: Authorisation,
        quotas: Quotas,
        registry: Registry,
        table: Table,
        cors: Cors | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routes = routes
        self._authorisation = authorisation
        self._quotas = quotas
        self._registry = registry
        self._table = table
        self._clock = clock
        self._cors = cors or Cors()
        self._observer = Observer(routes.front_of, table, clock)

    @classmethod
    def from_env(cls) -> Self:
        """The API over the table, secret and origins that the environment names."""
        table = Table.from_env(_SILENT_SECONDS)
        engine = Engine.on(table, Retention.from_env(), Freshness.from_env())
        cors = Cors.of(os.environ.get("CORS_ORIGINS", ""))
        authorisation, quotas = Authorisation.from_env(table), Quotas.from_env(table)
        gb_bytes = number_from_env("HOSTUP_GB_BYTES", GB_BYTES, 1, MOST_BYTES)
        routes = routes_over(engine, Inventory(table), gb_bytes)
        return cls(routes, authorisation, quotas, Registry(table), table, cors)

    def handle(self, event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """API Gateway's event in, its response out, whatever happens between."""

        def seconds_left() -> float:
            return context.get_remaining_time_in_millis() / SECOND_MS

        self._table.until(time.monotonic() + max(1.0, seconds_left() - _KEPT_SECONDS))
        exchange = Exchange(Request.of(event), seconds_left)
        response = self._observer.observed(exchange, self._respond)
        response.headers |= self._cors.headers(exchange.request.headers.get("origin"))
        return response.event()

    def _respond(self, exchange: Exchange) -> Response:
        request = exchange.request
        if preflight := self._cors.preflight(request.method):
            return preflight
        found = self._found(request)
        token = NOBODY
        if found.route.scopes:
            token = self._authorised(exchange, found.route.scopes)
        answer = found.route.answer(
            Asked(
                found.parameters,
                request.raw_query,
                partial(self._shards, token),
                token.sees_all_of,
                self._now_ms(),
                max(1.0, exchange.seconds_left() - _KEPT_SECONDS),
                exchange.timing,
            )
        )
        exchange.counts = answer.counts
        headers = request.headers
        with exchange.timing.phase("deliver"):
            return delivered(
                answer, headers.get("accept-encoding", ""), headers.get("if-none-match", "")
            )

    def _found(self, request: Request) -> Found:
        path, method = request.path, request.method
        found = self._routes.at(path)
        if found is None:
            known = (route.path for route in self._routes.all)
            there = nearest(path, known, otherwise="/openapi.json lists what there is.")
            raise UnknownPathError(f"There is nothing at {path}. {there}")
        if method not in METHODS:
            raise MethodNotAllowedError(f"{method} is not for {path}: send {' or '.join(METHODS)}.")
        return found

    def _authorised(self, exchange: Exchange, scopes: Sequence[str]) -> Token:
        with exchange.timing.phase("authorise"):
            now_ms = self._now_ms()
            header = exchange.request.headers.get("authorization")
            token = self._authorisation.token(header, now_ms)
            exchange.caller = token
            if quota := self._quotas.take(token, now_ms):
                exchange.quota = quota
                quota.check()
            check_scopes(token, scopes)
        return token

    def _shards(self, token: Token) -> Sequence[Shard]:
        return visible(self._registry.shards(), token)

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)


def routes_over(engine: Engine, inventory: Inventory, gb_bytes: float = GB_BYTES) -> Routes:
    """The routes of every front, over one engine; HostUp's Gb is of so many bytes."""
    northflank, hostup = Northflank(engine, inventory), Hostup(engine, inventory, gb_bytes)
    return Routes([northflank, hostup, Own(engine)])
