"""A simulated HostUp and Northflank over real HTTP, and runs over them by the real adapters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3

from functions.hostup_collector.provider import DIALECT as HOSTUP
from functions.hostup_collector.provider import Hostup
from functions.northflank_collector.provider import DIALECT as NORTHFLANK
from functions.northflank_collector.provider import Northflank
from local.providers import HostupSimulator, NorthflankSimulator, serve
from local.providers.hostup_timeframes import TIMEFRAMES
from tests.layer.put_metric_data import CloudWatch
from tests.layer.samples import TEN
from tests.layer.world import World
from tests.local.simulated_machine import KnownLoad
from tributary.account_run import AccountRun
from tributary.allowance import Allowance
from tributary.choice import Choice, everything
from tributary.client import Client
from tributary.columns import Column
from tributary.credentials import Credentials
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.pace import Pace
from tributary.provider import Provider
from tributary.publisher import Publisher, PublishRules
from tributary.registry import Entry, Registry, Shard
from tributary.report import Report
from tributary.request_budget import RequestLimit
from tributary.retention import Retention
from tributary.run_record import Run, RunRecords, Wanted
from tributary.series_quota import DEFAULT_NEW_SERIES
from tributary.state import Collected, States
from tributary.store import Store
from tributary.table import Table
from tributary.windows import HOUR_MS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = "a-token-that-nobody-may-log"
WEB_1 = "hostup/main/vps_01jc4w8e2m5k9r3t7y1a6d0f4h"
WEB_2 = "hostup/main/vps_01jc4w8e2n6p0s4v8x2b7e1g5j"
BACKUP = "hostup/main/vps_01jc4w8e2p7q1t5w9y3c8f2h6k"
STAGING = "hostup/main/vps_01jc4w8e2q8r2v6x0z4d9g3j7m"
DEFAULT_RULES = PublishRules(
    frozenset({"cpu.utilization", "memory.utilization", "http.requests", "http.responses.5xx"}),
    3 * HOUR_MS,
)

# So many requests that a budget of them stands in no test's way.
PLENTY = RequestLimit(10**6, 3600)
# What is past a day is empty, which spares the tests much time.
A_DAY = (
    *TIMEFRAMES[:2],
    *(replace(timeframe, samples=0) for timeframe in TIMEFRAMES[2:]),
)

ADAPTERS: Mapping[str, type[Hostup] | type[Northflank]] = {
    "hostup": Hostup,
    "northflank": Northflank,
}


class Door:
    """A WSGI app before a provider: notes what is asked, and answers some of it with an error.

    While it is `silent`, Northflank's answers hold no samples.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self.asked: list[str] = []
        self.broken: dict[str, int] = {}
        self.silent = False
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        asked = f"{path}?{environ['QUERY_STRING']}"
        self.asked.append(asked)
        for part, status in self.broken.items():
            if part in asked:
                start_response(f"{status} Broken", [("Content-Length", "0")])
                return []
        if self.silent and path.endswith("/metrics"):
            body = b'{"data": {}}'
            start_response("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        return self._app(environ, start_response)

    def metrics_asked(self, resource: str = "") -> int:
        """How many requests for metrics there were."""
        return sum("/metrics?" in one and resource in one for one in self.asked)


class Fleet:
    """One simulated provider, its door, and runs over its account `main` into a world's table."""

    def __init__(
        self,
        world: World,
        name: str,
        url: str,
        door: Door,
        simulator: HostupSimulator | NorthflankSimulator,
    ) -> None:
        self.world, self.name, self.url, self.door = world, name, url, door
        self.simulator: Any = simulator  # either, whose fleets tests exchange
        self.served = simulator.served
        self.cloudwatch_client = boto3.client("cloudwatch")
        self.cloudwatch = CloudWatch(self.cloudwatch_client, world.clock)

    def connect(
        self,
        credentials: Credentials,
        allowance: Allowance | None = None,
        deadline: float = float("inf"),
        clock: Callable[[], float] = lambda: 0.0,
    ) -> Provider:
        """The real adapter, whose pauses cost no time."""
        dialect = {"hostup": HOSTUP, "northflank": NORTHFLANK}[self.name]
        client = Client(
            self.url, credentials, dialect, allowance=allowance,
            deadline=deadline, clock=clock, wall_clock=self.world.clock, sleep=lambda _: None,
        )  # fmt: skip
        return ADAPTERS[self.name](client, "main")

    def account_run(
        self,
        table: Table,
        rules: PublishRules = DEFAULT_RULES,
        fresh: bool = False,
        new_series: int = DEFAULT_NEW_SERIES,
        choice: Choice = everything,
    ) -> AccountRun:
        """A run over a table at the world's time."""
        clock = self.world.clock
        return AccountRun(
            Store(table, Retention.of_days(7, 60, 1825), clock), Registry(table), States(table),
            Hours(table), Inventory(table), Publisher(self.cloudwatch_client, rules),
            Pace(60_000, fresh), new_series, clock, choice,
        )  # fmt: skip

    def run(
        self,
        minutes: float | None = None,
        rules: PublishRules = DEFAULT_RULES,
        fresh: bool = False,
        requests: float = float("inf"),
        token: str = TOKEN,
        limit: RequestLimit = PLENTY,
        new_series: int = DEFAULT_NEW_SERIES,
        slot_ms: int | None = None,
        choice: Choice = everything,
    ) -> Report:
        """Collects as scheduled so many minutes after 10:00, or for the time that it is.

        It may send no more than so many requests: they are what its deadline is counted in then.
        Otherwise it has four minutes of the world's time, in which only waiting passes any.
        """
        if minutes is not None:
            self.world.now = TEN / 1000 + minutes * 60
        asked = len(self.door.asked)

        def clock() -> float:
            if requests == float("inf"):
                return self.world.now
            return min(len(self.door.asked) - asked, requests)

        def sleep(seconds: float) -> None:
            self.world.now += seconds

        now_ms = int(self.world.now * 1000)
        credentials, account = Credentials(token), f"{self.name}/main"
        records = RunRecords(self.world.table, self.world.clock, sleep)

        def begin(wanted: Wanted) -> Run | None:
            until_ms = now_ms + 240_000
            return records.begin(account, f"run at {now_ms}", until_ms, limit, token, wanted)

        def connect(allowance: Allowance) -> tuple[Provider, Credentials]:
            deadline = min(requests + 0.5, self.world.now + 240)
            return self.connect(credentials, allowance, deadline, clock), credentials

        run = self.account_run(self.world.table, rules, fresh, new_series, choice)
        return run.collect(account, now_ms if slot_ms is None else slot_ms, begin, connect)

    def state(self, resource: str) -> Collected:
        """What is known of a resource."""
        states = States(self.world.table).of_shards(self.shards())
        (found,) = [one.resources[resource] for one in states if resource in one.resources]
        return found

    def entry(self, resource: str) -> Entry:
        """What queries see of a resource."""
        (found,) = [shard.entries[resource] for shard in self.shards() if resource in shard.entries]
        return found

    def shards(self) -> list[Shard]:
        """The account's shards."""
        return Registry(self.world.table).shards_of(f"{self.name}/main")

    def stored(self, resource: str) -> list[Column]:
        """All samples of a resource."""
        return self.world.read(-2 * 86_400, 86_400, resource)

    def datums(self, resource: str, metric: str = "cpu.utilization") -> list[dict[str, Any]]:
        """What CloudWatch was sent of a resource's metric."""
        return [
            datum
            for datum in self.cloudwatch
            if datum["Dimensions"][2]["Value"] == resource and datum["MetricName"] == metric
        ]

    def minutes_sent(self, resource: str, metric: str = "cpu.utilization") -> list[float]:
        """Minutes after 10:00 that CloudWatch was told about, in the order of telling."""
        return [
            (datum["Timestamp"].timestamp() - TEN / 1000) / 60
            for datum in self.datums(resource, metric)
        ]


@contextmanager
def fleet(world: World, name: str, **options: Any) -> Iterator[Fleet]:
    """A provider that is simulated until left, all of whose samples are made up, by time alone.

    HostUp remembers a day, and Northflank two hours, unless the simulator's options say otherwise.
    """
    made_up = KnownLoad(live_from=TEN // 1000 + 10 * 86_400)
    known = {"clock": world.clock, "load": made_up, **_DEFAULTS[name], **options}
    app = _SIMULATORS[name](TOKEN, **known)
    door = Door(app)
    with serve(door) as server:
        yield Fleet(world, name, server.url, door, app)


_SIMULATORS: Mapping[str, Callable[..., HostupSimulator | NorthflankSimulator]] = {
    "hostup": HostupSimulator,
    "northflank": NorthflankSimulator,
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hostup": {"requests_per_minute": 10**6, "timeframes": A_DAY},
    "northflank": {"requests_per_hour": 10**6, "retention_seconds": 7200},
}
