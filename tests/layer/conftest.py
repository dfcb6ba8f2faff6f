"""AWS in memory, with the table that the template makes."""

from collections.abc import Iterator
from functools import cache

import boto3
import pytest
from moto import mock_aws

from tests.layer.collecting import Fleet, fleet
from tests.layer.world import TABLE, World

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "POWERTOOLS_METRICS_NAMESPACE": "Tributary/Self",
    "POWERTOOLS_SERVICE_NAME": "collector",
    "TABLE_NAME": TABLE,
    "PROVIDER_SECRET": "provider",
}
_LEFT_OUT = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "PUBLISHED_METRICS", "PUBLISH_MAX_AGE_HOURS")


@cache
def session() -> boto3.Session:
    """One session for all tests: reading AWS's descriptions anew takes longer than a test."""
    return boto3.Session(region_name="eu-north-1")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in memory with an empty table and no secret."""
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in _LEFT_OUT:
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session())
        boto3.client("dynamodb").create_table(
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
        yield


@pytest.fixture
def world(aws: None) -> World:
    """A table and its store at 2026-11-22T10:15:00Z."""
    return World()


@pytest.fixture
def hostup(world: World) -> Iterator[Fleet]:
    """A simulated HostUp with four VPSes, nothing of it collected yet."""
    with fleet(world, "hostup") as found:
        yield found


@pytest.fixture
def northflank(world: World) -> Iterator[Fleet]:
    """A simulated Northflank with six services, nothing of it collected yet."""
    with fleet(world, "northflank") as found:
        yield found
