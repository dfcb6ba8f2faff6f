"""The world under kills: the fleet, AWS, a clock, and every run that is scheduled in it.

All that knows how a run is built and where its items lie is here.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend

from functions.hostup_collector.provider import DIALECT as HOSTUP
from functions.northflank_collector.provider import DIALECT as NORTHFLANK
from local.providers import serve
from tests.crashes.calls import Calls, CountedClient, Killed, requests_counted
from tests.crashes.fleet import TOKEN, Clock, Door, Fleet
from tests.dynamodb import TABLE, empty_table
from tests.layer.collecting import ADAPTERS, DEFAULT_RULES
from tests.layer.put_metric_data import violations
from tributary.account_run import AccountRun
from tributary.accounts import Account, Accounts
from tributary.client import Client
from tributary.collector import Collector, Host
from tributary.compaction import Compaction
from tributary.compactor import Compactor
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.pace import Pace
from tributary.packed import unpacked
from tributary.provider import Provider
from tributary.publisher import Publisher
from tributary.registry import Registry
from tributary.request_budget import BudgetWindow, RequestLimit
from tributary.restamping import Restamping
from tributary.retention import Retention
from tributary.run_record import run_key
from tributary.secret import Secret
from tributary.self_metrics import logger
from tributary.series_quota import DEFAULT_NEW_SERIES
from tributary.state import States
from tributary.store import Store
from tributary.table import Item, Table

PROVIDERS = ("northflank", "hostup")
_LIMITS = {"northflank": RequestLimit(1000, 3600), "hostup": RequestLimit(120, 60)}
_RETENTION = Retention.of_days(7, 60, 1825)
_REGION, _ACCOUNT_ID = "eu-north-1", "123456789012"
_SECRET = json.dumps({"accounts": [{"name": "main", "token": TOKEN}]})

type Attributes = Mapping[str, Mapping[str, Any]]
type Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function that the scheduler calls: a collector by its provider's name, or the compactor."""

    function: str
    at: str

    @property
    def event(self) -> dict[str, str]:
        """What EventBridge Scheduler sends."""
        return {"scheduledTime": self.at}

    @property
    def time(self) -> float:
        """The scheduled time in Unix seconds."""
        return datetime.fromisoformat(self.at).timestamp()

    def __str__(self) -> str:
        return f"{self.function} at {self.at[11:16]}"


class Datum(NamedTuple):
    """What CloudWatch took of one minute (Unix seconds) of a metric."""

    metric: str
    resource: str
    minute: float
    unit: str
    samples: float
    total: float
    least: float
    greatest: float


class Spent(NamedTuple):
    """A budget: so many requests since a time (Unix seconds)."""

    since: float
    requests: int


@dataclass(frozen=True, slots=True)
class State:
    """Everything outside of a run: items, what CloudWatch took, and the times (Unix seconds) of
    what providers were asked, by provider."""

    items: Mapping[Key, Attributes]
    datums: tuple[Datum, ...]
    asked: Mapping[str, tuple[float, ...]]
    kept: Any = field(repr=False)  # as moto has the items

    @property
    def fingerprint(self) -> int:
        """Equal for states from which the same follows."""
        items = frozenset(
            (key, name, *value.items())
            for key, one in self.items.items()
            for name, value in one.items()
        )
        # What a provider's limit has left matters to the budget.
        return hash((items, tuple(sorted(self.datums)), tuple(sorted(self.asked.items()))))


class Context:
    """Lambda's context at the beginning of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Less than until the same event comes again, so that no lease keeps a run from what
        another has begun: what is right must not rest on leases."""
        return 25_000


