"""The stack that is measured: Tributary's own writers, compactor and API over a table in memory.

Everything that is made of its parts is made here.
"""

import base64
import json
import os
import time
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any, cast
from unittest import mock

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from benchmarks.fleet import Series
from functions.query_api.api import Api, routes_over
from functions.query_api.authorisation import Authorisation
from functions.query_api.engine import Engine
from functions.query_api.quota import Quotas
from functions.query_api.status import Freshness
from local.failure import Failure
from tributary.chunk import split
from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.compaction import Compaction
from tributary.inventory import Inventory
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.retention import Retention
from tributary.secret import Secret
from tributary.state import Collected, ShardState, States
from tributary.store import Store
from tributary.table import ChangedError, Item, Key, Table
from tributary.tokens import READ_METRICS, Tokens
from tributary.usage import Usage
from tributary.windows import DAY_MS, FIVE_MINUTES_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Tier, Window

_EVENT = Path(__file__).parent.parent / "events" / "query_api" / "query.json"
_DELAY_MS = MINUTE_MS
# The compactor runs hourly; once a day makes the same of it in less time.
_COMPACTED_EVERY_MS = DAY_MS
_COMPACTED_AFTER_MS = 2 * HOUR_MS
_COMPACTION_SECONDS = 3600.0
_ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "query_api",
    "POWERTOOLS_METRICS_NAMESPACE": "Tributary/Self",
    "AWS_DEFAULT_REGION": "eu-north-1",
}


type _Resources = Mapping[str, Sequence[Series]]


class Context:
    """What the runtime hands to a handler besides the event."""

    aws_request_id = "5b441b59-a550-11ea-b3de-0242ac130004"

    def get_remaining_time_in_millis(self) -> int:
        """Longer than Lambda gives, so that what is slow is measured and not refused."""
        return 600_000


class MemoryTable(Table):
    """The table as dictionaries: the same items, conditions and expiry without a network."""

    def __init__(self, clock: "Clock") -> None:
        super().__init__(cast(Any, None), "in memory", clock)
        self._items: dict[str, dict[str, Item]] = {}
        self._order: dict[str, list[str]] = {}
        self._lock = Lock()

    def get(self, key: Key) -> Item | None:
        """The item as all writes so far left it."""
        item = self._items.get(key.pk, {}).get(key.sk)
        return item if item and self._lives(item) else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Those of the items that there are."""
        return {key: item for key in dict.fromkeys(keys) if (item := self.get(key))}

    def query(
        self, pk: str, first_sk: str, last_sk: str, *, consistent: bool = False
    ) -> Iterator[Item]:
        """Items of a partition from the first to the last sort key."""
        with self._lock:
            order = self._order.get(pk, [])
            found = order[bisect_left(order, first_sk) : bisect_right(order, last_sk)]
            items = [self._items[pk][sk] for sk in found]
        yield from filter(self._lives, items)

    def put(self, item: Item, replacing: bytes | None) -> None:
        """Puts the item where the stored digest is `replacing`, or where None nothing is stored."""
        pk, sk = item.key
        with self._lock:
            partition = self._items.setdefault(pk, {})
            current = partition.get(sk)
            if (current.digest if current else None) != replacing:
                raise ChangedError(current)
            if current is None:
                insort(self._order.setdefault(pk, []), sk)
            partition[sk] = item

    def count(self, key: Key, counters: Sequence[str], expires_s: int) -> dict[str, int]:
        """As if it were always the first request: nobody is refused here."""
        return dict.fromkeys(counters, 1)

    def _lives(self, item: Item) -> bool:
        return item.expires_s is None or item.expires_s > self._clock()


class Clock:
    """Unix seconds, as set."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> float:
        return self.now_ms / SECOND_MS


