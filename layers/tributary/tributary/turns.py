"""Turns: accounts' parts of a slot, sent by the provider's queue to the collector that sent them.

A message names the account and the slot, never a token: who gets it reads the secret itself.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched, chain
from random import Random
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tributary.aws import aws_client
from tributary.errors import SettingsError, StorageError
from tributary.windows import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

DEFAULT_ACCOUNTS_PER_INVOCATION = 50
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_MESSAGES_PER_REQUEST = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """An account's part of a slot: its name in the secret, and the slot in ms since the epoch."""

    account: str
    slot_ms: int


def turns_of(accounts: Iterable[str], slot_ms: int) -> list[Turn]:
    """A turn for each account, in an order of the slot's own.

    Where a queue is too long for its time, it is then not the same accounts each time whose
    messages expire; and the same slot twice gives the same order.
    """
    turns = [Turn(account, slot_ms) for account in accounts]
    Random(slot_ms).shuffle(turns)  # nosec B311 # an order that is to be the same each time
    return turns


def is_delivery(event: Mapping[str, Any]) -> bool:
    """Whether Lambda read the event from a queue."""
    match event:
        case {"Records": [{"eventSource": "aws:sqs"}, *_]}:
            return True
        case _:
            return False


def turns_in(event: Mapping[str, Any]) -> list[Turn]:
    """The turns that a delivery brings; raises SettingsError for a message that is none."""
    return [_turn(record.get("body")) for record in event["Records"]]


def _turn(body: Any) -> Turn:
    try:
        message = json.loads(body)
        return Turn(str(message["account"]), parse_rfc3339(message["scheduledTime"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            'a collector is sent {"account": "main", "scheduledTime": "2026-11-22T10:00:00Z"}, '
            f"not {str(body)[:200]}"
        ) from error


class Turns:
    """Sends turns by a FIFO queue, once there are more accounts than an invocation collects.

    `connect` makes the client when something is to be sent: few have so many accounts, and a
    client costs the others' cold starts.
    """

    def __init__(
        self, connect: Callable[[], "SQSClient"], queue_url: str, accounts_per_invocation: int
    ) -> None:
        self._connect = connect
        self._queue_url = queue_url
        self.accounts_per_invocation = accounts_per_invocation

    @classmethod
    def from_env(cls) -> Self | None:
        """The queue that QUEUE_URL names, past ACCOUNTS_PER_INVOCATION; None without a queue."""
        queue_url = os.environ.get("QUEUE_URL")
        most = os.environ.get("ACCOUNTS_PER_INVOCATION", DEFAULT_ACCOUNTS_PER_INVOCATION)
        return cls(_client, queue_url, int(most)) if queue_url else None

    def send(self, turns: Sequence[Turn]) -> dict[str, StorageError]:
        """Sends every turn, those that fail once more, and returns by account why those were not
        taken that were not.

        A turn whose answer was lost may have been taken all the same: its second is then a
        duplicate, which SQS drops.
        """
        client = self._connect()
        failed = self._attempt(client, turns)
        return self._attempt(client, [turn for turn in turns if turn.account in failed])

    def _attempt(self, client: "SQSClient", turns: Sequence[Turn]) -> dict[str, StorageError]:
        failed: dict[str, StorageError] = {}
        batches = list(batched(turns, _MESSAGES_PER_REQUEST, strict=False))
        for number, batch in enumerate(batches):
            try:
                failed |= self._send(client, batch)
            except (ClientError, BotoCoreError) as error:
                # After the client's own attempts: what SQS does not take now, or at all, the
                # batches behind this one would wait for in vain.
                reason = StorageError(f"sending to {self._queue_url}: {error}")
                left = chain.from_iterable(batches[number:])
                return failed | {turn.account: reason for turn in left}
        return failed

    def _send(self, client: "SQSClient", turns: Sequence[Turn]) -> dict[str, StorageError]:
        answer = client.send_message_batch(QueueUrl=self._queue_url, Entries=list(_entries(turns)))
        return {
            turns[int(one["Id"])].account: StorageError(
                f"{self._queue_url} refused a message: {one['Code']} {one.get('Message', '')}"
            )
            for one in answer.get("Failed", ())
        }


def _entries(turns: Iterable[Turn]) -> "Iterator[SendMessageBatchRequestEntryTypeDef]":
    """Messages: an account's are delivered one at a time, and a repeat within five minutes is not.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html
    """
    for number, turn in enumerate(turns):
        slot = rfc3339(turn.slot_ms)
        yield {
            "Id": str(number),
            "MessageBody": json.dumps({"account": turn.account, "scheduledTime": slot}),
            "MessageGroupId": turn.account,
            "MessageDeduplicationId": f"{turn.account}@{slot}",
        }


def _client() -> "SQSClient":
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5
    )
    return aws_client("sqs", config)
