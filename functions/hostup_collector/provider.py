"""HostUp: discovers an account's VPSes and asks for their rolling windows of metrics.

Sources: https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md,
https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md and
https://developer.hostup.se/errors
"""

import logging
from collections.abc import Iterator, Mapping, Set
from urllib.parse import quote, unquote

from functions.hostup_collector.normalise import UnitFactors, normalise
from functions.hostup_collector.timeframe import HOUR, Timeframe, before, newest_of
from tributary.client import Client, Dialect
from tributary.errors import MalformedAnswerError, UpstreamError
from tributary.provider import Details, Json, Normalised, Request, Resource
from tributary.windows import SECOND_MS, Window, parse_rfc3339

_LOG = logging.getLogger(__name__)

_VPSES = "/api/v2/vps"
_LIMIT = ("limit", "100")

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
    # One-minute samples are served in `hour` alone.
    reach_ms: int | None = HOUR.length_ms
    projects = None

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

    @property
    def clock_offset_ms(self) -> int:
        """How far HostUp's clock is ahead of this machine's."""
        return self._client.clock_offset_ms

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

    def describe(self, resource: Resource) -> Details:
        """Nothing: what there is to know stands in the list, and ids are not used again."""
        return Details({})

    def current(self, resource: Resource, wanted: Window) -> Request | None:
        """`hour`, for as much of what is wanted as it is sure to reach."""
        window = wanted.common(Window(HOUR.reached(wanted.end_ms), wanted.end_ms))
        return _request(resource, HOUR, window) if window.length_ms else None

    def missing(self, resource: Resource, gap: Window, now_ms: int) -> Request | None:
        """The gap's newest part, since that is what has the finest samples left, and what will
        soon have coarser ones: by the smallest timeframe that reaches it."""
        return _request(resource, *newest_of(gap, now_ms))

    def older(
        self, resource: Resource, before_ms: int, empty_ms: int, now_ms: int
    ) -> Request | None:
        """The smallest timeframe that reaches further back; the last is `year`."""
        found = before(before_ms, now_ms)
        return _request(resource, *found) if found else None

    def ended(
        self, resource: Resource, window: Window, alive: Set[str] | None, answered: Set[str]
    ) -> Iterator[Request]:
        """None: a VPS is its only instance."""
        return iter(())

    def ranged(self, request: Request, window: Window) -> None:
        """Nothing: HostUp takes no ranges."""

    def fetch(self, request: Request) -> Json:
        """The answer of a VPS's metrics."""
        return self._client.get(request.path, request.parameters)

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """The answer's samples, with its summary checked against them."""
        return normalise(answer, unquote(resource.native), self._units, seen_ms)

    def _resource(self, item: Mapping[str, Json]) -> Resource:
        vps = _text(item.get("id"))
        # `~` sets a resource's later lives apart, so no id may hold one.
        native = quote(vps, safe="").replace("~", "%7E")
        identity = f"{self.name}/{self.account}/{native}"
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
        return Resource(identity, native, attributes, item, idle)


def _request(resource: Resource, timeframe: Timeframe, window: Window) -> Request:
    path = f"{_VPSES}/{resource.native}/metrics"
    return Request(path, (("timeframe", timeframe.name),), window)


def _next_cursor(page: Mapping[str, Json]) -> str | None:
    """The next page's cursor; a null or empty one is none, and `hasMore: false` ends it too."""
    cursor = page.get("nextCursor")
    return cursor if isinstance(cursor, str) and page.get("hasMore") is not False else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _label(value: Json) -> str:
    """A name given as text or as an object that has one."""
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)
