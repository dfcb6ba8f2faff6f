"""HostUp: discovers an account's VPSes and asks for their rolling windows of metrics.

Sources: https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md,
https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md and
https://developer.hostup.se/errors
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

from functions.hostup_collector.normalise import UnitFactors, normalise
from tributary.client import Client, Dialect
from tributary.errors import MalformedAnswerError, UpstreamError
from tributary.provider import Json, Normalised, Progress, Request, Resource
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Window, parse_rfc3339

_LOG = logging.getLogger(__name__)

_VPSES = "/api/v2/vps"
_LIMIT = ("limit", "100")
_LOOK_BACK_RESOLUTIONS = 3
# Windows end at the time of asking, some minutes after the end that is planned for, and a sample
# that is about to leave `hour` must not be missed; so that the hour counts for this much only.
_HOUR_REACH_MS = 50 * MINUTE_MS
_WINDOWS_MS = {"hour": HOUR_MS, "day": DAY_MS}

_IDLE_POWER = frozenset({"stopped", "paused"})
_IDLE_SERVICE = frozenset({"suspended", "terminated", "cancelled", "expired", "fraud"})
# Names under which the payload may say so: the tail of the list item's schema is not documented.
_PLAN_FIELDS = ("plan", "planName", "productName")
_REGION_FIELDS = ("region", "location", "datacenter")


def seconds_until_reset(header: str, now: float) -> float | None:
    """HostUp's `X-RateLimit-Reset`: an ISO time, against the provider's now in Unix seconds."""
    try:
        return max(0.0, parse_rfc3339(header) / SECOND_MS - now)
    except (ValueError, OverflowError):
        return None


DIALECT = Dialect(
    "hostup",
    seconds_until_reset,
    {
        # Still being set up, and a failure behind HostUp: both pass, though a 409 looks final.
        (409, "vps_not_ready"): UpstreamError,
        (409, "upstream_failed"): UpstreamError,
    },
)


class Hostup:
    """One HostUp account, as `tributary.provider.Provider` has it; HostUp knows no teams."""

    name = "hostup"
    # The limit is not documented, so few at a time.
    parallel_requests = 2

    def __init__(
        self,
        client: Client,
        account: str,
        team: str | None = None,
        units: UnitFactors | None = None,
    ) -> None:
        self.account = account
        self._client = client
        self._units = units or UnitFactors()
        if team:
            _LOG.warning(
                "the hostup account %s has a team: HostUp has none, so it is unused", account
            )

    @property
    def requests(self) -> int:
        """How many requests have been sent."""
        return self._client.requests

    def discover(self) -> Iterator[Resource]:
        """Every VPS of the account, pay-as-you-go or not."""
        for page in self._client.pages(_VPSES, [_LIMIT], _next_cursor):
            items = page.get("data")
            if not isinstance(items, list):
                raise MalformedAnswerError(f"hostup answered GET {_VPSES} without a list in data")
            for item in items:
                if isinstance(item, dict) and _text(item.get("id")):
                    yield self._resource(item)
                else:
                    _LOG.warning("an item of GET %s left out: it has no id", _VPSES)

    def describe(self, resource: Resource) -> Mapping[str, str]:
        """Nothing: what there is to know stands in the list."""
        return {}

    def plan(self, resource: Resource, progress: Progress | None, end_ms: int) -> Iterable[Request]:
        """`hour` where it reaches back to three resolutions before the newest sample; else `day`,
        for what it still holds, and then `hour`, whose samples may be finer.

        A stopped VPS has nothing between its last sample and now: `hour` says so as well as `day`.
        """
        reach_ms = DAY_MS
        if progress is not None:
            look_back_ms = _LOOK_BACK_RESOLUTIONS * progress.resolution_ms
            reach_ms = end_ms - (progress.newest_ms - look_back_ms)
        if progress is not None and resource.idle:
            reach_ms = 0
        for timeframe in ("hour",) if reach_ms <= _HOUR_REACH_MS else ("day", "hour"):
            window = Window(end_ms - _WINDOWS_MS[timeframe], end_ms)
            path = f"{_VPSES}/{self._native(resource)}/metrics"
            yield Request(path, (("timeframe", timeframe),), window)

    def fetch(self, request: Request) -> Json:
        """The answer of a VPS's metrics."""
        return self._client.get(request.path, request.parameters)

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """The answer's samples, with its summary checked against them."""
        return normalise(answer, unquote(self._native(resource)), self._units, seen_ms)

    def _resource(self, item: Mapping[str, Json]) -> Resource:
        vps = _text(item.get("id"))
        identity = f"{self.name}/{self.account}/{quote(vps, safe='')}"
        attributes = {
            "provider": self.name,
            "account": self.account,
            "kind": "vps",
            "resource": identity,
            "name": _text(item.get("name")) or vps,
        }
        for attribute, fields in (("plan", _PLAN_FIELDS), ("region", _REGION_FIELDS)):
            named = next(filter(None, (_label(item.get(field)) for field in fields)), "")
            if named:
                attributes[attribute] = named
        tags = item.get("tags")
        for tag in tags if isinstance(tags, list) else ():
            if label := _label(tag):
                attributes[f"tag.{label}"] = "true"
        idle = (
            _text(item.get("powerState")) in _IDLE_POWER
            or _text(item.get("serviceStatus")) in _IDLE_SERVICE
        )
        return Resource(identity, attributes, item, idle)

    def _native(self, resource: Resource) -> str:
        return resource.id.removeprefix(f"{self.name}/{self.account}/")


def _next_cursor(page: Mapping[str, Json]) -> str | None:
    """The next page's cursor; a null or empty one is none, and `hasMore: false` ends it too."""
    cursor = page.get("nextCursor")
    return cursor if isinstance(cursor, str) and page.get("hasMore") is not False else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _label(value: Json) -> str:
    """A name given as text or as an object that has one."""
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)
