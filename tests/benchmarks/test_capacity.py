"""What a client's calls consume is told apart by kind of item."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from benchmarks.capacity import Meter
from tributary.table import ChangedError, Item, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def client() -> "Iterator[DynamoDBClient]":
    """A client of an empty table on moto, to which each call is one unit."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-north-1")
        client.create_table(
            TableName="tributary",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield client


def test_units_are_counted_by_kind_of_item(client: "DynamoDBClient") -> None:
    meter = Meter(client)
    table = Table(client, "tributary")

    for key in (
        Key("northflank/main/shop/services/api", "r#2026-11-25T10:00Z"),
        Key("northflank/main/shop/services/api", "r#2026-11-25T10:05Z"),
        Key("acc#northflank/main", "state#0"),
        Key("inv#northflank/main", "northflank/main/shop/services/api"),
    ):
        table.put(Item(key, b"data", b"digest"), None)
    list(table.query("northflank/main/shop/services/api", "h#2026", "h#2027"))
    table.get_many([Key("reg", "!")])
    consumed = meter.taken()

    assert dict(consumed.write) == {"r": 2, "state": 1, "inv": 1}
    assert set(consumed.read) == {"h", "reg"}
    assert meter.taken().write_units == 0


def test_a_put_whose_condition_fails_is_counted_apart(client: "DynamoDBClient") -> None:
    meter = Meter(client)
    table = Table(client, "tributary")
    item = Item(Key("acc#northflank/main", "state#0"), b"data", b"digest")

    table.put(item, None)
    with pytest.raises(ChangedError):
        table.put(item, None)

    assert meter.taken().failed == 1
