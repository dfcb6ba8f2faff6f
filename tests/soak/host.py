"""A simulated host of a week: its provider over real HTTP, faults, a key, and runs over it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from functions.hostup_collector.provider import DIALECT as HOSTUP
from functions.hostup_collector.provider import Hostup
from functions.northflank_collector.provider import DIALECT as NORTHFLANK
from functions.northflank_collector.provider import Northflank
from local.providers import HostupSimulator, NorthflankSimulator
from local.providers.faults import Fault, Faulty
from tests.dynamodb import TABLE
from tests.layer.collecting import DEFAULT_RULES
from tests.soak.aws_clients import AtomicClient
from tests.soak.clock import START, Clock
from tests.soak.published import Published
from tests.soak.schedule import Event, Times
from tributary.account_run import AccountRun
from tributary.accounts import Accounts
from tributary.allowance import Allowance
from tributary.client import Client
from tributary.compaction import Compaction
from tributary.credentials import Credentials
from tributary.errors import TributaryError
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.pace import Pace
from tributary.provider import Provider
from tributary.publisher import Publisher
from tributary.registry import Registry
from tributary.report import Report
from tributary.request_budget import RequestLimit
from tributary.retention import Retention
from tributary.run_record import Run, RunRecords, Wanted
from tributary.secret import KEPT_SECONDS, Secret
from tributary.series_quota import DEFAULT_NEW_SERIES
from tributary.state import Collected, States
from tributary.store import Store
from tributary.table import Table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_RUN_SECONDS = 240
RETENTION = Retention.of_days(7, 60, 1825)
LIMITS: Mapping[str, RequestLimit] = {
    "northflank": RequestLimit(1000, 3600),
    "hostup": RequestLimit(60, 60),
}

type Simulator = HostupSimulator | NorthflankSimulator


class Door:
    """A WSGI app before a provider that counts answers other than 200."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.refusals = 0
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            self.refusals += not status.startswith("200")
            return start_response(status, headers, error)

        return self._app(environ, started)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an event went that began at an instant (the provider's Unix seconds).

    It was `undisturbed` if provider and table answered whatever they were asked, with the key that
    the secret has held for as long as functions keep it.
    """

    instant: float
    undisturbed: bool


class Host:
    """One provider, with its account `main`, and everything that AWS does for it.

    The provider's clock is ahead by `offset` seconds. `limit` is what the functions are told of it.
    """

    def __init__(
        self,
        name: str,
        simulator: Simulator,
        clock: Clock,
        offset: float = 0.0,
        limit: RequestLimit | None = None,
    ) -> None:
        self.limit = limit or LIMITS[name]
        self.name, self.simulator, self.clock, self.offset = name, simulator, clock, offset
        self.url = ""
        self.faulty = Faulty(simulator, (), clock=clock, sleep=clock.sleep, seed=7)
        self.door = Door(self.faulty)
        self.published = Published(clock)
        self.dynamodb = AtomicClient(boto3.client("dynamodb"))
        self.reports: list[Report] = []
        self.table = Table(self.dynamodb, TABLE, clock)  # type: ignore[arg-type]
        self.store = Store(self.table, RETENTION, clock)
        self._cloudwatch = AtomicClient(boto3.client("cloudwatch"), self.published.note)
        self._secrets = AtomicClient(boto3.client("secretsmanager"))
        self._secrets.create_secret(Name=name, SecretString=_secret(simulator.token))
        self._told, self._told_at = simulator.token, 0.0
        self._accounts = Accounts(Secret(self._secrets, name, clock))  # type: ignore[arg-type]
        self._run_over = AccountRun(
            self.store, Registry(self.table), States(self.table), Hours(self.table),
            Inventory(self.table), Publisher(self._cloudwatch, DEFAULT_RULES),  # type: ignore[arg-type]
            Pace(60_000, fresh=False), DEFAULT_NEW_SERIES, clock,
        )  # fmt: skip

    def strike(self, faults: Sequence[Fault]) -> None:
        """Lets faults befall the provider, each on its occasion."""
        self.faulty.faults = faults

    def rotate(self, token: str) -> None:
        """The provider takes another key only."""
        self.simulator.token = token

    def tell(self) -> None:
        """The secret holds the provider's present key."""
        self._secrets.put_secret_value(
            SecretId=self.name, SecretString=_secret(self.simulator.token)
        )
        self._told, self._told_at = self.simulator.token, self.clock()

    def throttle(self, throttling: bool) -> None:
        """From now on DynamoDB refuses some of what it is asked, or does not any more."""
        self.dynamodb.throttling = throttling

    def invoke(self, event: Event) -> Outcome:
        """What the scheduler's event does, as often as it comes."""
        self.clock.at_least(event.starts)
        instant, met = self.clock() + self.offset, self._met()
        known = self._told == self.simulator.token
        known = known and self.clock() - self._told_at > KEPT_SECONDS
        slot_ms = event.slot * 1000
        if event.times is Times.TWICE_AT_ONCE:
            with ThreadPoolExecutor(2) as pool:
                self.reports += pool.map(self._collect, [slot_ms] * 2)
        else:
            self.reports.append(self._collect(slot_ms))
        if event.times is Times.AGAIN:
            self.clock.sleep(20)
            self.reports.append(self._collect(slot_ms))
        # A run that asked nothing has not noticed that it would not have been answered.
        reachable = not any(
            fault.occasion.probability == 1 and fault.occasion.seconds_left(self.clock() - START)
            for fault in self.faulty.faults
        )
        return Outcome(instant, known and reachable and met == self._met())

    def compact(self) -> None:
        """What the compactor does."""
        report = Compaction.on(self.table, RETENTION, self.clock).run(float("inf"))
        assert not report.errors, report.fields()

    def states(self) -> dict[str, Collected]:
        """What is known of each resource."""
        shards = Registry(self.table).shards_of(f"{self.name}/main")
        found = States(self.table).of_shards(shards)
        return {name: one for shard in found for name, one in shard.resources.items()}

    def _met(self) -> tuple[int, int, int]:
        """What went wrong outside of the product so far."""
        return self.door.refusals, self.faulty.struck.total(), self.dynamodb.refused

    def _collect(self, slot_ms: int) -> Report:
        try:
            return self._run(slot_ms)
        except TributaryError as error:
            report = Report(self.name, "main")
            report.failed(error, "account main")
            return report

    def _run(self, slot_ms: int) -> Report:
        """As the collector's handler does, with this week's clock."""
        [account] = self._accounts.all()
        credentials = Credentials.of(account, self._accounts)
        until = self.clock() + _RUN_SECONDS
        records = RunRecords(self.table, self.clock, self.clock.sleep)
        name, limit = f"{self.name}/main", self.limit

        def begin(wanted: Wanted) -> Run | None:
            until_ms = int(until * 1000)
            return records.begin(name, uuid4().hex, until_ms, limit, credentials.token, wanted)

        def connect(allowance: Allowance) -> tuple[Provider, Credentials]:
            return self._connected(credentials, allowance, until), credentials

        return self._run_over.collect(name, slot_ms, begin, connect)

    def _connected(self, credentials: Credentials, allowance: Allowance, until: float) -> Provider:
        dialect = HOSTUP if self.name == "hostup" else NORTHFLANK
        adapter: type[Hostup] | type[Northflank]
        adapter = Hostup if self.name == "hostup" else Northflank
        client = Client(
            self.url, credentials, dialect, allowance=allowance, deadline=until,
            clock=self.clock, wall_clock=self.clock, sleep=self.clock.sleep,
        )  # fmt: skip
        return adapter(client, "main")


def _secret(token: str) -> str:
    return json.dumps({"accounts": [{"name": "main", "token": token}]})
