"""Least privilege, both ways: every call of a function is granted, and every grant is called."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws import CreatedStack, create_stack, start_moto
from local.build import build
from local.environment import architecture
from local.inputs import HOSTUP, NORTHFLANK
from local.payload import Request, event
from local.plain_process import PlainInstance
from local.processes import Processes
from local.providers.hostup import HostupSimulator
from local.providers.northflank import NorthflankSimulator
from local.providers.server import serve
from local.runtime import RunningFunction, start_functions
from local.template import Function, Template
from tests.openapi import api
from tests.sqs import delivery, received
from tests.stack.recorder import Call, recorder
from tributary.hours import Hours
from tributary.registry import Entry, Registry, Shard
from tributary.stamps import Stamps
from tributary.table import Table
from tributary.tokens import ADMIN
from tributary.windows import HOUR_MS

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("sam-local")]

COMPACTOR, QUERY = "CompactorFunction", "QueryApiFunction"
FUNCTIONS = (NORTHFLANK, HOSTUP, COMPACTOR, QUERY)
SECRETS = {NORTHFLANK: "NorthflankSecret", HOSTUP: "HostupSecret"}
# What the simulators have of each.
IN_PATHS = {
    "projectId": "shop",
    "serviceId": "api",
    "addonId": "orders-db",
    "jobId": "nightly-report",
    "teamId": "nobody",
    "id": "vps_01jc4w8e2m5k9r3t7y1a6d0f4h",
}
QUERIES = {"/v1/query": "metric=cpu.utilization&start=-1h", "/v1/coverage": "start=-1h"}
NOW = datetime.now(UTC).replace(second=0, microsecond=0)

# What AWS itself does in a function's name, and no code of it asks for.
PLATFORM = {
    # Lambda's poller takes messages off a function's queue by the function's role.
    # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#events-sqs-permissions
    "sqs:ReceiveMessage": ("NorthflankCollectorQueue", "HostupCollectorQueue"),
    "sqs:DeleteMessage": ("NorthflankCollectorQueue", "HostupCollectorQueue"),
    "sqs:GetQueueAttributes": ("NorthflankCollectorQueue", "HostupCollectorQueue"),
    # Lambda puts an event that failed into the dead-letter queue by the function's role.
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    "sqs:SendMessage": (
        *("NorthflankCollectorDeadLetters", "HostupCollectorDeadLetters"),
        "CompactorDeadLetters",
    ),
}
# Besides, each role has AWS's own policy for writing logs:
LOGS = "AWSLambdaBasicExecutionRole"

type Grant = tuple[str, str]  # action, logical id of what it is granted on


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(build(), {"Architecture": architecture()})


@pytest.fixture(scope="module")
def world(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    """After runs of each function that took each of its ways."""
    with ExitStack() as started:
        world = World(template, started, tmp_path_factory.mktemp("privileges"))
        for collector in (HOSTUP, NORTHFLANK):
            world.collect(collector)
        world.compact()
        world.query()
        for collector in (HOSTUP, NORTHFLANK):
            world.refuse(collector)
            world.spread(collector)
        yield world


class World:
    """The built functions on moto, each behind a recorder of its own."""

    def __init__(self, template: Template, started: ExitStack, folder: Path) -> None:
        self.template, self._started = template, started
        self._log = started.enter_context((folder / "log").open("wb"))
        self._processes = started.enter_context(Processes())
        self.stack: CreatedStack = create_stack(template, start_moto(self._processes, self._log))
        # A short memory: what is to be imported of it is soon.
        northflank = NorthflankSimulator(requests_per_hour=100_000, retention_seconds=7200)
        hostup = HostupSimulator(requests_per_minute=100_000)
        self._tokens = {NORTHFLANK: northflank.token, HOSTUP: hostup.token}
        self._environment = {
            "NORTHFLANK_BASE_URL": started.enter_context(serve(northflank)).url,
            "HOSTUP_BASE_URL": started.enter_context(serve(hostup)).url,
            "HOSTUP_REQUESTS_PER_MINUTE": "100000",
        }
        self.calls: dict[str, list[Call]] = {}
        self._urls: dict[str, str] = {}
        for name in FUNCTIONS:
            self._urls[name], self.calls[name] = started.enter_context(
                recorder(self.stack.endpoint)
            )

    def asked(self, name: str) -> set[Grant]:
        """What a function asked of what, by logical id."""
        logical = {
            self.stack.table: "Table",
            **{arn: secret for secret, arn in self.stack.secrets.items()},
            **{
                self.stack.environments[one]["QUEUE_URL"]: one.replace("Function", "Queue")
                for one in (NORTHFLANK, HOSTUP)
            },
            # PutMetricData is granted for a namespace, not on a resource.
            self.template.parameters["MetricsNamespace"]: "*",
        }
        return {(one.action, logical.get(one.named, one.named)) for one in self.calls[name]}

    def function(self, name: str, **overrides: str) -> RunningFunction:
        """A new instance of a built function, with other variables than the template's."""

        def start(function: Function, environment: Mapping[str, str]) -> PlainInstance:
            recorded = {**environment, "AWS_ENDPOINT_URL": self._urls[name]}
            return PlainInstance(function, recorded, self._processes, self._log)

        one = {name: self.template.functions()[name]}
        variables = {**self._environment, **overrides}
        [running] = start_functions(one, self.stack, variables, start, {}).values()
        self._started.callback(running.close)
        return running

    def collect(self, name: str) -> None:
        """One account, twice, which has had so many resources that it has two shards."""
        self._shard(f"{name.removesuffix('CollectorFunction').lower()}/main")
        self.stack.fill_secret(SECRETS[name], {"accounts": [self._account(name)]})
        collector = self.function(name)
        for minutes in (0, 5):
            assert collector.invoke(scheduled(minutes), 0)["errors"] == 0

    def refuse(self, name: str) -> None:
        """A key that the host does not take: the secret is read again, in case it was replaced."""
        refused = {**self._account(name), "token": "refused"}
        self.stack.fill_secret(SECRETS[name], {"accounts": [refused]})
        assert self.function(name).invoke(scheduled(10), 0)["errors"] == 1

    def spread(self, name: str) -> None:
        """More accounts than an invocation takes."""
        both = [{**self._account(name), "name": one} for one in ("first", "second")]
        self.stack.fill_secret(SECRETS[name], {"accounts": both})
        spreading = self.function(name, ACCOUNTS_PER_INVOCATION="1")
        assert spreading.invoke(scheduled(15), 0)["sent"] == 2
        sqs = boto3.client("sqs", endpoint_url=self.stack.endpoint)
        queue_url = self.stack.environments[name]["QUEUE_URL"]
        for message in received(sqs, queue_url):
            assert spreading.invoke(delivery(queue_url, message), 0)["accounts"] == 1

    def _shard(self, account: str) -> None:
        provider, _, name = account.partition("/")
        attributes = {"provider": provider, "account": name, "name": "gone", "kind": "vps"}
        if provider == "northflank":
            attributes |= {"kind": "job", "project": "lab", "type": "cron"}
        gone = Entry(f"{account}/lab/jobs/gone", attributes, gone_ms=1)
        shard = Shard(account, 1, {gone.resource: gone})
        Registry(self._table()).save(Shard(account, 1, {}), lambda _: shard)

    def _table(self) -> Table:
        client = boto3.client("dynamodb", endpoint_url=self.stack.endpoint)
        return Table(client, self.stack.table)

    def _account(self, name: str) -> Mapping[str, str]:
        return {"name": "main", "token": self._tokens[name]}

    def compact(self) -> None:
        """Hours that are over; then under a longer retention, for which items are stamped anew
        half an hour after it was noticed."""
        assert self.function(COMPACTOR).invoke(scheduled(0), 0)["errors"] == {}
        longer = self.function(COMPACTOR, COARSE_RETENTION_DAYS="3650")
        assert longer.invoke(scheduled(0), 0)["errors"] == {}
        for shard in Registry(self._table()).shards():
            Hours(self._table()).stamp(shard, _noticed_an_hour_ago)
        assert longer.invoke(scheduled(0), 0)["restamped"] > 0

    def query(self) -> None:
        """Every route of the API's document, by the stack's own token and by one that was made."""
        query = self.function(QUERY)
        made = self.stack.token("privileges", [ADMIN])
        answered = {path: ask(query, existing(path), made) for path in api()["paths"]}
        assert {path: status for path, status in answered.items() if status != 200} == {
            # No account of the simulators has a team, and none is called so.
            path: 404
            for path in answered
            if "{teamId}" in path
        }
        own = f"bootstrap.{self.stack.secret('BootstrapToken')}"
        assert ask(query, "/v1/resources", own) == 200
        assert ask(query, "/v1/resources", "no.token") == 401


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_call_is_granted_and_every_grant_is_called(
    template: Template, world: World, name: str
) -> None:
    granted = {one for one in grants(template, name) if one[1] not in PLATFORM.get(one[0], ())}

    assert world.asked(name) == granted


