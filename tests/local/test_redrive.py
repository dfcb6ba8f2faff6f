"""`make redrive` on moto: dead letters are listed with their reasons, and sent once more."""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.failure import Failure
from local.redrive import main

TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "CompactorFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "compactor",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context): return event"},
            },
        },
        "CompactorDeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "HostupCollectorQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": "turns.fifo", "FifoQueue": True},
        },
        "HostupCollectorQueueDeadLetters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": "dead.fifo", "FifoQueue": True},
        },
    }
}
SLOT = "2026-11-22T10:00:00Z"
EVENT, TURN = {"scheduledTime": SLOT}, {"account": "main", "scheduledTime": SLOT}


class Stack:
    """A stack's dead-letter queues."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs")
        self._made = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in boto3.client("cloudformation").describe_stack_resources(StackName="stack")[
                "StackResources"
            ]
        }

    def put(self, queue: str, body: Any, **notes: str) -> None:
        fifo: dict[str, Any] = {"MessageGroupId": "main", "MessageDeduplicationId": f"main@{SLOT}"}
        self.sqs.send_message(
            QueueUrl=self._made[queue],
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in notes.items()
            },
            **(fifo if queue.startswith("Hostup") else {}),
        )

    def bodies(self, queue: str) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self._made[queue], VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        boto3.client("cloudformation").create_stack(
            StackName="stack", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
        )
        yield Stack()


def redriven(*arguments: str) -> tuple[int, list[str]]:
    said: list[str] = []
    return main(["--stack=stack", *arguments], said.append), said


def test_dead_letters_are_listed_with_their_reasons_and_stay(stack: Stack) -> None:
    stack.put("CompactorDeadLetters", EVENT, ErrorCode="200", ErrorMessage="Task timed out")
    stack.put("HostupCollectorQueueDeadLetters", TURN)

    status, said = redriven()

    assert status == 0
    assert said == [
        "CompactorDeadLetters: 1",
        f"    {json.dumps(EVENT)}  ErrorCode 200, ErrorMessage Task timed out",
        "HostupCollectorQueueDeadLetters: 1",
        f"    {json.dumps(TURN)}  its run died",
    ]
    assert redriven() == (status, said)


def test_an_event_is_sent_to_its_function_and_a_turn_to_its_queue(stack: Stack) -> None:
    stack.put("CompactorDeadLetters", EVENT, ErrorCode="200")
    stack.put("HostupCollectorQueueDeadLetters", TURN)

    status, said = redriven("--go")

    assert status == 0
    assert [line.rpartition("  ")[2] for line in said if line.startswith("    ")] == [
        "sent again"
    ] * 2
    assert stack.bodies("HostupCollectorQueue") == [TURN]
    assert stack.bodies("CompactorDeadLetters") == []
    assert redriven()[1] == ["CompactorDeadLetters: 0", "HostupCollectorQueueDeadLetters: 0"]


def test_what_tributary_did_not_send_is_left_and_said(stack: Stack) -> None:
    stack.put("CompactorDeadLetters", "hello")
    stack.put("HostupCollectorQueueDeadLetters", {"account": "main"})

    status, said = redriven("--go")

    assert status == 1
    assert all("(not what Tributary sends: left)" in one for one in said if one.startswith("   "))
    assert stack.bodies("CompactorDeadLetters") == ["hello"]
    assert stack.bodies("HostupCollectorQueue") == []


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say which stack, as in make redrive STACK=tributary"),
        (("--stack=nobody",), "Reading nobody failed: "),
    ],
)
def test_a_stack_that_there_is_not_is_said(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failure, match=re.escape(said)):
        main(arguments, print)
