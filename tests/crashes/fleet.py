"""The fleet that is collected under kills: services and VPSes that there are since 22:50."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from local.providers import HostupSimulator, NorthflankSimulator
from tests.local.simulated_machine import KnownLoad

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = "a-token-that-nobody-may-log"
# Saturday 2026-11-21T23:00:00Z; what was measured before `_SINCE` nobody knows any more, but for
# the half-hours of the VPS: too few would be taken for minutes with holes.
STARTED = 1_795_302_000
_SINCE, _COARSE_SINCE = "2026-11-21T22:50", "2026-11-21T20:30"
# 23:45, so that what was registered in the first runs changes.
_RENAMED = STARTED + 2700
# Enough for what instances have and what a service has, published and not.
_METRICS = ("cpu", "memory", "networkIngress", "requests", "bandwidth")


@dataclass(frozen=True, slots=True)
class Fleet:
    """Which of the simulated services and how many of the VPSes there are."""

    services: tuple[str, ...]
    vpses: int


SMALL = Fleet(("api",), 1)  # its two containers, and totals
WIDE = Fleet(("api", "storefront", "search"), 3)

_MADE_UP = KnownLoad(live_from=STARTED + 10 * 86_400)

type Json = dict[str, Any]
# By what was asked and when. Answers are made up by time alone, so each is made up once.
_answers: dict[tuple[str, int], Json] = {}


class Clock:
    """The time of the simulators, of AWS and of the runs, which stands until it is set."""

    def __init__(self) -> None:
        self.now = float(STARTED)

    def __call__(self) -> float:
        return self.now


class Northflank(NorthflankSimulator):
    """The simulated Northflank, of which the fleet's services are left."""

    def __init__(self, clock: Clock, fleet: Fleet) -> None:
        super().__init__(TOKEN, clock=clock, load=_MADE_UP)
        self.clock, self.fleet = clock, fleet

    def list_projects(self, request: Request) -> Json:
        """The project of the services."""
        return _only(super().list_projects(request), "projects", ("shop",))

    def list_workloads(self, request: Request, project: str, kind: str) -> Json:
        """The services, or no addons and jobs."""
        wanted = self.fleet.services if kind == "services" else ()
        page = _only(super().list_workloads(request, project, kind), kind, wanted)
        return page | {"data": {kind: [_named(one, self.clock) for one in page["data"][kind]]}}

    def get_metrics(self, request: Request, project: str, kind: str, workload: str) -> Json:
        """What the containers, and the service as a whole, have measured."""
        asked = request.full_path, int(self.clock.now)
        if asked not in _answers:
            answer = super().get_metrics(request, project, kind, workload)
            _answers[asked] = {
                "data": {
                    name: metric | {"values": _brief(metric["values"])}
                    for name, metric in answer["data"].items()
                    if name in _METRICS
                }
            }
        return _answers[asked]


class Hostup(HostupSimulator):
    """The simulated HostUp, of which the fleet's VPSes are left."""

    def __init__(self, clock: Clock, fleet: Fleet) -> None:
        super().__init__(TOKEN, clock=clock, load=_MADE_UP)
        self.clock, self.fleet = clock, fleet

    def list_vpses(self, request: Request) -> Json:
        """The first VPSes."""
        page = super().list_vpses(request)
        left = page["data"][: self.fleet.vpses]
        return page | {"data": [_named(one, self.clock) for one in left]}

    def get_metrics(self, request: Request, vps_id: str) -> Json:
        """What a VPS has measured; a summary would be about more than that."""
        asked = request.full_path, int(self.clock.now)
        if asked not in _answers:
            answer = super().get_metrics(request, vps_id)
            since = _SINCE if answer["timeframe"] == "hour" else _COARSE_SINCE
            samples = [one for one in answer["samples"] if one["recordedAt"] >= since]
            nothing = dict.fromkeys(answer["summary"])
            _answers[asked] = answer | {"samples": samples, "summary": nothing}
        return _answers[asked]


class Door:
    """A WSGI app before a simulator that is made anew whenever the world is put back."""

    def __init__(self, provider: str, clock: Clock, fleet: Fleet) -> None:
        self._simulator, self._clock, self._fleet = _SIMULATORS[provider], clock, fleet
        self.reset(())

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def reset(self, asked: Sequence[float]) -> None:
        """A simulator that was asked at these times (Unix seconds), which its limit counts."""
        now, self._clock.now = self._clock.now, STARTED
        self._app: WSGIApplication = self._simulator(self._clock, self._fleet)
        for self._clock.now in asked:
            # Refused for want of a token, and counted.
            self._app(create_environ("/"), lambda status, headers, error=None: _written)
        self._clock.now = now


_SIMULATORS: Mapping[str, Callable[[Clock, Fleet], "WSGIApplication"]] = {
    "northflank": Northflank,
    "hostup": Hostup,
}


def _written(piece: bytes) -> None:
    """Takes no part of an answer."""


def _only(page: Json, kind: str, wanted: Container[str]) -> Json:
    items = [one for one in page["data"][kind] if one["id"] in wanted]
    return page | {"data": {kind: items}}


def _named(item: Json, clock: Clock) -> Json:
    """An item of a list, under its new name once everything has been renamed."""
    return item | {"name": f"new {item['name']}"} if clock.now >= _RENAMED else item


def _brief(values: Iterable[Json]) -> list[Json]:
    """What containers have measured since the fleet began, of those that had not ended."""
    brief = []
    for entry in values:
        data = [one for one in entry["data"] if one["ts"] >= _SINCE]
        if data:
            brief.append(entry | {"data": data})
    return brief
