"""The template's stack on moto: everything is created, and references resolve."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local.aws import CreatedStack, create_stack, start_moto
from local.build import ROOT
from local.failure import Failure
from local.processes import Processes
from local.sam_local import seen_from_a_container, write_env_file
from local.template import Template

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("moto")]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml", {})


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("moto") / "log"
    with Processes() as processes, log.open("wb") as output:
        yield start_moto(processes, output)


@pytest.fixture(scope="module")
def stack(template: Template, endpoint: str) -> CreatedStack:
    return create_stack(template, endpoint)


def test_functions_are_told_of_the_table_and_their_secrets(stack: CreatedStack) -> None:
    collector = stack.environments["NorthflankCollectorFunction"]
    query = stack.environments["QueryApiFunction"]

    assert collector["TABLE_NAME"] == query["TABLE_NAME"] == stack.table
    assert collector["PROVIDER_SECRET"] == stack.secrets["NorthflankSecret"]
    assert query["BOOTSTRAP_TOKEN_SECRET"] == stack.secrets["BootstrapToken"]
    assert query["INTERVAL_SECONDS"] == "300,300"
    assert collector["AWS_ENDPOINT_URL"] == ""


def test_collectors_are_told_of_a_queue_that_takes_their_turns(stack: CreatedStack) -> None:
    client = boto3.client("sqs", endpoint_url=stack.endpoint)

    for name in ("Northflank", "Hostup"):
        environment = stack.environments[f"{name}CollectorFunction"]
        attributes = client.get_queue_attributes(
            QueueUrl=environment["QUEUE_URL"], AttributeNames=["All"]
        )["Attributes"]
        dead_letters = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]

        assert environment["ACCOUNTS_PER_INVOCATION"] == "50"
        assert environment["QUEUE_URL"].endswith(f"/tributary-local-{name}CollectorQueue.fifo")
        assert attributes["FifoQueue"] == "true"
        assert attributes["VisibilityTimeout"] == "300"
        assert attributes["MessageRetentionPeriod"] == "600"
        assert dead_letters.endswith(f":tributary-local-{name}CollectorQueueDeadLetters.fifo")


def test_no_reference_is_left_unresolved(stack: CreatedStack) -> None:
    values = [v for variables in stack.environments.values() for v in variables.values()]

    assert all(isinstance(value, str) for value in values)
    assert not [value for value in values if "${" in value or "Ref" in value]


def test_the_table_has_its_keys(stack: CreatedStack) -> None:
    client = boto3.client("dynamodb", endpoint_url=stack.endpoint)
    table = client.describe_table(TableName=stack.table)["Table"]

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_secrets_are_empty_until_they_are_filled(stack: CreatedStack) -> None:
    assert json.loads(stack.secret("HostupSecret")) == {"accounts": []}

    stack.fill_secret("HostupSecret", {"accounts": [{"name": "demo", "token": "t"}]})

    assert json.loads(stack.secret("HostupSecret"))["accounts"][0]["name"] == "demo"


def test_the_token_has_forty_letters_and_digits(stack: CreatedStack) -> None:
    assert re.fullmatch("[A-Za-z0-9]{40}", stack.secret("BootstrapToken"))


def test_a_resource_nothing_stands_for_is_noticed(endpoint: str) -> None:
    template = Template(ROOT / "template.yaml", {})
    template.resources["Stream"] = {"Type": "AWS::Kinesis::Stream", "Properties": {}}

    with pytest.raises(Failure, match="Stream: nothing local stands for AWS::Kinesis::Stream"):
        create_stack(template, endpoint)


def test_the_env_file_holds_declared_variables_only(
    template: Template, stack: CreatedStack, tmp_path: Path
) -> None:
    overrides = {
        "AWS_ENDPOINT_URL": seen_from_a_container(stack.endpoint),
        "FRESH": "1",
        "UNKNOWN": "x",
    }
    write_env_file(tmp_path / "env.json", template, stack, overrides)
    written = json.loads((tmp_path / "env.json").read_text())

    port = stack.endpoint.rpartition(":")[2]
    assert set(written) == set(template.functions())
    assert written["HostupCollectorFunction"]["FRESH"] == "1"
    assert "FRESH" not in written["QueryApiFunction"]
    for name, variables in written.items():
        assert variables.keys() == stack.environments[name].keys()
        assert variables["AWS_ENDPOINT_URL"] == f"http://host.docker.internal:{port}"
