"""A table with a fleet of two providers, and requests as API Gateway sends them."""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.query_api.api import Api, routes_over
from functions.query_api.authorisation import Authorisation
from functions.query_api.cors import Cors
from functions.query_api.engine import Engine
from functions.query_api.quota import Quotas
from functions.query_api.routing import Routes
from functions.query_api.status import Freshness
from tests.dynamodb import TABLE
from tests.openapi import check
from tributary.chunk import split
from tributary.columns import ColumnKey, Origin, column
from tributary.coverage import Coverage, Gap
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.secret import Secret
from tributary.state import Collected, Failure, States, state_key
from tributary.state_codec import Pace, encode
from tributary.store import Store
from tributary.table import Item, Table
from tributary.tokens import Tokens
from tributary.usage import Usage

# 2026-11-22T10:15:00Z
NOW = 1795342500
TEN = 1795341600
SECRET = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcd"
_EVENT = Path(__file__).with_name("event.json")


class Context:
    """What the runtime hands to a handler besides the event."""

    aws_request_id = "5b441b59-a550-11ea-b3de-0242ac130004"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


CONTEXT = cast(LambdaContext, Context())


@dataclass(frozen=True)
class Reply:
    """An answer as a client sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        packed = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def request(
    path: str, query: str = "", headers: Mapping[str, str] | None = None, method: str = "GET"
) -> dict[str, Any]:
    """An event of payload version 2.0; without headers, with the bootstrap token's."""
    event: dict[str, Any] = json.loads(_EVENT.read_text())
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = query
    event["requestContext"]["http"]["method"] = method
    sent = {"authorization": f"Bearer bootstrap.{SECRET}"} if headers is None else headers
    event["headers"] |= sent
    return event


def reply(answer: dict[str, Any]) -> Reply:
    """What API Gateway makes of a function's answer."""
    text = answer["body"]
    body = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
    return Reply(answer["statusCode"], answer["headers"], body)


class World:
    """Everything that collectors write, and the API that reads it."""

    def __init__(self, cors: str = "") -> None:
        client = boto3.client("dynamodb")
        self.now = float(NOW)
        self.retention = Retention.of_days(7, 60, 1825)
        self.table = Table(client, TABLE, self.clock)
        self.store = Store(self.table, self.retention, self.clock)
        self.rollups = Rollups(self.table, self.store, self.retention, self.clock)
        self.hours = Hours(self.table)
        self.registry = Registry(self.table)
        self.states = States(self.table)
        self.inventory = Inventory(self.table)
        self.client = client
        self.cors = cors
        # As many as a test may need; one about quotas sets them.
        self.requests_per_hour = self.burst = 1_000_000
        self._entries: dict[str, dict[str, Entry]] = {}
        self._states: dict[str, dict[str, Collected]] = {}
        self._attempts = 0

    def clock(self) -> float:
        return self.now

    def routes(self) -> Routes:
        """Every route of the API."""
        engine = Engine(
            self.states,
            self.store,
            self.retention,
            Freshness(300_000, 60_000),
            self.hours,
            self.rollups,
        )
        return routes_over(engine, self.inventory)

    def api(self) -> Api:
        """A function that has answered nothing yet."""
        secret = Secret(boto3.client("secretsmanager"), "bootstrap-token")
        return Api(
            self.routes(),
            Authorisation(Tokens(self.table), secret),
            Quotas(Usage(self.table), self.requests_per_hour, self.burst),
            Registry(self.table),
            self.table,
            Cors.of(self.cors),
            self.clock,
        )

    def get(
        self,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        api: Api | None = None,
    ) -> Reply:
        """What a new function answers, or the one that is given."""
        event = request(path, query, headers, method)
        found = reply((api or self.api()).handle(event, CONTEXT))
        if method == "GET":
            check(path, query, found.status, found.headers, found.text)
        return found

    def query(self, query: str) -> Any:
        found = self.get("/v1/query", query)
        assert found.status == 200, found.text
        return found.json

    def resource(
        self,
        resource: str,
        instances: Mapping[str, Instance],
        attributes: Mapping[str, str],
        origins: Mapping[str, Origin] | None = None,
        gone: int | None = None,
    ) -> None:
        """Registers a resource; provider, account and name come from its id. `gone` is since when
        its provider lists it no more, in seconds after 10:00."""
        provider, account = resource.split("/")[:2]
        name = resource.rsplit("/", 1)[1]
        own = {"provider": provider, "account": account, "name": name, **attributes}
        entries = self._entries.setdefault(f"{provider}/{account}", {})
        gone_ms = None if gone is None else (TEN + gone) * 1000
        entries[resource] = Entry(resource, own, instances, origins or {}, gone_ms=gone_ms)
        shard = Shard(f"{provider}/{account}", 0, {})
        self.registry.save(shard, lambda stored: Shard(stored.account, 0, entries))

    def samples(
        self,
        resource: str,
        metric: str,
        samples: list[tuple[float, float]],
        seconds: float,
        instance: str = "-",
        origin: tuple[str, str] = ("cpu", "pct"),
        seen: int = NOW,
    ) -> None:
        """Stores samples (seconds after 10:00, value), each standing for so many seconds."""
        key = ColumnKey(metric, instance, Origin(*origin, 1.0))
        times = [(int((TEN + second) * 1000), value) for second, value in samples]
        for chunk in split(resource, [column(key, times, int(seconds * 1000), seen * 1000)]):
            self.store.write(chunk, expected=True)

    def collected(
        self,
        resource: str,
        newest: int | None,
        seconds: int,
        failure: str | None = None,
        idle: bool = False,
        attempted: int = 900,
        attempts: int = 1,
        gaps: Iterable[tuple[int, int, int]] = (),
        since: int = -86_400,
        asked: int | None = 840,
        imported: int = 100,
        every: int = 0,
    ) -> None:
        """Stores a resource's state. `newest`, `attempted`, `since` and `asked` are seconds after
        10:00, and so are the starts and ends of gaps, whose resolutions are in ms; all is settled
        up to three samples before the newest."""
        said = "asked and not answered"
        failed = Failure(failure, said, NOW * 1000, attempts) if failure else None
        # Of two attempts the later one counts.
        self._attempts += 1
        holes = (Gap(at(start), at(end), kind) for start, end, kind in gaps)
        # A silent resource's follows an hour behind what was asked for.
        silent = (asked or 0) - 3600
        until = silent if newest is None else max(silent, min(newest + seconds, asked or 0))
        state = Collected(
            newest_ms=None if newest is None else at(newest),
            resolution_ms=seconds * 1000,
            asked_ms=None if asked is None else at(asked),
            coverage=None if asked is None else Coverage(at(since), at(until), tuple(holes)),
            settled_ms=0 if newest is None else at(newest - 3 * seconds),
            imported=imported,
            attempted_ms=at(attempted) + self._attempts,
            failure=failed,
            idle=idle,
        )
        self.collected_as(resource, state, every)

    def collected_as(self, resource: str, state: Collected, every: int = 0) -> None:
        """Stores a resource's state; not joined: what a test says of a resource is what is known
        of it."""
        account = "/".join(resource.split("/")[:2])
        states = self._states.setdefault(account, {})
        states[resource] = state
        key = state_key(account, 0)
        item = Item(key, *encode(states, Pace(every * 1000)))
        self.table.update(key, lambda _: item, self.table.get(key))


