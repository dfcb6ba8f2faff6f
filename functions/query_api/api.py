"""The API: requests of API Gateway, led to the routes of the fronts."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig, Response

from functions.query_api.answer import delivered
from functions.query_api.authorisation import NOBODY, Authorisation, check_scopes, visible
from functions.query_api.engine import Engine
from functions.query_api.hostup.front import GB_BYTES, MOST_BYTES, Hostup
from functions.query_api.northflank.front import Northflank
from functions.query_api.observation import Observer
from functions.query_api.own import Own
from functions.query_api.problems import (
    METHODS,
    MethodNotAllowedError,
    UnknownPathError,
    nearest,
)
from functions.query_api.quota import Quotas
from functions.query_api.routing import Asked, Found, Routes
from functions.query_api.status import Freshness
from functions.query_api.timing import Timing
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
_PREFLIGHT_SECONDS = 600


class Api:
    """Answers API Gateway's events (payload 2.0); `clock` gives Unix seconds."""

    def __init__(
        self,
        routes: Routes,
        authorisation: Authorisation,
        quotas: Quotas,
        registry: Registry,
        table: Table,
        cors: CORSConfig | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routes = routes
        self._authorisation = authorisation
        self._quotas = quotas
        self._registry = registry
        self._table = table
        self._clock = clock
        self._resolver = self._resolving(cors)

    @classmethod
    def from_env(cls) -> Self:
        """The API over the table, secret and origins that the environment names."""
        table = Table.from_env(_SILENT_SECONDS)
        engine = Engine.on(table, Retention.from_env(), Freshness.from_env())
        cors = cors_for(os.environ.get("CORS_ORIGINS", ""))
        authorisation, quotas = Authorisation.from_env(table), Quotas.from_env(table)
        gb_bytes = number_from_env("HOSTUP_GB_BYTES", GB_BYTES, 1, MOST_BYTES)
        routes = routes_over(engine, Inventory(table), gb_bytes)
        return cls(routes, authorisation, quotas, Registry(table), table, cors)

    def handle(self, event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """API Gateway's event in, its response out, whatever happens between."""
        left = context.get_remaining_time_in_millis() / SECOND_MS
        self._table.until(time.monotonic() + max(1.0, left - _KEPT_SECONDS))
        return self._resolver.resolve(event, context)

    def _resolving(self, cors: CORSConfig | None) -> APIGatewayHttpResolver:
        # Bodies are text or compressed bytes already, not documents for Powertools to serialise.
        resolver = APIGatewayHttpResolver(cors=cors, serializer=lambda body: body)  # type: ignore[arg-type, return-value]
        observer = Observer(resolver, self._routes.front_of, self._table, self._clock)
        resolver.use([observer.middleware])
        # One route for all: a pattern for each would have to be compiled before the first answer.
        resolver.get(".+")(self._respond)
        resolver.not_found(lambda _: self._respond())
        return resolver

    def _respond(self) -> Response[Any]:
        headers = self._resolver.current_event.headers
        found = self._found()
        token = NOBODY
        if found.route.scopes:
            token = self._authorised(headers.get("authorization"), found.route.scopes)
        answer = found.route.answer(
            Asked(
                found.parameters,
                self._resolver.current_event.raw_query_string,
                partial(self._shards, token),
                token.sees,
                self._now_ms(),
                max(1.0, self._left_seconds() - _KEPT_SECONDS),
                self._timing,
            )
        )
        self._resolver.context["counts"] = answer.counts
        with self._timing.phase("deliver"):
            return delivered(
                answer, headers.get("accept-encoding", ""), headers.get("if-none-match", "")
            )

    def _found(self) -> Found:
        path, method = self._resolver.current_event.path, self._resolver.current_event.http_method
        found = self._routes.at(path)
        if found is None:
            known = (route.path for route in self._routes.all)
            there = nearest(path, known, otherwise="/openapi.json lists what there is.")
            raise UnknownPathError(f"There is nothing at {path}. {there}")
        if method not in METHODS:
            raise MethodNotAllowedError(f"{method} is not for {path}: send {' or '.join(METHODS)}.")
        return found

    def _authorised(self, header: str | None, scopes: Sequence[str]) -> Token:
        with self._timing.phase("authorise"):
            now_ms = self._now_ms()
            token = self._authorisation.token(header, now_ms)
            self._resolver.context["caller"] = token.id
            if quota := self._quotas.take(token, now_ms):
                self._resolver.context["quota"] = quota
                quota.check()
            check_scopes(token, scopes)
        return token

    def _shards(self, token: Token) -> Sequence[Shard]:
        return visible(self._registry.shards(), token)

    @property
    def _timing(self) -> Timing:
        return cast(Timing, self._resolver.context["timing"])

    def _left_seconds(self) -> float:
        return self._resolver.lambda_context.get_remaining_time_in_millis() / SECOND_MS

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)


def routes_over(engine: Engine, inventory: Inventory, gb_bytes: float = GB_BYTES) -> Routes:
    """The routes of every front, over one engine; HostUp's Gb is of so many bytes."""
    northflank, hostup = Northflank(engine, inventory), Hostup(engine, inventory, gb_bytes)
    return Routes([northflank, hostup, Own(engine)])


def cors_for(origins: str) -> CORSConfig | None:
    """CORS for a comma-separated list of origins, or `*`; None for an empty one."""
    listed = [origin.strip() for origin in origins.split(",") if origin.strip()]
    if not listed:
        return None
    return CORSConfig(
        allow_origin=listed[0],
        extra_origins=listed[1:],
        allow_headers=["If-None-Match"],
        expose_headers=[
            *("ETag", "Retry-After", "Server-Timing", "Tributary-Warnings"),
            *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        ],
        max_age=_PREFLIGHT_SECONDS,
    )