def test_what_the_platform_does_is_granted_where_it_does_it(template: Template) -> None:
    granted = {name: set(grants(template, name)) for name in FUNCTIONS}

    for action, places in PLATFORM.items():
        for place in places:
            [holder] = [name for name in granted if (action, place) in granted[name]]
            assert place.startswith(holder.removesuffix("Function"))
    for name in FUNCTIONS:
        managed = template.of_type("AWS::IAM::Role")[f"{name}Role"]["ManagedPolicyArns"]
        assert [str(arn).rstrip("'}]").endswith(LOGS) for arn in managed] == [True]


def test_a_condition_holds_for_every_call_that_it_is_put_on(
    world: World,
) -> None:
    for name in (NORTHFLANK, HOSTUP):
        sent = {one.named for one in world.calls[name] if one.action == "cloudwatch:PutMetricData"}
        assert sent == {"Tributary"}
    keys = {
        one.parameters["Key"]["pk"]["S"]
        for one in world.calls[QUERY]
        if one.action == "dynamodb:UpdateItem"
    }
    assert keys
    assert all(key.startswith("used#") for key in keys)


def test_no_action_is_a_pattern_and_a_resource_only_where_aws_has_nothing_narrower(
    template: Template,
) -> None:
    for role, properties in template.of_type("AWS::IAM::Role").items():
        for statement in _statements(properties):
            assert "*" not in json.dumps(statement["Action"]), role
            if statement["Resource"] == "*":
                # PutMetricData has no resources: its condition on the namespace stands for one.
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
                assert statement["Action"] == "cloudwatch:PutMetricData"
                assert "cloudwatch:namespace" in statement["Condition"]["StringEquals"]


