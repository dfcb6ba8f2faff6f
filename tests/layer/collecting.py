"""A simulated HostUp and Northflank over real HTTP, and runs over them by the real adapters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from functions.hostup_collector.provider import DIALECT as HOSTUP
from functions.hostup_collector.provider import Hostup
from functions.northflank_collector.provider import DIALECT as NORTHFLANK
from functions.northflank_collector.provider import Northflank
from local.providers import HostupSimulator, Ledger, NorthflankSimulator, serve
from tests.layer.put_metric_data import CloudWatch
from tests.layer.samples import TEN
from tests.layer.world import World
from tests.local.simulated_machine import KnownLoad
from tributary.account_run import AccountRun, Pace
from tributary.accounts import Account
from tributary.client import Client
from tributary.columns import Column
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.provider import Provider
from tributary.publisher import Publisher, PublishRules
from tributary.registry import Entry, Registry, Shard
from tributary.report import Report
from tributary.retention import Retention
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
        self.asked.append(f"{path}?{environ['QUERY_STRING']}")
        for part, status in self.broken.items():
            if part in path:
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

    def __init__(self, world: World, name: str, url: str, door: Door, served: Ledger) -> None:
        self.world, self.name, self.url, self.door, self.served = world, name, url, door, served
        self.cloudwatch_client = boto3.client("cloudwatch")
        self.cloudwatch = CloudWatch(self.cloudwatch_client, world.clock)

    def connect(
        self,
        account: Account,
        deadline: float = float("inf"),
        clock: Callable[[], float] = lambda: 0.0,
    ) -> Provider:
        """The real adapter, whose pauses cost no time."""
        dialect = {"hostup": HOSTUP, "northflank": NORTHFLANK}[self.name]
        client = Client(
            self.url, account.token, dialect,
            deadline=deadline, clock=clock, wall_clock=self.world.clock, sleep=lambda _: None,
        )  # fmt: skip
        return ADAPTERS[self.name](client, account.name)

    def account_run(
        self, table: Table, rules: PublishRules = DEFAULT_RULES, fresh: bool = False
    ) -> AccountRun:
        """A run over a table at the world's time."""
        clock = self.world.clock
        return AccountRun(
            Store(table, Retention.of_days(7, 60, 1825), clock), Registry(table), States(table),
            Hours(table), Inventory(table), Publisher(self.cloudwatch_client, rules),
            Pace(60_000, fresh), clock,
        )  # fmt: skip

    def run(
        self,
        minutes: float | None = None,
        rules: PublishRules = DEFAULT_RULES,
        fresh: bool = False,
        requests: float = float("inf"),
        token: str = TOKEN,
    ) -> Report:
        """Collects as scheduled so many minutes after 10:00, or for the time that it is.

        It may send no more than so many requests: they are what its deadline is counted in.
        """
        if minutes is not None:
            self.world.now = TEN / 1000 + minutes * 60
        asked = len(self.door.asked)

        def clock() -> float:
            return min(len(self.door.asked) - asked, requests)

        provider = self.connect(Account("main", token), requests + 0.5, clock)
        run = self.account_run(self.world.table, rules, fresh)
        return run.collect(provider, int(self.world.now * 1000))

    def state(self, resource: str) -> Collected:
        """What is known of a resource."""
        return dict(States(self.world.table).of_shards(self.shards()))[resource]

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
def fleet(world: World, name: str) -> Iterator[Fleet]:
    """A provider that is simulated until left, all of whose samples are made up, by time alone."""
    made_up = KnownLoad(live_from=TEN // 1000 + 10 * 86_400)
    app: HostupSimulator | NorthflankSimulator
    if name == "hostup":
        app = HostupSimulator(TOKEN, clock=world.clock, load=made_up, requests_per_minute=10**6)
    else:
        app = NorthflankSimulator(TOKEN, clock=world.clock, load=made_up, requests_per_hour=10**6)
    door = Door(app)
    with serve(door) as server:
        yield Fleet(world, name, server.url, door, app.served)
