"""A simulated HostUp: its VPS inventory and metrics API, paging, rate limit and problem documents.

https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local.providers.answer import Refused, is_authorised, json_response, refusal_of
from local.providers.backstage import backstage
from local.providers.hostup_fleet import VPSES, Vps
from local.providers.hostup_metrics import metrics_answer, timeframe_named
from local.providers.ledger import Ledger
from local.providers.load import LoadSource, MachineLoad
from local.providers.paging import number, page_of, start_of
from local.providers.request_budget import RequestBudget, Standing
from local.providers.timeline import Timeline
from local.providers.times import written
from local.providers.traffic import Traffic

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

type Json = dict[str, Any]

# The route's own default is not documented; its siblings' is 20.
DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
# How many requests the real one allows, and in what time, is not documented.
WINDOW_SECONDS = 60

INVALID = "invalid_request"
TITLES = {
    INVALID: "Invalid request",
    "unauthorized": "Unauthorized",
    "not_found": "Not found",
    "method_not_allowed": "Method not allowed",
    "rate_limit_exceeded": "Too many requests",
}


class HostupSimulator:
    """A WSGI app that answers as `https://cloud.hostup.se` does, to one API key.

    Values before its start are made up, later ones come from `load` (by default this machine's,
    sampled by a thread of its own). `largest_page` below 100 makes it page through its few
    items. What it handed out is in `served`.
    """

    def __init__(
        self,
        token: str = "hostup-demo-token",
        *,
        clock: Callable[[], float] = time.time,
        load: LoadSource | None = None,
        requests_per_minute: int = 120,
        largest_page: int = LARGEST_LIMIT,
    ) -> None:
        self.served = Ledger()
        self._token = token
        self._clock = clock
        self._largest_page = largest_page
        self._started = int(clock())
        self._budget = RequestBudget(requests_per_minute, WINDOW_SECONDS)
        # a VPS shows nothing of the local front's traffic
        self._timeline = Timeline(load or MachineLoad(clock), Traffic(clock))
        self._request_numbers = itertools.count(1)
        self._routes = Map(
            [
                Rule("/api/v2/vps", endpoint=self.list_vpses, methods=["GET"]),
                Rule("/api/v2/vps/<vps_id>", endpoint=self.get_vps, methods=["GET"]),
                Rule("/api/v2/vps/<vps_id>/metrics", endpoint=self.get_metrics, methods=["GET"]),
            ]
        )

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        response = backstage(request, self.served) or self._answer(request)
        response.date = datetime.fromtimestamp(self._clock(), UTC)
        return response(environ, start_response)

    def list_vpses(self, request: Request) -> Json:
        """`GET /api/v2/vps`, by exact `primaryIp` and exact `name` in any case."""
        args = request.args
        found = [
            vps
            for vps in VPSES
            if args.get("primaryIp", vps.primary_ip) == vps.primary_ip
            and args.get("name", vps.name).casefold() == vps.name.casefold()
        ]
        size = min(number(args, "limit", DEFAULT_LIMIT, LARGEST_LIMIT, INVALID), self._largest_page)
        start = start_of(args["cursor"], INVALID) if "cursor" in args else 0
        page = page_of(found, start, size)
        return {
            "data": [_item(vps) for vps in page.items],
            "hasMore": page.next_cursor is not None,
            "nextCursor": page.next_cursor,
        }

    def get_vps(self, request: Request, vps_id: str) -> Json:
        """`GET /api/v2/vps/{id}`: the item of the list."""
        return _item(_vps(vps_id))

    def get_metrics(self, request: Request, vps_id: str) -> Json:
        """`GET /api/v2/vps/{id}/metrics`; entered in the ledger under the VPS's id."""
        vps = _vps(vps_id)
        timeframe = timeframe_named(request.args.get("timeframe", "hour"))
        now = self._clock()
        return metrics_answer(vps, timeframe, self._timeline, self._started, now, self.served)

    def _answer(self, request: Request) -> Response:
        standing = self._budget.spend(self._clock())
        try:
            return json_response(self._routed(request, standing))
        except Refused as error:
            response = self._problem(request, error)
        except HTTPException as error:
            response = self._problem(request, refusal_of(error, "_"))
        if response.status_code == 429:
            response.headers.update(_limit_headers(standing, self._clock()))
        return response

    def _routed(self, request: Request, standing: Standing) -> Json:
        if not is_authorised(request, self._token):
            raise Refused(401, "unauthorized", "Authentication is required.")
        if not standing.allowed:
            detail = "Too many requests. Retry after the limit resets."
            raise Refused(429, "rate_limit_exceeded", detail)
        endpoint, parts = self._routes.bind_to_environ(request.environ).match()
        answer: Json = endpoint(request, **parts)
        return answer

    def _problem(self, request: Request, refused: Refused) -> Response:
        """An RFC 7807 document, https://developer.hostup.se/errors."""
        problem: Json = {
            "type": f"https://developer.hostup.se/errors/{refused.code}",
            "title": TITLES.get(refused.code, refused.code),
            "status": refused.status,
            "detail": refused.message,
            "code": refused.code,
            "instance": request.path,
            "requestId": f"req_{next(self._request_numbers):026d}",
            "timestamp": written(int(self._clock() * 1000)),
        }
        if refused.parameter is not None:
            error = {"pointer": f"/{refused.parameter}", "detail": refused.message}
            problem["errors"] = [error | {"code": refused.code}]
        return json_response(problem, refused.status, "application/problem+json")


def _vps(vps_id: str) -> Vps:
    for vps in VPSES:
        if vps.id == vps_id:
            return vps
    raise Refused(404, "not_found", "The requested resource could not be found.")


def _item(vps: Vps) -> Json:
    return {
        "id": vps.id,
        "name": vps.name,
        "primaryIp": vps.primary_ip,
        "serviceStatus": "active",
        "powerState": "running" if vps.stopped_seconds_before_start is None else "stopped",
        "operatingSystem": {
            "displayName": "Debian 13",
            "family": "debian",
            "version": "13",
            "variant": None,
        },
        "billing": {
            "amount": 49.0 * vps.cores,
            "currencyCode": "SEK",
            "billingCycle": None if vps.is_payg else "monthly",
            "isPayg": vps.is_payg,
            "periodYears": None,
        },
        "resources": {
            "cpuCores": vps.cores,
            "memoryGb": vps.memory_gb,
            "storageGb": vps.storage_gb,
        },
    }


def _limit_headers(standing: Standing, now: float) -> dict[str, str]:
    """https://developer.hostup.se/errors/rate_limit_exceeded: the reset is a time, not seconds."""
    return {
        "Retry-After": str(math.ceil(standing.resets_at - now)),
        "X-RateLimit-Limit": str(standing.limit),
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": written(math.ceil(standing.resets_at * 1000)),
    }