def _noticed_an_hour_ago(known: Mapping[str, Stamps]) -> dict[str, Stamps]:
    return {
        tier: replace(
            one, raised=one.raised and replace(one.raised, at_ms=one.raised.at_ms - HOUR_MS)
        )
        for tier, one in known.items()
    }


def grants(template: Template, name: str) -> Iterator[Grant]:
    """What the translated policy of a function allows, action by action."""
    for statement in _statements(template.of_type("AWS::IAM::Role")[f"{name}Role"]):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            yield action, _on(statement["Resource"])


def existing(path: str) -> str:
    """A path of the document, of something that the simulators have."""
    return path.format_map(IN_PATHS | ({"projectId": "lab"} if "/jobs" in path else {}))


def ask(query: RunningFunction, path: str, token: str) -> int:
    """The status of the answer to a GET, as API Gateway would have it asked."""
    headers = [("Authorization", f"Bearer {token}")]
    target = f"{path}?{QUERIES.get(path, '')}"
    request = Request("GET", target, "HTTP/1.1", headers, b"", "203.0.113.7")
    status: int = query.invoke(event(request, "$default", datetime.now(UTC)), 0)["statusCode"]
    return status


def scheduled(minutes: int) -> dict[str, str]:
    slot = NOW - timedelta(minutes=15 - minutes)
    return {"scheduledTime": slot.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _statements(role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for policy in role.get("Policies", ()):
        statements = policy["PolicyDocument"]["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def _on(resource: Any) -> str:
    match resource:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::Sub": [str(arn), {"UsedTable": _}]} if arn.endswith(":table/${UsedTable}"):
            return "Table"
        case _:
            return str(resource)
