"""A deployment rehearsed: the stack on moto, its schedules and routes, and an update from the
template that was released last."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local.aws import create_stack, start_moto, update_stack
from local.build import ROOT
from local.processes import Processes
from local.template import Template
from tributary.turns import is_delivery

SOURCE = ROOT / "template.yaml"
# template.yaml as it was released last; whoever releases copies it here (CONTRIBUTING.md).
RELEASED = Path(__file__).with_name("released.yaml")
# What holds history, credentials or an address that users know; replaced, it would be lost.
KEPT = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::DynamoDB::Table",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
CRON = re.compile(
    r"cron\((?P<minutes>[\d/,*-]+) (?P<hours>[\d/,*-]+) "
    r"(?P<days>[\d/,*?LW-]+) (?P<months>[\w/,*-]+) (?P<weekdays>[\w/,*?#L-]+) "
    r"(?P<years>[\d/,*-]+)\)"
)


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(SOURCE, {})


@pytest.fixture(scope="module")
def released() -> Template:
    return Template(RELEASED, {})


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    with Processes() as processes, (tmp_path / "log").open("wb") as log:
        yield start_moto(processes, log)


def test_the_stack_is_created_and_every_variable_resolves(
    template: Template, endpoint: str
) -> None:
    stack = create_stack(template, endpoint)

    for name, variables in stack.environments.items():
        declared = template.of_type("AWS::Lambda::Function")[name]["Environment"]["Variables"]
        assert variables.keys() == declared.keys()
        for variable, value in variables.items():
            assert "${" not in value
            assert "Ref" not in value
            empty = declared[variable] == "" or _default(template, declared[variable]) == ""
            assert bool(value) != empty, f"{name}: {variable} is {value!r}"


def test_an_update_keeps_every_item_and_account(
    template: Template, released: Template, endpoint: str
) -> None:
    before = create_stack(released, endpoint)
    table = boto3.client("dynamodb", endpoint_url=endpoint)
    item = {"pk": {"S": "reg"}, "sk": {"S": "!"}}
    table.put_item(TableName=before.table, Item=item)
    before.fill_secret("HostupSecret", {"accounts": [{"name": "main", "token": "theirs"}]})

    after = update_stack(template, before)

    assert (after.table, after.secrets) == (before.table, before.secrets)
    assert table.get_item(TableName=after.table, Key=item)["Item"] == item
    assert json.loads(after.secret("HostupSecret"))["accounts"][0]["token"] == "theirs"


def test_an_update_replaces_nothing_that_holds_something(
    template: Template, released: Template
) -> None:
    held = {n: r for n, r in released.resources.items() if r["Type"] in KEPT}

    assert {r["Type"] for r in held.values()} == KEPT
    for name, before in held.items():
        after = template.resources.get(name)
        assert after, f"{name} is gone"
        assert after["Type"] == before["Type"]
        for path in _create_only(before["Type"]):
            values = [_at(one.get("Properties", {}), path) for one in (before, after)]
            assert values[0] == values[1], f"{name} would be replaced: {path}"
        assert after.get("Condition") == before.get("Condition")


def test_a_tables_name_and_keys_are_what_it_would_be_replaced_for() -> None:
    looked_at = _create_only("AWS::DynamoDB::Table")

    assert {"/properties/TableName", "/properties/KeySchema"} <= set(looked_at)
    assert _at({"KeySchema": [1]}, "/properties/KeySchema") == [1]


@pytest.mark.parametrize("parameter", Template(RELEASED, {}).cloudformation["Parameters"])
def test_a_stacks_own_parameters_are_still_there(template: Template, parameter: str) -> None:
    """`sam deploy` hands on what a stack was deployed with, and fails on one that is gone."""
    assert parameter in template.cloudformation["Parameters"]


def test_a_schedule_fires_and_reaches_its_function_as_its_role_allows(template: Template) -> None:
    for name, schedule in template.of_type("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        [function] = target["Arn"]["Fn::GetAtt"][:1]
        assert CRON.fullmatch(template.resolve(schedule["ScheduleExpression"])), name
        assert schedule["ScheduleExpressionTimezone"] == "UTC"
        role = template.of_type("AWS::IAM::Role")[target["RoleArn"]["Fn::GetAtt"][0]]
        [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Principal"] == {"Service": ["scheduler.amazonaws.com"]}
        allowed = [
            (statement["Action"], statement["Resource"])
            for policy in role["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        assert ("lambda:InvokeFunction", {"Fn::GetAtt": [function, "Arn"]}) in allowed
        assert ("sqs:SendMessage", target["DeadLetterConfig"]["Arn"]) in allowed


@pytest.mark.parametrize("minutes", [1, 2, 3, 5, 6, 10, 12, 15, 20, 30])
def test_the_rate_of_each_allowed_interval_is_a_cron_expression(minutes: int) -> None:
    template = Template(SOURCE, {"NorthflankEveryMinutes": str(minutes)})
    [schedule] = [s for s in template.schedules() if s.function.startswith("Northflank")]
    found = CRON.fullmatch(schedule.expression)

    assert found
    first, _, step = found["minutes"].partition("/")
    assert int(step) == minutes
    assert int(first) < minutes or minutes == 1
    # One of the two is a question mark: EventBridge refuses two of them, and none.
    assert (found["days"] == "?") != (found["weekdays"] == "?")


def test_a_queue_delivers_to_its_function_what_the_function_takes(template: Template) -> None:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        function = mapping["FunctionName"]["Ref"]
        folder = re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()
        delivery = json.loads((ROOT / "events" / folder / "delivery.json").read_text())
        assert is_delivery(delivery)


def test_every_route_may_invoke_the_alias_that_it_asks(template: Template) -> None:
    [api] = template.of_type("AWS::ApiGatewayV2::Api").values()
    allowed = {
        (json.dumps(one["FunctionName"]), source.partition("${__Stage__}")[2])
        for one in template.of_type("AWS::Lambda::Permission").values()
        for source in [one["SourceArn"]["Fn::Sub"][0]]
    }
    for path, methods in api["Body"]["paths"].items():
        for method, route in methods.items():
            asked = re.search(r"\$\{(\w+)\}", _integration(route))
            assert asked
            place = "/*" if path == "$default" else f"/{method.upper()}{path}"
            assert (json.dumps({"Ref": asked[1]}), place) in allowed


def _integration(route: Mapping[str, Any]) -> str:
    uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    return str(uri).partition("/functions/")[2]


def _create_only(kind: str) -> list[str]:
    """The properties that CloudFormation replaces a resource of the type for."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return [
        path
        for kind_of_change in ("createOnlyProperties", "conditionalCreateOnlyProperties")
        for path in schema.get(kind_of_change, ())
    ]


def _at(properties: Mapping[str, Any], path: str) -> Any:
    value: Any = properties
    for name in path.removeprefix("/properties/").split("/"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _default(template: Template, value: Any) -> str | None:
    match value:
        case {"Ref": str(name)}:
            return template.parameters.get(name)
        case _:
            return None