def at(second: int) -> int:
    """So many seconds after 10:00, in ms since the epoch."""
    return (TEN + second) * 1000


def instance(metrics: Mapping[str, int], last: int | None = None, **attributes: str) -> Instance:
    """An instance with the resolution in seconds of each metric; `last` in seconds after 10:00."""
    resolutions = {name: seconds * 1000 for name, seconds in metrics.items()}
    ended = None if last is None else (TEN + last) * 1000
    return Instance(attributes, resolutions, (TEN - 86_400) * 1000, ended)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, table: None) -> None:
    """AWS in memory, with the table and the bootstrap token's secret."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "query_api")
    monkeypatch.setenv("BOOTSTRAP_TOKEN_SECRET", "bootstrap-token")
    monkeypatch.delenv("CORS_ORIGINS", raising=False)
    boto3.client("secretsmanager").create_secret(Name="bootstrap-token", SecretString=SECRET)


@pytest.fixture
def empty(aws: None) -> World:
    """A stack that has collected nothing yet."""
    return World()


API = "northflank/main/shop/services/api"
VPS = "hostup/main/vps_01"


@pytest.fixture
def world(empty: World) -> World:
    """A service of two containers at 10 s and a VPS at 60 s, from 10:00 to 10:14."""
    cpu = {"cpu.utilization": 10}
    empty.resource(
        API,
        {
            "api-1": instance({**cpu, "http.requests": 60}, container="api-1", deployment="d1"),
            "api-2": instance({**cpu, "http.requests": 60}, container="api-2", deployment="d1"),
        },
        {"project": "shop", "kind": "service", "tag.tier": "web"},
    )
    empty.resource(VPS, {"-": instance({"cpu.utilization": 60})}, {"kind": "vps"})
    tens = range(0, 840, 10)
    empty.samples(API, "cpu.utilization", [(at, 0.25) for at in tens], 10, "api-1")
    empty.samples(API, "cpu.utilization", [(at, 0.75) for at in tens], 10, "api-2")
    minutes = range(0, 840, 60)
    rps = ("requests", "rps")
    empty.samples(API, "http.requests", [(at, 5.0) for at in minutes], 60, "api-1", rps)
    empty.samples(API, "http.requests", [(at, 7.0) for at in minutes], 60, "api-2", rps)
    empty.samples(VPS, "cpu.utilization", [(at, at / 3840) for at in minutes], 60)
    empty.collected(API, 830, 10)
    empty.collected(VPS, 780, 60)
    return empty
