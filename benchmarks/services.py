"""Services: many of one account, as a provider whose answers are made in memory."""

import os
from array import array
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.fleet import meaning
from benchmarks.traces import DAY_SAMPLES, STEP_SECONDS, loaded, replayed
from local.providers import history
from local.providers.load import Signal
from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.metrics import metric_named
from tributary.provider import Details, Json, Normalised, Request, Resource
from tributary.windows import SECOND_MS, Window

# Every hundredth resource has the same numbers under another name.
VARIANTS = 100


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
    be read, so that neither HTTP nor parsing is in what is measured. There is no history from
    before what is current, so that collecting is steady from the second run on.
    """

    name = "northflank"
    account = "main"
    parallel_requests = 4
    clock_offset_ms = 0
    projects = None
    reach_ms: int | None = None

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

    def describe(self, resource: Resource) -> Details:
        """Region and plan."""
        self.requests += 1
        return Details({"region": "europe-west", "plan": "nf-compute-20"})

    def current(self, resource: Resource, wanted: Window) -> Request:
        """One request for all of it."""
        return Request(resource.native, (), wanted)

    def missing(self, resource: Resource, gap: Window, now_ms: int) -> Request:
        """One request for all of it."""
        return Request(resource.native, (), gap)

    def older(self, resource: Resource, before_ms: int, empty_ms: int, now_ms: int) -> None:
        """Nothing: the services are as old as the first run."""

    def ended(
        self, resource: Resource, window: Window, alive: Set[str] | None, answered: Set[str]
    ) -> Iterator[Request]:
        """None: every service keeps its container."""
        return iter(())

    def ranged(self, request: Request, window: Window) -> Request:
        """The same for another window."""
        return Request(request.path, request.parameters, window)

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
        native = f"shop/services/{service}"
        identity = f"{self.name}/{self.account}/{native}"
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
        return Resource(identity, native, attributes, payload)


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