class World:
    """Runs invocations, each in a process of its own, and can be put back to an earlier state.

    Calls come one at a time, in an order that is always the same, unless `parallel`.
    """

    def __init__(self, fleet: Fleet, parallel: bool) -> None:
        self.clock = Clock()
        self._parallel = parallel
        self._doors = {name: Door(name, self.clock, fleet) for name in PROVIDERS}
        self._asked: defaultdict[str, list[float]] = defaultdict(list)
        self._datums: list[Datum] = []
        self._atomic = Lock()
        session = boto3.Session("testing", "testing", region_name=_REGION)
        self._dynamodb = session.client("dynamodb")
        self._cloudwatch = session.client("cloudwatch")
        self._secrets = session.client("secretsmanager")
        self._secrets.create_secret(Name="provider", SecretString=_SECRET)
        # A run and one that comes in its midst, each with an address of its own by provider.
        self._roads: list[dict[str, str]] = []
        self._owners: dict[str, Calls] = {}

    def run(self, invocation: Invocation, calls: Calls, late: float = 2) -> None:
        """Invokes a function so many seconds after its scheduled time; a kill ends it quietly."""
        self.clock.now = invocation.time + late
        road = self._roads.pop()
        self._owners |= dict.fromkeys(road.values(), calls)
        try:
            if invocation.function == "compactor":
                self._compactor(calls).handle(invocation.event, Context())
            else:
                collector = self._collector(invocation.function, road, calls)
                collector.handle(invocation.event, Context())
        except Killed:
            pass
        finally:
            self._roads.append(road)

    def state(self) -> State:
        """All there is now."""
        kept = deepcopy(self._stored())
        items = {
            (item.hash_key.value, item.range_key.value): {
                name: {value.type: value.value} for name, value in item.attrs.items()
            }
            for partition in kept.values()
            for item in partition.values()
        }
        asked = {name: tuple(times) for name, times in self._asked.items()}
        return State(items, tuple(self._datums), asked, kept)

    def put_back(self, state: State) -> None:
        """Makes everything as it was; what moto remembers of CloudWatch is not needed."""
        stored = self._stored()
        stored.clear()
        stored.update(deepcopy(state.kept))
        get_backend("cloudwatch")[_ACCOUNT_ID][_REGION].metric_data.clear()
        self._datums[:] = state.datums
        self._asked.clear()
        for name, door in self._doors.items():
            self._asked[name] += state.asked.get(name, ())
            door.reset(self._asked[name])

    @contextmanager
    def open(self) -> Iterator[None]:
        """Serves the providers, and takes HTTP requests for calls, while in it."""
        servers = [(name, serve(door)) for name, door in self._doors.items() for _ in range(2)]
        names = {server.url.removeprefix("http://"): name for name, server in servers}
        addresses = defaultdict(list)
        for address, name in names.items():
            addresses[name].append(address)
        self._roads = [{name: addresses[name][number] for name in PROVIDERS} for number in range(2)]

        def noted(address: str) -> None:
            self._asked[names[address]].append(self.clock.now)

        try:
            with requests_counted(self._owners, noted):
                yield
        finally:
            for _, server in servers:
                server.close()

    def _stored(self) -> Any:
        return get_backend("dynamodb")[_ACCOUNT_ID][_REGION].tables[TABLE].items

    def _collector(self, provider: str, road: Mapping[str, str], calls: Calls) -> Collector:
        """The collector as `collector_from_env` makes it, in this world."""
        cloudwatch: Any = CountedClient(self._cloudwatch, calls, self._atomic, self._taken)
        secrets: Any = CountedClient(self._secrets, calls, self._atomic)
        publisher = Publisher(cloudwatch, DEFAULT_RULES)

        def run_over(table: Table) -> AccountRun:
            return AccountRun(
                Store(table, _RETENTION, self.clock), Registry(table), States(table),
                Hours(table), Inventory(table), publisher, Pace(60_000, False),
                DEFAULT_NEW_SERIES, self.clock,
            )  # fmt: skip

        def connect(client: Client, account: Account) -> Provider:
            connected = ADAPTERS[provider](client, account.name)
            if not self._parallel:
                connected.parallel_requests = 1
            return connected

        dialect = {"northflank": NORTHFLANK, "hostup": HOSTUP}[provider]
        host = Host(provider, f"http://{road[provider]}", dialect, _LIMITS[provider], connect)
        accounts = Accounts(Secret(secrets, "provider", self.clock))
        return Collector(
            host, accounts, self._table(calls), run_over, clock=self.clock, sleep=lambda _: None
        )

    def _compactor(self, calls: Calls) -> Compactor:
        """The compactor as its `from_env` makes it, in this world."""
        table = self._table(calls)
        compaction = Compaction.on(table, _RETENTION, self.clock)
        restamping = Restamping(
            compaction.registry, compaction.hours, table, _RETENTION, self.clock
        )
        if not self._parallel:
            compaction, restamping = replace(compaction, threads=1), replace(restamping, threads=1)
        return Compactor(compaction, restamping)

    def _table(self, calls: Calls) -> Table:
        client: Any = CountedClient(self._dynamodb, calls, self._atomic)
        return Table(client, TABLE, self.clock)

    def _taken(self, operation: str, asked: dict[str, Any]) -> None:
        assert violations(asked, self.clock.now) == []
        self._datums += map(_datum, asked["MetricData"])


def _datum(sent: Mapping[str, Any]) -> Datum:
    statistics = sent["StatisticValues"]
    return Datum(
        sent["MetricName"],
        "/".join(dimension["Value"] for dimension in sent["Dimensions"]),
        sent["Timestamp"].timestamp(),
        sent["Unit"],
        *(statistics[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum")),
    )


@contextmanager
def world(fleet: Fleet, parallel: bool = False) -> Iterator[World]:
    """A world in which nothing has happened yet."""
    level = logger.log_level
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", _REGION)
        patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tributary/Self")
        patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        logger.setLevel("CRITICAL")
        try:
            with empty_table():
                made = World(fleet, parallel)
                with made.open():
                    yield made
        finally:
            logger.setLevel(level)


def spent(state: State, provider: str) -> Spent | None:
    """What the account's `run` item says of its request budget at the time of the last request;
    None where none was sent."""
    key, asked = run_key(f"{provider}/main"), state.asked.get(provider)
    if not asked:
        return None
    document = unpacked(Item(key, state.items[key]["d"]["B"], b""))
    window = BudgetWindow.of(document["budget"], _LIMITS[provider])
    length = _LIMITS[provider].seconds
    # The end of a provider's window is known to two seconds.
    since = window.resets_ms / 1000 - length - 2 if window.resets_ms else max(asked) - length
    return Spent(since, window.spent(int(max(asked) * 1000)))


def was_in_doubt(calls: Calls) -> bool:
    """Whether a killed run had told CloudWatch something, and had not noted that it did."""
    done = calls.effective
    told = max((at for at, name in enumerate(done) if name == "PutMetricData"), default=None)
    return told is not None and not any(
        name.startswith("PutItem acc#") and "state#" in name for name in done[told:]
    )
