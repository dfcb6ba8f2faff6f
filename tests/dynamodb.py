"""DynamoDB for tests: the one table, on moto in this process or on dynalite in one of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WaiterConfigTypeDef

TABLE = "tributary"
# What tests of the template hold against its table.
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
}
# dynalite creates and deletes behind its answer, if only by a moment.
_AT_ONCE: "WaiterConfigTypeDef" = {"Delay": 0, "MaxAttempts": 1000}


@contextmanager
def empty_table() -> Iterator[None]:
    """The table, as long as it is needed."""
    client = boto3.client("dynamodb")
    client.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST", **KEYS)
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig=_AT_ONCE)
    yield
    with suppress(client.exceptions.ResourceNotFoundException):  # the test has deleted it
        delete_table()


def delete_table() -> None:
    """Deletes the table, and returns when there is none."""
    client = boto3.client("dynamodb")
    client.delete_table(TableName=TABLE)
    client.get_waiter("table_not_exists").wait(TableName=TABLE, WaiterConfig=_AT_ONCE)
