"""The one DynamoDB table: items of packed bytes, put only on condition of what was read."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tributary.errors import ContendedError, StorageError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_GET_LIMIT = 100
_ATTEMPTS = 12
# DynamoDB asks for exponential backoff between rounds of unprocessed keys: three seconds in all.
_ROUNDS = 6
_FIRST_PAUSE_SECONDS = 0.05


class Key(NamedTuple):
    """Partition key and sort key."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item: `data` is packed bytes, `digest` that of their content, `expires_s` Unix seconds.

    `parted` marks an item whose content lies in items of its own, under its sort key + `#0`-`#f`.
    """

    key: Key
    data: bytes
    digest: bytes
    expires_s: int | None = None
    parted: bool = False


class ChangedError(Exception):
    """The item is no longer what the writer read; `current` is what it is now, read strongly."""

    def __init__(self, current: Item | None) -> None:
        super().__init__("the item was changed by another writer")
        self.current = current


class Table:
    """Gets, queries and conditional puts. Expired items are not there, whatever TTL has to do."""

    def __init__(
        self, client: "DynamoDBClient", name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._name = name
        self._clock = clock

    @classmethod
    def from_env(cls) -> Self:
        """The table named by TABLE_NAME."""
        # Reads run on up to 16 threads; adaptive retries would slow all of them for one throttle.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            connect_timeout=3,
            read_timeout=10,
            max_pool_connections=32,
        )
        return cls(boto3.client("dynamodb", config=config), os.environ["TABLE_NAME"])

    def get(self, key: Key) -> Item | None:
        """The item as all writes so far left it."""
        with _as_storage_error(f"reading {key.pk} {key.sk}"):
            answer = self._client.get_item(
                TableName=self._name, Key=_key_attributes(key), ConsistentRead=True
            )
        return self._living(answer.get("Item"))

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Those of the items that there are, eventually consistent."""
        found: dict[Key, Item] = {}
        for batch in batched(dict.fromkeys(keys), BATCH_GET_LIMIT, strict=False):
            found.update(self._get_batch(batch))
        return found

    def query(
        self, pk: str, first_sk: str, last_sk: str, *, consistent: bool = False
    ) -> Iterator[Item]:
        """Items of a partition from the first to the last sort key; only where `consistent` as all
        writes so far left them, at twice the price."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": pk},
                ":first": {"S": first_sk},
                ":last": {"S": last_sk},
            },
            ConsistentRead=consistent,
        )
        with _as_storage_error(f"reading {pk} from {first_sk}"):
            for page in pages:
                for attributes in page["Items"]:
                    if item := self._living(attributes):
                        yield item

    def put(self, item: Item, replacing: bytes | None) -> None:
        """Puts the item where the stored digest is `replacing`, or where None nothing is stored.

        Raises ChangedError, with what is stored instead.
        """
        condition: dict[str, Any] = (
            {"ConditionExpression": "attribute_not_exists(e)"}
            if replacing is None
            else {
                "ConditionExpression": "e = :read",
                "ExpressionAttributeValues": {":read": {"B": replacing}},
            }
        )
        with _as_storage_error(f"writing {item.key.pk} {item.key.sk}"):
            try:
                self._client.put_item(
                    TableName=self._name,
                    Item=_attributes(item),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
            except self._client.exceptions.ConditionalCheckFailedException as failure:
                stored: Any = failure.response.get("Item")
                raise ChangedError(_item(stored)) from failure

    def update(
        self, key: Key, change: Callable[[Item | None], Item | None], read: Item | None = None
    ) -> Item | None:
        """Puts `change(current)` until no other writer comes between; None from it puts nothing.

        `read` is what the caller believes to be stored: a first guess that saves reading. Returns
        what is stored in the end. Raises ContendedError when others always come first.
        """
        current = read
        for _ in range(_ATTEMPTS):
            changed = change(current)
            if changed is None:
                return current
            try:
                self.put(changed, current.digest if current else None)
            except ChangedError as failure:
                current = failure.current
            else:
                return changed
        raise ContendedError(f"{key.pk} {key.sk}: changed by others {_ATTEMPTS} times in a row")

    def extend(self, key: Key, expires_s: int) -> bool:
        """Lets an item that has not expired expire later, and changes nothing else of it; False
        where there is none that would expire sooner."""
        with _as_storage_error(f"extending {key.pk} {key.sk}"):
            try:
                self._client.update_item(
                    TableName=self._name,
                    Key=_key_attributes(key),
                    UpdateExpression="SET #ttl = :later",
                    # False as well where there is no item, so that none comes into being.
                    ConditionExpression="#ttl < :later AND #ttl > :now",
                    ExpressionAttributeNames={"#ttl": "ttl"},
                    ExpressionAttributeValues={
                        ":later": {"N": str(expires_s)},
                        ":now": {"N": str(int(self._clock()))},
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _living(self, attributes: Mapping[str, Any] | None) -> Item | None:
        item = _item(attributes)
        expired = item and item.expires_s is not None and item.expires_s <= self._clock()
        return None if expired else item

    def _get_batch(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted: Any = {self._name: {"Keys": [_key_attributes(key) for key in keys]}}
        for attempt in range(_ROUNDS):
            with _as_storage_error(f"reading {len(keys)} items"):
                answer = self._client.batch_get_item(RequestItems=wanted)
            for attributes in answer["Responses"].get(self._name, ()):
                if item := self._living(attributes):
                    found[item.key] = item
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        raise ContendedError(f"{len(keys)} items: DynamoDB left some unread {_ROUNDS} times")


@contextmanager
def _as_storage_error(doing: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise StorageError(f"{doing}: {error}") from error


def _key_attributes(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _attributes(item: Item) -> dict[str, Any]:
    attributes = _key_attributes(item.key) | {"e": {"B": item.digest}}
    if item.parted:
        attributes["parts"] = {"BOOL": True}
    else:
        attributes["d"] = {"B": item.data}
    if item.expires_s is not None:
        attributes["ttl"] = {"N": str(item.expires_s)}
    return attributes


def _item(attributes: Mapping[str, Any] | None) -> Item | None:
    if not attributes:
        return None
    return Item(
        Key(attributes["pk"]["S"], attributes["sk"]["S"]),
        attributes["d"]["B"] if "d" in attributes else b"",
        attributes["e"]["B"],
        int(attributes["ttl"]["N"]) if "ttl" in attributes else None,
        "parts" in attributes,
    )
