"""docs/operate.md: its commands of AWS do what it says, on moto."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.docs import aws_cli
from tests.docs.markdown import blocks
from tests.dynamodb import KEYS

COMMANDS = [
    command
    for block in blocks("docs/operate.md")
    for command in block.commands
    if command.startswith("aws ")
]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with what a stack has made in it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    with mock_aws():
        table = boto3.client("dynamodb")
        table.create_table(
            TableName="tributary-Table", BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True, **KEYS,
        )  # fmt: skip
        table.update_continuous_backups(
            TableName="tributary-Table",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        boto3.client("secretsmanager").create_secret(Name="hostup", SecretString="{}")
        boto3.client("cloudformation").create_stack(
            StackName="tributary",
            TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
        )
        yield


def ran(first_words: str) -> None:
    """Runs the page's commands that begin with these words, in its order, names filled in."""
    chosen = [command for command in COMMANDS if command.startswith(first_words)]
    assert chosen
    for command in chosen:
        command = command.replace("<TableName>", "tributary-Table")
        command = command.replace("<HostupSecretArn>", "hostup")
        aws_cli.run(command.replace("file://accounts.json", "'{\"accounts\": []}'"))


def test_every_command_is_one_of_those_tried_here() -> None:
    tried = (
        "aws secretsmanager put-secret-value ",
        "aws dynamodb restore-table-to-point-in-time ",
        "aws dynamodb update-",
        "aws dynamodb delete-table ",
        "aws cloudformation delete-stack ",
    )

    assert [command for command in COMMANDS if not command.startswith(tried)] == []


def test_accounts_are_filled_in() -> None:
    ran("aws secretsmanager put-secret-value ")

    secret = boto3.client("secretsmanager").get_secret_value(SecretId="hostup")
    assert secret["SecretString"] == '{"accounts": []}'


def test_a_restored_table_expires_is_backed_up_and_is_protected() -> None:
    restored = [command for command in COMMANDS if "tributary-restored" in command]
    assert len(restored) == 4

    for command in restored:
        aws_cli.run(command.replace("<TableName>", "tributary-Table"))

    client = boto3.client("dynamodb")
    table = client.describe_table(TableName="tributary-restored")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    expiry = client.describe_time_to_live(TableName="tributary-restored")
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "ttl"
    backups = client.describe_continuous_backups(TableName="tributary-restored")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_is_deleted_once_its_protection_is_off() -> None:
    client = boto3.client("dynamodb")
    ran("aws cloudformation delete-stack ")
    with pytest.raises(client.exceptions.ClientError, match="DeletionProtectionEnabled"):
        ran("aws dynamodb delete-table ")

    ran("aws dynamodb update-table --table-name <TableName> --no-deletion-protection-enabled")
    ran("aws dynamodb delete-table ")

    assert client.list_tables()["TableNames"] == []


def test_an_option_or_operation_that_there_is_not_is_noticed() -> None:
    with pytest.raises(AssertionError, match="dynamodb has no drop-table"):
        aws_cli.run("aws dynamodb drop-table --table-name x")
    with pytest.raises(AssertionError, match="dynamodb delete-table has no --name"):
        aws_cli.run("aws dynamodb delete-table --name x")
