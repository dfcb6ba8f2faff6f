"""dynalite with the empty table in it, and clients for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from local.dynalite import dynalite as started
from local.environment import leave_aws_behind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "tributary"


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a dynalite of its own, in memory, ended on leaving. Raises Failure."""
    with started() as endpoint:
        _create_table(client_of(endpoint))
        yield endpoint


def client_of(endpoint: str) -> "DynamoDBClient":
    """A client with as many connections as the product's."""
    leave_aws_behind()
    config = Config(max_pool_connections=32, retries={"total_max_attempts": 1}, read_timeout=60)
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config)


def _create_table(client: "DynamoDBClient") -> None:
    client.create_table(
        TableName=TABLE,
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
    client.get_waiter("table_exists").wait(
        TableName=TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
