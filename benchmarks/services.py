"""Services: many of one account, as a provider whose answers are made in memory."""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.fleet import meaning
from benchmarks.traces import DAY_SAMPLES, STEP_SECONDS, loaded, replayed
from local.providers import history
from local.providers.load import Signal
from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.metrics import metric_named
from tributary.provider import Json, Normalised, Progress, Request, Resource
from tributary.windows import FIVE_MINUTES_MS, SECOND_MS, Window

# Every hundredth resource has the same numbers under another name.
VARIANTS = 100
_LOOK_BACK_RESOLUTIONS = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric, where it comes from, and what it is where no trace of it is given: so much of what
    the simulated hosts report of `signal`, in the provider's unit."""

    metric: str
    origin: Origin
    signal: Signal
    share: float = 1.0


_CPU = Measure("cpu.utilization", Origin("cpu", "pct", 0.01), Signal.CPU)
_MEMORY = Measure("memory.utilization", Origin("memory", "pct", 0.01), Signal.MEMORY)
_RECEIVE = Measure(
    "network.receive", Origin("networkIngress", "kbps", 125.0), Signal.NETWORK_RECEIVE, 0.008
)
_TRANSMIT = Measure(
    "network.transmit", Origin("networkEgress", "kbps", 125.0), Signal.NETWORK_TRANSMIT, 0.008
)

TEN_METRICS = (
    _CPU,
    _MEMORY,
    _RECEIVE,
    _TRANSMIT,
    Measure("network.connections", Origin("tcpConnectionsOpen", "count", 1.0), Signal.CONNECTIONS),
    Measure("filesystem.utilization", Origin("diskUsage", "pct", 0.01), Signal.DISK_USED),
    Measure("http.requests", Origin("requests", "rps", 1.0), Signal.REQUESTS, 0.1),
    Measure("http.responses.4xx", Origin("http4xxResponses", "count", 1.0), Signal.CLIENT_ERRORS),
    Measure("http.responses.5xx", Origin("http5xxResponses", "count", 1.0), Signal.SERVER_ERRORS),
    Measure(
        "network.bandwidth", Origin("bandwidth", "kbps", 125.0), Signal.NETWORK_TRANSMIT, 0.008
    ),
)
SIX_METRICS = (
    _CPU,
    _MEMORY,
    _RECEIVE,
    _TRANSMIT,
    Measure("disk.read", Origin("diskReadMbPerSecond", "Mb/s", 1e6), Signal.DISK_READ, 1e-6),
    Measure("disk.write", Origin("diskWriteMbPerSecond", "Mb/s", 1e6), Signal.DISK_WRITE, 1e-6),
)


