"""A simulated HostUp: its VPS inventory and metrics API, paging, rate limit and problem documents.

https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local.providers.answer import (
    Refused,
    is_authorised,
    is_delivered,
    json_response,
    raise_injected,
    refusal_of,
)
from local.providers.backstage import backstage
from local.providers.hostup_errors import INVALID, problem
from local.providers.hostup_fleet import Vps, demo_vpses
from local.providers.hostup_inventory import vps_item
from local.providers.hostup_metrics import Metering
from local.providers.hostup_timeframes import TIMEFRAMES, Timeframe, timeframe_named
from local.providers.ledger import Ledger, ServedSample
from local.providers.load import LoadSource, MachineLoad
from local.providers.paging import number, page_of, start_of
from local.providers.request_budget import RequestBudget, Standing
from local.providers.settling import Provisional, Settling
from local.providers.timeline import Timeline
from local.providers.traffic import Traffic

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

type Json = dict[str, Any]

# The route's own default is not documented; its siblings' is 20.
DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
# How many requests the real one allows, and in what time, is not documented.
WINDOW_SECONDS = 60


class HostupSimulator:
    """A WSGI app that answers as `https://cloud.hostup.se` does, to one API key.

    Values before its start are made up, later ones come from `load` (by default this machine's,
    sampled by a thread of its own). `largest_page` below 100 makes it page through its few
    items; `late` and `revised` say which of the newest samples settle only later.

    What it handed out is in `served`, which requests it received in `budget`. `vpses` and `token`
    may be set to others while it runs.
    """

    def __init__(
        self,
        token: str = "hostup-demo-token",
        *,
        vpses: Sequence[Vps] | None = None,
        timeframes: Sequence[Timeframe] = TIMEFRAMES,
        clock: Callable[[], float] = time.time,
        load: LoadSource | None = None,
        requests_per_minute: int = 120,
        largest_page: int = LARGEST_LIMIT,
        late: Provisional | None = None,
        revised: Provisional | None = None,
        seed: int = 0,
        served: Ledger | None = None,
    ) -> None:
        started = int(clock())
        self.token = token
        self.vpses = demo_vpses(started) if vpses is None else vpses
        self.served = Ledger() if served is None else served
        self.budget = RequestBudget(requests_per_minute, WINDOW_SECONDS)
        self._timeframes = timeframes
        self._clock = clock
        self._largest_page = largest_page
        # a VPS shows nothing of the local front's traffic
        timeline = Timeline(load or MachineLoad(clock), Traffic(clock))
        self._metering = Metering(timeline, Settling(started, late, revised, seed))
        self._refusal_numbers = itertools.count(1)
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

    def available(
        self, start_ms: int, end_ms: int, vps_id: str | None = None
    ) -> Iterator[ServedSample]:
        """All samples in [start, end), of every timeframe, that it would serve if asked now.

        Of one VPS or of all; nothing is asked for it, spent or noted.
        """
        now = self._clock()
        for vps in self._existing():
            if vps_id not in (None, vps.id):
                continue
            steps = {step for each in self._timeframes for step in each.steps(now)}
            within = [step for step in sorted(steps) if start_ms <= step[0] * 1000 < end_ms]
            yield from self._metering.samples(vps, within, now)

    def list_vpses(self, request: Request) -> Json:
        """`GET /api/v2/vps`, by exact `primaryIp` and exact `name` in any case."""
        args = request.args
        found = [
            vps
            for vps in self._existing()
            if args.get("primaryIp", vps.primary_ip) == vps.primary_ip
            and args.get("name", vps.name).casefold() == vps.name.casefold()
        ]
        size = min(number(args, "limit", DEFAULT_LIMIT, LARGEST_LIMIT, INVALID), self._largest_page)
        start = start_of(args["cursor"], INVALID) if "cursor" in args else 0
        page = page_of(found, start, size)
        return {
            "data": [vps_item(vps, self._clock()) for vps in page.items],
            "hasMore": page.next_cursor is not None,
            "nextCursor": page.next_cursor,
        }

    def get_vps(self, request: Request, vps_id: str) -> Json:
        """`GET /api/v2/vps/{id}`: the item of the list."""
        return vps_item(self._vps(vps_id), self._clock())

    def get_metrics(self, request: Request, vps_id: str) -> Json:
        """`GET /api/v2/vps/{id}/metrics`; entered in the ledger under the VPS's id."""
        vps = self._vps(vps_id)
        timeframe = timeframe_named(request.args.get("timeframe", "hour"), self._timeframes)
        served = self.served if is_delivered(request) else None
        return self._metering.answer(vps, timeframe, self._clock(), served)

    def _existing(self) -> list[Vps]:
        now = self._clock()
        return [vps for vps in self.vpses if vps.exists_at(now)]

    def _vps(self, vps_id: str) -> Vps:
        for vps in self._existing():
            if vps.id == vps_id:
                return vps
        raise Refused(404, "not_found", "The requested resource could not be found.")

    def _answer(self, request: Request) -> Response:
        standing = self.budget.spend(self._clock())
        try:
            return json_response(self._routed(request, standing))
        except Refused as error:
            refused = error
        except HTTPException as error:
            refused = refusal_of(error, "_")
        which = next(self._refusal_numbers)
        return problem(refused, request.path, which, standing, self._clock())

    def _routed(self, request: Request, standing: Standing) -> Json:
        if not is_authorised(request, self.token):
            raise Refused(401, "unauthorized", "Authentication is required.")
        if not standing.allowed:
            detail = "Too many requests. Retry after the limit resets."
            raise Refused(429, "rate_limit_exceeded", detail)
        raise_injected(request)
        endpoint, parts = self._routes.bind_to_environ(request.environ).match()
        answer: Json = endpoint(request, **parts)
        return answer
