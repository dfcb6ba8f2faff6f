"""What the tests of the store and all that is kept in the table have in common."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3

from tests.dynamodb import TABLE
from tests.layer.samples import TEN
from tributary.chunk import split
from tributary.columns import Column
from tributary.retention import Retention
from tributary.store import Store
from tributary.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

API = "northflank/main/shop/services/api"


class Calls(list[str]):
    """The operations that a client has been asked for, by name."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self.parameters: list[dict[str, Any]] = []
        client.meta.events.register("provide-client-params", self._note)

    def puts(self) -> int:
        """How many items were put, or tried to be."""
        return self.count("PutItem")

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.append(model.name)
        self.parameters.append(params)


class Reported:
    """The capacity units in a client's answers, read and written."""

    def __init__(self, client: Any) -> None:
        self.read_units = self.write_units = 0.0
        client.meta.events.register("after-call.dynamodb", self._note)

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        one_or_many = parsed.get("ConsumedCapacity", [])
        reported = one_or_many if isinstance(one_or_many, list) else [one_or_many]
        units = sum(one["CapacityUnits"] for one in reported)
        if model.name == "PutItem":
            self.write_units += units
        else:
            self.read_units += units


def before(client: Any, operation: str, act: Callable[[], object], times: int = 1) -> None:
    """Lets another writer act before the client's next requests of one kind, so many times."""
    left = [act] * times

    def come_between(**_: Any) -> None:
        if left:
            left.pop()()

    client.meta.events.register(f"before-call.dynamodb.{operation}", come_between)


class World:
    """A table and its store, whose clock stands at 2026-11-22T10:15:00Z until it is set."""

    def __init__(self, now: float = TEN / 1000 + 900) -> None:
        self.now = now
        self.client: DynamoDBClient = boto3.client("dynamodb")
        self.calls = Calls(self.client)
        self.table = Table(self.client, TABLE, self.clock)
        self.store = self.store_with()

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    def another(self) -> "World":
        """Another writer with a client of its own."""
        return World(self.now)

    def store_with(self, raw: float = 7, hour: float = 60, coarse: float = 1825) -> Store:
        """The store with other days of retention."""
        return Store(self.table, Retention.of_days(raw, hour, coarse), self.clock)

    def write(self, *columns: Column, resource: str = API, expected: bool = True) -> int:
        """Stores columns and returns how many samples were news."""
        chunks = split(resource, columns)
        return sum(self.store.write(chunk, expected=expected).samples for chunk in chunks)

    def read(
        self, start: float = -86_400, end: float = 86_400, resource: str = API
    ) -> list[Column]:
        """What is stored in [start, end), seconds after 10:00."""
        return self.store.read(resource, TEN + int(start * 1000), TEN + int(end * 1000))

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every item as DynamoDB has it, expired or not, by its keys."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE):
            for item in page["Items"]:
                found[item["pk"]["S"], item["sk"]["S"]] = dict(item)
        return found

    def sort_keys(self) -> list[str]:
        """The sort keys of every item."""
        return sorted(sk for _, sk in self.items())
