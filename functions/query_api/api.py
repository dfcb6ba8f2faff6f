"""The API: HTTP routes over the engine."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig, Response

from functions.query_api.answer import Answer, delivered, document_answer, query_answer
from functions.query_api.catalogue import catalogue
from functions.query_api.coverage import coverage_page
from functions.query_api.engine import Engine
from functions.query_api.observation import Observer
from functions.query_api.parameters import (
    parse_coverage_query,
    parse_nothing,
    parse_query,
    parse_resources_query,
)
from functions.query_api.resources import resources_page
from functions.query_api.status import Freshness
from functions.query_api.timing import Timing
from functions.query_api.tokens import Tokens
from tributary.retention import Retention
from tributary.table import Table
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
        engine: Engine,
        tokens: Tokens,
        table: Table,
        cors: CORSConfig | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._table = table
        self._clock = clock
        self._open = {"/healthz": self._healthz}
        self._guarded = {
            "/v1/query": self._query,
            "/v1/resources": self._resources,
            "/v1/metrics": self._metrics,
            "/v1/coverage": self._coverage,
        }
        self._resolver = self._routed(cors)

    @classmethod
    def from_env(cls) -> Self:
        """The API over the table, secret and origins that the environment names."""
        table = Table.from_env(_SILENT_SECONDS)
        engine = Engine.on(table, Retention.from_env(), Freshness.from_env())
        cors = cors_for(os.environ.get("CORS_ORIGINS", ""))
        return cls(engine, Tokens.from_env(table), table, cors)

    def handle(self, event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """API Gateway's event in, its response out, whatever happens between."""
        left = context.get_remaining_time_in_millis() / SECOND_MS
        self._table.until(time.monotonic() + max(1.0, left - _KEPT_SECONDS))
        return self._resolver.resolve(event, context)

    def _routed(self, cors: CORSConfig | None) -> APIGatewayHttpResolver:
        # Bodies are text or compressed bytes already, not documents for Powertools to serialise.
        resolver = APIGatewayHttpResolver(cors=cors, serializer=lambda body: body)  # type: ignore[arg-type, return-value]
        observer = Observer(resolver, self._table, self._clock)
        resolver.use([observer.middleware])
        paths = (*self._open, *self._guarded)
        resolver.not_found(lambda _: observer.nothing_there(paths))
        for path, answer in self._open.items():
            resolver.get(path)(self._route(answer))
        for path, answer in self._guarded.items():
            resolver.get(path)(self._route(self._authorised(answer)))
        return resolver

    def _route(self, answer: Callable[[], Answer]) -> Callable[[], Response[Any]]:
        def respond() -> Response[Any]:
            headers = self._resolver.current_event.headers
            found = answer()
            self._resolver.context["counts"] = found.counts
            with self._timing.phase("deliver"):
                return delivered(
                    found, headers.get("accept-encoding", ""), headers.get("if-none-match", "")
                )

        return respond

    def _authorised(self, answer: Callable[[], Answer]) -> Callable[[], Answer]:
        def authorised() -> Answer:
            header = self._resolver.current_event.headers.get("authorization")
            with self._timing.phase("authorise"):
                self._resolver.context["caller"] = self._tokens.authorise(header)
            return answer()

        return authorised

    def _healthz(self) -> Answer:
        parse_nothing(self._raw_query())
        return document_answer({"status": "ok"}, max_age_seconds=0)

    def _query(self) -> Answer:
        now_ms = self._now_ms()
        query = parse_query(self._raw_query(), now_ms)
        left = self._resolver.lambda_context.get_remaining_time_in_millis() / SECOND_MS
        seconds = max(1.0, left - _KEPT_SECONDS)
        result = self._engine.run(query, now_ms, seconds, self._timing)
        with self._timing.phase("format"):
            return query_answer(query, result)

    def _resources(self) -> Answer:
        query = parse_resources_query(self._raw_query())
        return document_answer(resources_page(self._engine, query, self._now_ms()))

    def _metrics(self) -> Answer:
        parse_nothing(self._raw_query())
        shards = self._engine.registry.shards()
        entries = (entry for shard in shards for entry in shard.entries.values())
        return document_answer(catalogue(entries))

    def _coverage(self) -> Answer:
        now_ms = self._now_ms()
        query = parse_coverage_query(self._raw_query(), now_ms)
        return document_answer(coverage_page(self._engine, query, now_ms))

    @property
    def _timing(self) -> Timing:
        return cast(Timing, self._resolver.context["timing"])

    def _raw_query(self) -> str:
        return self._resolver.current_event.raw_query_string

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)


def cors_for(origins: str) -> CORSConfig | None:
    """CORS for a comma-separated list of origins, or `*`; None for an empty one."""
    listed = [origin.strip() for origin in origins.split(",") if origin.strip()]
    if not listed:
        return None
    return CORSConfig(
        allow_origin=listed[0],
        extra_origins=listed[1:],
        allow_headers=["If-None-Match"],
        expose_headers=["ETag", "Retry-After", "Server-Timing", "Tributary-Warnings"],
        max_age=_PREFLIGHT_SECONDS,
    )