class Services:
    """`resources` services of one container each, as `tributary.provider.Provider` has it.

    A request's answer is its own window: the samples are made where a real provider's JSON would
    be read, so that neither HTTP nor parsing is in what is measured.
    """

    name = "northflank"
    account = "main"
    parallel_requests = 4

    def __init__(
        self, resources: int, measures: Sequence[Measure] = TEN_METRICS, seconds: int = 10
    ) -> None:
        self.requests = 0
        self.resolution_ms = seconds * SECOND_MS
        self._measures = measures
        self._resources = resources
        for measure in measures:
            _numbers_of(measure)  # Made now, so that it is not in what is measured.

    def discover(self) -> Iterator[Resource]:
        """Every service, a hundred to a request."""
        for number in range(self._resources):
            self.requests += number % 100 == 0
            yield self.resource(number)

    def describe(self, resource: Resource) -> Mapping[str, str]:
        """Region and plan."""
        self.requests += 1
        return {"region": "europe-west", "plan": "nf-compute-20"}

    def plan(self, resource: Resource, progress: Progress | None, end_ms: int) -> Iterable[Request]:
        """One request from three resolutions before the newest sample; a new resource has been
        there for five minutes."""
        start_ms = end_ms - FIVE_MINUTES_MS
        if progress is not None:
            start_ms = progress.newest_ms - _LOOK_BACK_RESOLUTIONS * progress.resolution_ms
        yield Request(resource.id, (), Window(start_ms, end_ms))

    def fetch(self, request: Request) -> Json:
        """The window that was asked for."""
        self.requests += 1
        return [request.window.start_ms, request.window.end_ms]

    def normalise(self, resource: Resource, answer: Json, seen_ms: int) -> Normalised:
        """The samples of the window in an answer."""
        assert isinstance(answer, list)
        start_ms, end_ms = answer
        assert isinstance(start_ms, int)
        assert isinstance(end_ms, int)
        columns = self.columns(number_in(resource.attributes), Window(start_ms, end_ms), seen_ms)
        instance = columns[0].key.instance
        return Normalised(columns, {instance: {"container": instance}})

    def columns(self, number: int, window: Window, seen_ms: int) -> tuple[Column, ...]:
        """What there is of one service in a window, at its own place on the grid."""
        variant = number % VARIANTS
        offset_ms = variant * 97 % self.resolution_ms
        first = -(-(window.start_ms - offset_ms) // self.resolution_ms)
        last = -(-(window.end_ms - offset_ms) // self.resolution_ms)
        times = array(
            "q",
            range(
                first * self.resolution_ms + offset_ms,
                last * self.resolution_ms + offset_ms,
                self.resolution_ms,
            ),
        )
        runs = (Run(len(times), self.resolution_ms, seen_ms),)
        instance = f"web-78b4d4459d-{variant:05}"
        return tuple(
            Column(
                ColumnKey(measure.metric, instance, measure.origin),
                times,
                _numbers(measure, variant * 83 + place * 401 + first, last - first),
                runs,
            )
            for place, measure in enumerate(self._measures)
        )

    def resource(self, number: int) -> Resource:
        """A service as Northflank lists it."""
        service = f"service-{number:05}"
        identity = f"{self.name}/{self.account}/shop/services/{service}"
        payload: dict[str, Json] = {
            "id": service,
            "appId": f"/demo/shop/{service}",
            "projectId": "shop",
            "name": service,
            "description": "One of many services",
            "serviceType": "deployment",
            "disabledCI": True,
            "disabledCD": False,
            "status": {"build": {"status": "SUCCESS"}, "deployment": {"status": "COMPLETED"}},
        }
        attributes = {
            "provider": self.name,
            "account": self.account,
            "project": "shop",
            "kind": "service",
            "resource": identity,
            "name": service,
        }
        return Resource(identity, attributes, payload)


def number_in(attributes: Mapping[str, str]) -> int:
    """Which of all a service is, by its attributes."""
    return int(attributes["name"].rpartition("-")[2])


def _numbers(measure: Measure, first: int, count: int) -> array[float]:
    """So many numbers of a measure from a row on; after its last comes its first again."""
    numbers = _numbers_of(measure)
    first %= len(numbers)
    found = numbers[first : first + count]
    while len(found) < count:
        found += numbers[: count - len(found)]
    return found


@cache
def _numbers_of(measure: Measure) -> array[float]:
    """A day or more of a measure in the model's unit, rounded as a collector does."""
    numbers = _replayed(measure) or _made_up(measure)
    return array("d", metric_named(measure.metric).quantise_all(numbers))


def _replayed(measure: Measure) -> list[float]:
    """The first of the traces in TRACES that are of the metric; nothing where there is none."""
    folder = os.environ.get("TRACES")
    for trace in loaded(Path(folder)) if folder else ():
        metric, factor = meaning(trace.name)
        if metric == measure.metric:
            return [value * factor for value in replayed(trace, DAY_SAMPLES, trace.name)]
    return []


def _made_up(measure: Measure) -> list[float]:
    """A day of a simulated host, to three decimals as the simulators answer."""
    decimals = 0 if measure.origin.unit == "count" else 3
    instants = range(0, DAY_SAMPLES * STEP_SECONDS, STEP_SECONDS)
    sent = [history.value("host", measure.signal, at) * measure.share for at in instants]
    return [round(value, decimals) * measure.origin.factor for value in sent]
