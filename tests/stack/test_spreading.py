"""Many accounts, by the built collector and the template's queue: sent, delivered, collected."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from local.aws import CreatedStack, create_stack, start_moto
from local.build import build
from local.environment import architecture
from local.inputs import HOSTUP, inputs
from local.plain_process import PlainInstance
from local.processes import Processes
from local.runtime import RunningFunction, start_functions
from local.settings import Settings
from local.template import Template
from tests.sqs import delivery, received

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("sam-local")]

NAMES = ("first", "second", "third")
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def spread(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[CreatedStack, RunningFunction]]:
    """HostUp's built collector with three accounts, which collects two at most in an invocation."""
    with ExitStack() as started:
        log = started.enter_context((tmp_path_factory.mktemp("spread") / "log").open("wb"))
        template = Template(build(), {"Architecture": architecture()})
        processes = started.enter_context(Processes())
        stack = create_stack(template, start_moto(processes, log))
        given = inputs(Settings(0, "process"), started)
        [account] = given.accounts["HostupSecret"]["accounts"]
        stack.fill_secret("HostupSecret", {"accounts": [{**account, "name": one} for one in NAMES]})
        functions = start_functions(
            {HOSTUP: template.functions()[HOSTUP]},
            stack,
            {**given.environment, "ACCOUNTS_PER_INVOCATION": "2"},
            lambda function, environment: PlainInstance(function, environment, processes, log),
            {},
        )
        yield stack, functions[HOSTUP]


@pytest.fixture
def sqs(spread: tuple[CreatedStack, RunningFunction]) -> "SQSClient":
    return boto3.client("sqs", endpoint_url=spread[0].endpoint)


def scheduled(minutes: int) -> dict[str, str]:
    slot = NOW + timedelta(minutes=minutes)
    return {"scheduledTime": slot.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_a_slots_accounts_are_sent_once_and_collected_when_they_are_delivered(
    spread: tuple[CreatedStack, RunningFunction], sqs: "SQSClient"
) -> None:
    stack, collector = spread
    queue_url = stack.environments[HOSTUP]["QUEUE_URL"]

    answers = [collector.invoke(scheduled(0), 0) for _ in range(2)]

    assert [(one["sent"], one["resources"], one["errors"]) for one in answers] == [(3, 0, 0)] * 2
    messages = received(sqs, queue_url)
    slot = scheduled(0)["scheduledTime"]
    assert {
        (
            message["Attributes"]["MessageGroupId"],
            message["Attributes"]["MessageDeduplicationId"],
            message["Body"],
        )
        for message in messages
    } == {
        (name, f"{name}@{slot}", json.dumps({"account": name, "scheduledTime": slot}))
        for name in NAMES
    }
    assert len(messages) == 3

    for message in messages:
        answer = collector.invoke(delivery(queue_url, message), 0)

        assert (answer["accounts"], answer["resources"], answer["errors"]) == (1, 4, 0)
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert collected(stack) == {f"acc#hostup/{name}" for name in NAMES}


def collected(stack: CreatedStack) -> set[str]:
    """The keys of the accounts that have a state."""
    client = boto3.client("dynamodb", endpoint_url=stack.endpoint)
    pages = client.get_paginator("scan").paginate(TableName=stack.table)
    keys = (item["pk"]["S"] for page in pages for item in page["Items"])
    return {key for key in keys if key.startswith("acc#")}


def test_a_turn_whose_run_died_is_a_dead_letter_and_the_next_one_is_delivered(
    spread: tuple[CreatedStack, RunningFunction], sqs: "SQSClient"
) -> None:
    stack, collector = spread
    queue_url = stack.environments[HOSTUP]["QUEUE_URL"]
    collector.invoke(scheduled(5), 0)
    collector.invoke(scheduled(10), 0)
    for message in received(sqs, queue_url):  # nobody deletes it, and its time is over at once
        sqs.change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    then = received(sqs, queue_url)

    dead_letters = received(sqs, queue_url.replace("Queue.fifo", "QueueDeadLetters.fifo"))
    assert {json.loads(one["Body"])["scheduledTime"] for one in dead_letters} == set(
        scheduled(5).values()
    )
    assert {json.loads(one["Body"])["scheduledTime"] for one in then} == set(scheduled(10).values())
    assert len(dead_letters) == len(then) == 3
