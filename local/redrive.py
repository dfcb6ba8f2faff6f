"""`make redrive`: what lies in a stack's dead-letter queues and why, and with GO=1 once more.

Seldom needed: an event says until when to collect or compact, so that the next one of its function
makes up for any that failed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.failure import Failure
from local.user_aws import LOOKED_FOR, user_client
from tributary.errors import SettingsError
from tributary.turns import turns_in

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_DEAD_LETTERS = "DeadLetters"
# As long as a listing may take: what was received is not shown to others meanwhile.
_HIDDEN_SECONDS = 60
_ACCEPTED = 202
_USAGE = "Say which stack, as in make redrive STACK=tributary; GO=1 also sends everything again."


@dataclass(frozen=True)
class Place:
    """A dead-letter queue, and where its messages were to go: a function or a queue of turns."""

    name: str
    queue_url: str
    target: str
    is_queue: bool


@dataclass(frozen=True)
class Letter:
    """A message with what AWS noted of why it is here."""

    id: str
    receipt: str
    body: str
    notes: Mapping[str, str]

    @property
    def turn(self) -> str | None:
        """The account whose turn it is, if it is one."""
        try:
            [turn] = turns_in({"Records": [{"body": self.body}]})
        except SettingsError:
            return None
        return turn.account

    @property
    def is_event(self) -> bool:
        """Whether it is what a schedule sends."""
        try:
            return "scheduledTime" in json.loads(self.body)
        except (ValueError, TypeError):
            return False

    def __str__(self) -> str:
        noted = ", ".join(f"{name} {value}" for name, value in sorted(self.notes.items()))
        return f"{self.body[:120]}  {noted or 'its run died'}"


def main(arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Lists every dead letter, and sends them again if so wanted; 1 if one can't be.

    Raises Failure for a stack that there is not, or that AWS does not show.
    """
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("--stack", default="")
    parser.add_argument("--go", action="store_true")
    given = parser.parse_args(arguments)
    if not given.stack:
        raise Failure(_USAGE)
    try:
        left = sum(_handled(place, given.go, say) for place in places(given.stack))
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"Reading {given.stack} failed: {error}. {LOOKED_FOR}") from error
    return 1 if left else 0


def places(stack: str) -> Iterator[Place]:
    """The stack's dead-letter queues."""
    pages = user_client("cloudformation").get_paginator("list_stack_resources")
    made = {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for page in pages.paginate(StackName=stack)
        for one in page["StackResourceSummaries"]
    }
    for name in sorted(made):
        if name.endswith(_DEAD_LETTERS):
            target = name.removesuffix(_DEAD_LETTERS)
            function = made.get(f"{target}Function")
            yield Place(name, made[name], function or made[target], function is None)


def _handled(place: Place, go: bool, say: Callable[[str], None]) -> int:
    """How many letters can't be sent again."""
    letters = list(_received(place))
    say(f"{place.name}: {len(letters)}")
    left = 0
    for letter in letters:
        understood = letter.turn is not None if place.is_queue else letter.is_event
        left += not understood
        said = "" if understood else "  (not what Tributary sends: left)"
        if go and understood:
            _sent_again(place, letter)
            said = "  sent again"
        else:
            _shown_again(place, letter)
        say(f"    {letter}{said}")
    return left


def _received(place: Place) -> Iterator[Letter]:
    """Each message once: they are hidden meanwhile."""
    client, seen = user_client("sqs"), set[str]()
    while True:
        messages = client.receive_message(
            QueueUrl=place.queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        new = [one for one in messages if one["MessageId"] not in seen]
        if not new:
            return
        for message in new:
            seen.add(message["MessageId"])
            yield _letter(message)


def _letter(message: "MessageTypeDef") -> Letter:
    attributes = message.get("MessageAttributes", {})
    notes = {name: value.get("StringValue", "") for name, value in attributes.items()}
    return Letter(message["MessageId"], message["ReceiptHandle"], message["Body"], notes)


def _sent_again(place: Place, letter: Letter) -> None:
    """Deleted only once it is accepted: a crash in between has it sent twice, which is no harm."""
    sqs = user_client("sqs")
    if place.is_queue:
        sqs.send_message(
            QueueUrl=place.target,
            MessageBody=letter.body,
            MessageGroupId=letter.turn or "",
            # Not the one of its slot, which SQS would drop as a repeat.
            MessageDeduplicationId=letter.id,
        )
    else:
        answer = user_client("lambda").invoke(
            FunctionName=place.target, InvocationType="Event", Payload=letter.body.encode()
        )
        if answer["StatusCode"] != _ACCEPTED:
            raise Failure(f"{place.target} answered {answer['StatusCode']}: {letter} is left.")
    sqs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=letter.receipt)


def _shown_again(place: Place, letter: Letter) -> None:
    user_client("sqs").change_message_visibility(
        QueueUrl=place.queue_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], print))
    except Failure as failure:
        sys.exit(str(failure))
