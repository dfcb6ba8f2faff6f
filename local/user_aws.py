"""The user's AWS: clients by the settings that the user's other tools go by."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from local.failure import Failure
from tributary.retention import Retention
from tributary.stamps import Stamps
from tributary.windows import AnyTier

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

LOOKED_FOR = (
    "It is looked for with your AWS settings: AWS_REGION, and AWS_PROFILE or other credentials of "
    "the account that has it."
)


@overload
def user_client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def user_client(service: Literal["secretsmanager"]) -> "SecretsManagerClient": ...
@overload
def user_client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def user_client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def user_client(service: Literal["cloudformation"]) -> "CloudFormationClient": ...
def user_client(service: Any) -> Any:
    """A client that makes one attempt; raises Failure for settings that none can be made by."""
    # Table asks again itself: with botocore's own attempts on top, a wrong address takes minutes.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)
    try:
        return boto3.client(service, config=config, region_name=_region())
    except ValueError as error:
        raise Failure(f"AWS_REGION or AWS_ENDPOINT_URL can't be used: {error}") from error


def _region() -> str | None:
    """What boto3, which goes by AWS_DEFAULT_REGION or the profile, would not find."""
    return None if os.environ.get("AWS_DEFAULT_REGION") else os.environ.get("AWS_REGION")


def in_force(stamps: Iterable[Mapping[str, Stamps]]) -> dict[AnyTier, int]:
    """For how long, in ms, a stack's items are kept by tier: as compactions noted for its shards,
    or the defaults before the first."""
    noted = [of for of in stamps if of]
    return {
        tier: max((of[tier.value].kept_ms for of in noted), default=kept_ms)
        for tier, kept_ms in Retention.of_days().by_tier.items()
    }
