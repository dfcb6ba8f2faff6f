"""HostUp's front: its VPSes and their metrics, its errors, its limit's headers.

Sources: https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md,
https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md and
https://developer.hostup.se/errors
"""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.query_api.answer import Answer, document_answer
from functions.query_api.engine import Engine
from functions.query_api.given import Given
from functions.query_api.hostup.metrics import metrics_document
from functions.query_api.hostup.query import parse_list_query, parse_metrics_query
from functions.query_api.hostup.vpses import Vpses
from functions.query_api.problems import Told, detail_of, faults_of, headers_for, kind_of
from functions.query_api.quota import Quota
from functions.query_api.routing import Asked, Problem, Route
from tributary.inventory import Inventory
from tributary.tokens import READ_VM
from tributary.windows import rfc3339_exact

PROBLEM = "application/problem+json"
# What a Gb of HostUp's is, which it does not document.
GB_BYTES = 1_000_000_000.0
MOST_BYTES = 1e12
_ERRORS = "https://developer.hostup.se/errors"
_VPSES = "/api/v2/vps"

# By status: HostUp's code, its title, and what its detail says first. 405 and 503 are not among
# those that its metrics document; the latter's code is in its list of all.
_DOCUMENTS = {
    400: ("invalid_request", "Invalid request", ""),
    401: ("unauthorized", "Unauthorized", "Authentication is required."),
    403: (
        "forbidden",
        "Forbidden",
        "The caller lacks a required scope or does not own the resource.",
    ),
    404: ("not_found", "Not found", "The requested resource could not be found."),
    405: ("method_not_allowed", "Method not allowed", ""),
    429: (
        "rate_limit_exceeded",
        "Too many requests",
        "Too many requests. Retry after the limit resets.",
    ),
    500: (
        "internal_error",
        "Internal server error",
        "An unexpected error occurred. Retry later or contact support if the issue persists.",
    ),
    503: ("upstream_unavailable", "Upstream unavailable", ""),
}
# Of which more would say what there is, or what went wrong inside.
_SAY_NO_MORE = frozenset({404, 500})


class Hostup:
    """HostUp's VPSes, as they were listed last, and their metrics, from what was collected."""

    def __init__(self, engine: Engine, inventory: Inventory, gb_bytes: float) -> None:
        self._engine = engine
        self._inventory = inventory
        self._gb_bytes = gb_bytes
        self.routes: Sequence[Route] = (
            Route(_VPSES, (READ_VM,), self._list),
            Route(f"{_VPSES}/{{id}}", (READ_VM,), self._one),
            Route(f"{_VPSES}/{{id}}/metrics", (READ_VM,), self._metrics),
        )

    def has(self, path: str) -> bool:
        """Everything of version 2."""
        return path.startswith("/api/v2/")

    def problem(self, error: Exception, told: Told) -> Problem:
        """One of HostUp's problem documents (https://www.rfc-editor.org/rfc/rfc7807)."""
        status = kind_of(error).status
        code, title, first = _DOCUMENTS[status]
        more = "" if status in _SAY_NO_MORE else detail_of(error)
        document: dict[str, Any] = {
            "type": f"{_ERRORS}/{code}",
            "title": title,
            "status": status,
            "detail": f"{first} {more}".strip(),
            "code": code,
            "instance": told.path,
            "requestId": f"req_{told.request_id.rstrip('=')}",
            "timestamp": rfc3339_exact(told.now_ms),
        }
        if status == 400:
            document["errors"] = [
                {"pointer": f"/query/{fault.parameter}", "detail": fault.detail, "code": code}
                for fault in faults_of(error)
            ]
        return Problem(status, PROBLEM, document, headers_for(error, told.now_ms))

    def quota_headers(self, quota: Quota, now_ms: int) -> Mapping[str, str]:
        """`X-RateLimit-*` of what is used up, the reset as a time; nothing as long as none is."""
        if not quota.refused_until_ms:
            return {}
        return {
            "X-RateLimit-Limit": str(quota.exceeded),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": rfc3339_exact(quota.refused_until_ms),
        }

    def _list(self, asked: Asked) -> Answer:
        query = parse_list_query(asked.raw_query)
        return document_answer(Vpses(asked, self._inventory).listed(query))

    def _one(self, asked: Asked) -> Answer:
        Given(asked.raw_query, {}).check()
        vpses = Vpses(asked, self._inventory)
        return document_answer(vpses.payloads([vpses.one()])[0])

    def _metrics(self, asked: Asked) -> Answer:
        query = parse_metrics_query(asked.raw_query, asked.now_ms)
        vps = Vpses(asked, self._inventory).one()
        return document_answer(metrics_document(self._engine, vps, query, self._gb_bytes, asked))