class Stack:
    """What runs as Lambda functions over one table; its clock follows what is collected."""

    def __init__(self) -> None:
        self._clock = Clock()
        self.table = MemoryTable(self._clock)
        self._retention = Retention.from_env()
        self._store = Store(self.table, self._retention, self._clock)
        self._registry = Registry(self.table)
        self._states = States(self.table)
        # In the table: what it takes to know the bootstrap one is up to Secrets Manager.
        self._tokens = Tokens(self.table)
        _, self._token = self._tokens.make("benchmark", [READ_METRICS], [], 0)
        # What a run logs goes where it costs as much and nobody has to read it.
        self._log = StringIO()
        with mock.patch.dict(os.environ, _ENVIRONMENT), redirect_stdout(self._log):
            self._api = self._new_api()

    def collect(self, series: Sequence[Series], every_ms: int = FIVE_MINUTES_MS) -> None:
        """Writes the series as collecting them at that interval does, then compacts them."""
        start_ms, end_ms = series[0].start_ms, max(one.end_ms for one in series)
        resources = _by_resource(series)
        self._register(resources)
        for slot_ms in range(start_ms + every_ms, end_ms + 1, every_ms):
            self._clock.now_ms = slot_ms + _DELAY_MS
            for resource, found in resources.items():
                columns = [_column(one, slot_ms - every_ms, slot_ms) for one in found]
                for chunk in split(resource, columns):
                    self._store.write(chunk, expected=False)
            if (slot_ms - start_ms) % _COMPACTED_EVERY_MS == 0:
                self._compact()
        self._clock.now_ms = end_ms + _COMPACTED_AFTER_MS
        self._compact()
        self._note_collected(resources)

    def ask(self, query: str, encoding: str = "identity") -> dict[str, Any]:
        """The handler's answer to GET /v1/query, as it hands it to API Gateway."""
        with redirect_stdout(self._log):
            return self._api.handle(
                _event(query, encoding, self._token), cast(LambdaContext, Context())
            )

    def ask_first(self, query: str) -> dict[str, Any]:
        """The same from a function that has read and decoded nothing before."""
        with mock.patch.dict(os.environ, _ENVIRONMENT), redirect_stdout(self._log):
            self._api = self._new_api()
        return self.ask(query)

    def items(self, resource: str, tier: Tier) -> list[Item]:
        """A resource's stored chunks of a tier."""
        return list(self.table.query(resource, f"{tier.value}#", f"{tier.value}#~"))

    def _new_api(self) -> Api:
        freshness = Freshness(FIVE_MINUTES_MS, _DELAY_MS)
        engine = Engine.on(self.table, self._retention, freshness, self._clock)
        secret = Secret(boto3.client("secretsmanager"), "none")
        return Api(
            routes_over(engine, Inventory(self.table)),
            Authorisation(self._tokens, secret),
            Quotas(Usage(self.table)),
            Registry(self.table),
            self.table,
            clock=self._clock,
        )

    def _compact(self) -> None:
        """Everything that the compactor makes of what is collected: hour chunks, rollups."""
        compaction = Compaction.on(self.table, self._retention, self._clock)
        report = compaction.run(time.monotonic() + _COMPACTION_SECONDS)
        if report.errors:
            raise Failure(f"compaction failed: {'; '.join(report.messages)}")

    def _register(self, resources: _Resources) -> None:
        for account, held in _by_account(resources).items():
            shard = Shard(account, 0, {name: _entry(name, held[name]) for name in held})
            self._registry.save(shard, partial(_replaced, by=shard))

    def _note_collected(self, resources: _Resources) -> None:
        for account, held in _by_account(resources).items():
            states = {name: _collected(found, self._clock.now_ms) for name, found in held.items()}
            self._states.join(ShardState(account, 0, states))


def body_of(answer: Mapping[str, Any]) -> bytes:
    """The bytes that a client receives; Failure with what was said if the query was refused."""
    text: str = answer["body"]
    body = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
    if answer["statusCode"] != 200:
        raise Failure(f"the query API answered {answer['statusCode']}: {body.decode()}")
    return body


def _replaced(_: Shard, by: Shard) -> Shard:
    return by


def _event(query: str, encoding: str, token: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(_EVENT.read_text())
    event["rawQueryString"] = query
    event["headers"] |= {
        "authorization": f"Bearer {token}",
        "accept-encoding": encoding,
    }
    return event


def _by_resource(series: Iterable[Series]) -> _Resources:
    resources: dict[str, list[Series]] = {}
    for one in series:
        resources.setdefault(one.resource, []).append(one)
    return resources


def _by_account(resources: _Resources) -> Mapping[str, _Resources]:
    accounts: dict[str, dict[str, Sequence[Series]]] = {}
    for resource, found in resources.items():
        accounts.setdefault("/".join(resource.split("/")[:2]), {})[resource] = found
    return accounts


def _collected(series: Sequence[Series], now_ms: int) -> Collected:
    start_ms, end_ms, step_ms = series[0].start_ms, series[0].end_ms, series[0].step_ms
    noted = Collected(end_ms - step_ms, step_ms, imported=100, attempted_ms=now_ms)
    return noted.after(Window(start_ms, end_ms))


def _column(series: Series, start_ms: int, seen_ms: int) -> Column:
    """The series' samples in [start, seen), fetched at `seen`."""
    first = (start_ms - series.start_ms) // series.step_ms
    last = (seen_ms - series.start_ms) // series.step_ms
    times, values = array("q", series.times[first:last]), series.values[first:last]
    key = ColumnKey(series.metric, series.instance, Origin(series.metric, "", 1.0))
    return Column(key, times, values, (Run(len(times), series.step_ms, seen_ms),))


def _entry(resource: str, series: Iterable[Series]) -> Entry:
    provider, account = resource.split("/")[:2]
    attributes = {"provider": provider, "account": account, "name": resource.rsplit("/", 1)[1]}
    instances: dict[str, dict[str, int]] = {}
    first_ms = 0
    for one in series:
        instances.setdefault(one.instance, {})[one.metric] = one.step_ms
        first_ms = one.start_ms
    return Entry(
        resource,
        attributes,
        {name: Instance({}, metrics, first_ms) for name, metrics in instances.items()},
    )
