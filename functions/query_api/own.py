"""Tributary's own front: its routes, and its errors as RFC 9457 documents."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from functions.query_api.answer import Answer, document_answer, query_answer
from functions.query_api.catalogue import catalogue
from functions.query_api.coverage import coverage_page
from functions.query_api.engine import Engine
from functions.query_api.parameters import (
    parse_coverage_query,
    parse_nothing,
    parse_query,
    parse_resources_query,
)
from functions.query_api.problems import Told, document, headers_for, kind_of
from functions.query_api.quota import Quota
from functions.query_api.resources import resources_page
from functions.query_api.routing import Asked, Problem, Route
from tributary.tokens import READ_METRICS

PROBLEM = "application/problem+json"
_FILE_SECONDS = 600
# The page brings all it is made of along, and asks nobody but this API.
_PAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Own:
    """`/v1/query` and its siblings, and what is open to all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.routes: Sequence[Route] = (
            Route("/v1/query", (READ_METRICS,), self._query),
            Route("/v1/resources", (READ_METRICS,), self._resources),
            Route("/v1/metrics", (READ_METRICS,), self._metrics),
            Route("/v1/coverage", (READ_METRICS,), self._coverage),
            Route("/healthz", (), _healthz),
            Route("/openapi.json", (), partial(_file, "openapi.json", "application/json", {})),
            Route("/docs", (), partial(_file, "docs.html", "text/html; charset=utf-8", _PAGE)),
        )

    def has(self, path: str) -> bool:
        """Any path that is no other front's."""
        return True

    def problem(self, error: Exception, told: Told) -> Problem:
        """A problem document (https://www.rfc-editor.org/rfc/rfc9457)."""
        status, content = kind_of(error).status, document(error, told)
        return Problem(status, PROBLEM, content, headers_for(error, told.now_ms))

    def quota_headers(self, quota: Quota, now_ms: int) -> Mapping[str, str]:
        """`x-ratelimit-*`, the reset in seconds."""
        return quota.headers(now_ms)

    def _query(self, asked: Asked) -> Answer:
        query = parse_query(asked.raw_query, asked.now_ms)
        result = self._engine.run(query, asked.shards, asked.now_ms, asked.seconds, asked.timing)
        with asked.timing.phase("format"):
            return query_answer(query, result)

    def _resources(self, asked: Asked) -> Answer:
        paging = parse_resources_query(asked.raw_query)
        return document_answer(resources_page(self._engine, asked.shards(), paging, asked.now_ms))

    def _metrics(self, asked: Asked) -> Answer:
        parse_nothing(asked.raw_query)
        return document_answer(catalogue(asked.entries()))

    def _coverage(self, asked: Asked) -> Answer:
        query = parse_coverage_query(asked.raw_query, asked.now_ms)
        return document_answer(coverage_page(self._engine, asked.shards(), query, asked.now_ms))


def _file(name: str, content_type: str, headers: Mapping[str, str], asked: Asked) -> Answer:
    """A file beside this one, read when it is first asked for: no cold start waits for it."""
    parse_nothing(asked.raw_query)
    return Answer(_read(name), content_type, _FILE_SECONDS, headers)


@cache
def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


def _healthz(asked: Asked) -> Answer:
    parse_nothing(asked.raw_query)
    return document_answer({"status": "ok"}, max_age_seconds=0)
