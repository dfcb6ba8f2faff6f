"""A deployment: the product's own parts over one table, with the clock in the benchmark's hand.

Nothing else in benchmarks/ knows how these parts are put together.
"""

import time
from collections.abc import Iterable
from itertools import batched
from typing import Any

import boto3

from benchmarks.capacity import Meter
from benchmarks.dynalite import TABLE, client_of
from functions.query_api.engine import Engine, Result
from functions.query_api.parameters import parse_query
from functions.query_api.status import Freshness
from functions.query_api.timing import Timing
from tributary.account_run import AccountRun
from tributary.allowance import Allowance
from tributary.compaction import Compaction, CompactionReport
from tributary.credentials import Credentials
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.pace import Pace
from tributary.provider import Provider
from tributary.publisher import DEFAULT_METRICS, Publisher, PublishRules
from tributary.registry import Registry
from tributary.report import Report
from tributary.request_budget import RequestLimit
from tributary.retention import Retention
from tributary.run_record import Run, RunRecords, Wanted
from tributary.state import States
from tributary.store import Store
from tributary.table import Item, Table
from tributary.windows import HOUR_MS, MINUTE_MS, SECOND_MS

_DELAY_MS = MINUTE_MS
_PUT_AT_ONCE = 25
_DEADLINE_SECONDS = 3600.0
# Neither the requests nor the new series of the largest account are to be rationed.
_REQUESTS = RequestLimit(10**7, 3600)
_NEW_SERIES = 10**7
_RUN_MS = 4 * MINUTE_MS
_TOKEN = "a-token"


class Deployment:
    """Collectors, compactor and queries over the table at an endpoint, with default settings but
    for what is rationed.

    `now_ms` is what all of them take for the time. CloudWatch is nobody: what is published is
    taken and forgotten, so that the state which publishing keeps is written and read.
    """

    def __init__(self, endpoint: str, *, publishing: bool = True) -> None:
        self.now_ms = 0
        self._client = client_of(endpoint)
        self.meter = Meter(self._client)
        self.table = Table(self._client, TABLE, self.clock)
        self.retention = Retention.from_env()
        self.store = Store(self.table, self.retention, self.clock)
        self.hours = Hours(self.table)
        self.registry = Registry(self.table)
        metrics = frozenset(DEFAULT_METRICS.split(",")) if publishing else frozenset[str]()
        self._publisher = Publisher(_nobody(), PublishRules(metrics, 3 * HOUR_MS))

    def clock(self) -> float:
        """Unix seconds."""
        return self.now_ms / SECOND_MS

    def collect(self, provider: Provider, slot_ms: int) -> Report:
        """A collector's run at its scheduled time, by a function that remembers nothing."""
        self.now_ms = slot_ms
        run = AccountRun(
            self.store,
            Registry(self.table),
            States(self.table),
            self.hours,
            Inventory(self.table),
            self._publisher,
            Pace(_DELAY_MS, fresh=False),
            _NEW_SERIES,
            self.clock,
        )
        account = f"{provider.name}/{provider.account}"
        records = RunRecords(self.table, self.clock)

        def begin(wanted: Wanted) -> Run | None:
            until_ms = slot_ms + _RUN_MS
            return records.begin(account, f"at {slot_ms}", until_ms, _REQUESTS, _TOKEN, wanted)

        def connect(_: Allowance) -> tuple[Provider, Credentials]:
            return provider, Credentials(_TOKEN)

        return run.collect(account, slot_ms, begin, connect)

    def compact(self, now_ms: int) -> CompactionReport:
        """A compaction of all that is due, by a function that remembers nothing."""
        self.now_ms = now_ms
        compaction = Compaction.on(self.table, self.retention, self.clock)
        return compaction.run(time.monotonic() + _DEADLINE_SECONDS)

    def query(self, raw_query: str, now_ms: int) -> Result:
        """The answer of a query function that has the registry in memory already."""
        self.now_ms = now_ms
        engine = Engine.on(
            self.table, self.retention, Freshness(300 * SECOND_MS, _DELAY_MS), self.clock
        )
        query = parse_query(raw_query, now_ms)
        return engine.run(query, self.registry.shards, now_ms, _DEADLINE_SECONDS, Timing())

    def put_all(self, items: Iterable[Item]) -> None:
        """Puts new items in batches, as nothing in the product does."""
        for batch in batched(items, _PUT_AT_ONCE, strict=False):
            requests: Any = [{"PutRequest": {"Item": _attributes(item)}} for item in batch]
            answer = self._client.batch_write_item(RequestItems={TABLE: requests})
            assert not answer["UnprocessedItems"]


def _attributes(item: Item) -> dict[str, Any]:
    return {
        "pk": {"S": item.key.pk},
        "sk": {"S": item.key.sk},
        "e": {"B": item.digest},
        "d": {"B": item.data},
        "ttl": {"N": str(item.expires_s)},
    }


def _nobody() -> Any:
    client: Any = boto3.client("cloudwatch")
    client.meta.events.register("before-call.cloudwatch.PutMetricData", _taken)
    return client


class _Taken:
    status_code = 200


def _taken(**_: Any) -> tuple[_Taken, dict[str, Any]]:
    """What botocore takes for an answer, so that none is asked for."""
    return _Taken(), {}
