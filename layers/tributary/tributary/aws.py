"""AWS: clients of the services that the functions use, all from one botocore session.

botocore's own, not boto3's: the clients are the same, and importing boto3 for them takes a
cold start longer by a twentieth.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_SERVICES = ("cloudwatch", "dynamodb", "secretsmanager", "sqs")


@overload
def aws_client(service: Literal["cloudwatch"], config: Config) -> "CloudWatchClient": ...
@overload
def aws_client(service: Literal["dynamodb"], config: Config) -> "DynamoDBClient": ...
@overload
def aws_client(service: Literal["secretsmanager"], config: Config) -> "SecretsManagerClient": ...
@overload
def aws_client(service: Literal["sqs"], config: Config) -> "SQSClient": ...
def aws_client(service: str, config: Config) -> Any:
    """A client in the region, with the credentials and at the endpoint of the environment."""
    return _session().create_client(service, config=config)


@cache
def _session() -> Session:
    """Shared, so that what all clients need of botocore's data is read once."""
    session = get_session()
    session.register_component("data_loader", _FewServices())
    return session


class _FewServices(Loader):
    """botocore's descriptions of our services, found without looking through those of all 400."""

    def list_available_services(self, type_name: str) -> list[str]:
        """The services that clients are made for."""
        return list(_SERVICES)
