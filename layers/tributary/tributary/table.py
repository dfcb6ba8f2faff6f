"""The one DynamoDB table: items of packed bytes, put only on condition of what was read."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tributary.aws import aws_client
from tributary.consumed import Consumed, Meter
from tributary.errors import ContendedError, StorageError
from tributary.patience import Patience

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_GET_LIMIT = 100
_ATTEMPTS = 12


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
        self,
        client: "DynamoDBClient",
        name: str,
        clock: Callable[[], float] = time.time,
        patience: Patience | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._patience = patience or Patience()
        self._meter = Meter()

    @classmethod
    def from_env(cls, timeout_seconds: float = 10, patience: Patience | None = None) -> Self:
        """The table named by TABLE_NAME, each piece of whose answers comes within so long."""
        # Reads run on up to 16 threads.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=timeout_seconds / 3,
            read_timeout=timeout_seconds,
            max_pool_connections=32,
        )
        client = aws_client("dynamodb", config)
        return cls(client, os.environ["TABLE_NAME"], patience=patience)

    def until(self, deadline: float) -> None:
        """Sets the instant of `time.monotonic` from which on nothing is asked: requests then raise
        OutOfTimeError. An answer that is being waited for may come later."""
        self._patience.until(deadline)

    @property
    def consumed(self) -> Consumed:
        """What all requests so far have cost: what some of them did is after less before."""
        return self._meter.total

    def metered(self) -> "Table":
        """The same table, whose requests are counted apart from this one's."""
        return Table(self._client, self._name, self._clock, self._patience)

    def get(self, key: Key) -> Item | None:
        """The item as all writes so far left it."""
        with _as_storage_error(f"reading {key.pk} {key.sk}"):
            return self._living(self._stored(key))

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
        request = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": pk},
                ":first": {"S": first_sk},
                ":last": {"S": last_sk},
            },
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
        }
        with _as_storage_error(f"reading {pk} from {first_sk}"):
            for attributes in self._queried(request):
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
                answer = self._patience.ask(
                    partial(
                        self._client.put_item,
                        TableName=self._name,
                        Item=_attributes(item),
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                        ReturnConsumedCapacity="TOTAL",
                        **condition,
                    )
                )
            except self._client.exceptions.ConditionalCheckFailedException as failure:
                # Without one there is none, or the endpoint (dynalite) is one that sends none.
                stored: Any = failure.response.get("Item") or self._stored(item.key)
                raise ChangedError(_item(stored)) from failure
        self._meter.written(answer.get("ConsumedCapacity"))

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
                answer = self._patience.ask(
                    partial(
                        self._client.update_item,
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
                        ReturnConsumedCapacity="TOTAL",
                    )
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        self._meter.written(answer.get("ConsumedCapacity"))
        return True

    def count(self, key: Key, counters: Sequence[str], expires_s: int) -> dict[str, int]:
        """Adds one to counters of an item that has nothing else, and returns what they are then.

        It is asked once and no more: who counts for somebody who waits does not wait for it.
        """
        names = {f"#{number}": counter for number, counter in enumerate(counters)}
        added = ", ".join(f"{name} :one" for name in names)
        with _as_storage_error(f"counting {key.pk} {key.sk}"):
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key_attributes(key),
                UpdateExpression=f"ADD {added} SET #ttl = :ttl",
                ExpressionAttributeNames={**names, "#ttl": "ttl"},
                ExpressionAttributeValues={":one": {"N": "1"}, ":ttl": {"N": str(expires_s)}},
                ReturnValues="UPDATED_NEW",
                ReturnConsumedCapacity="TOTAL",
            )
        self._meter.written(answer.get("ConsumedCapacity"))
        return {counter: int(answer["Attributes"][counter]["N"]) for counter in counters}

    def last(self, pk: str) -> str | None:
        """The greatest sort key of a partition; None of an empty one."""
        with _as_storage_error(f"reading {pk}"):
            page = self._patience.ask(
                partial(
                    self._client.query,
                    TableName=self._name,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": pk}},
                    ScanIndexForward=False,
                    Limit=1,
                    ReturnConsumedCapacity="TOTAL",
                )
            )
        self._meter.read(page.get("ConsumedCapacity"))
        return page["Items"][0]["sk"]["S"] if page["Items"] else None

    def delete(self, key: Key) -> bool:
        """Deletes an item; False where there is none."""
        with _as_storage_error(f"deleting {key.pk} {key.sk}"):
            answer = self._patience.ask(
                partial(
                    self._client.delete_item,
                    TableName=self._name,
                    Key=_key_attributes(key),
                    ReturnValues="ALL_OLD",
                    ReturnConsumedCapacity="TOTAL",
                )
            )
        self._meter.written(answer.get("ConsumedCapacity"))
        return "Attributes" in answer

    def _stored(self, key: Key) -> Mapping[str, Any] | None:
        answer = self._patience.ask(
            partial(
                self._client.get_item,
                TableName=self._name,
                Key=_key_attributes(key),
                ConsistentRead=True,
                ReturnConsumedCapacity="TOTAL",
            )
        )
        self._meter.read(answer.get("ConsumedCapacity"))
        return answer.get("Item")

    def _queried(self, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The items of all pages, of which none may end where the one before it did."""
        start: dict[str, Any] = {}
        while True:
            page = self._patience.ask(partial(self._client.query, **request, **start))
            self._meter.read(page.get("ConsumedCapacity"))
            yield from page["Items"]
            last = page.get("LastEvaluatedKey")
            if not last:
                return
            if last == start.get("ExclusiveStartKey"):
                raise StorageError(f"a page of a query ends where it began, at {last}")
            start = {"ExclusiveStartKey": last}

    def _living(self, attributes: Mapping[str, Any] | None) -> Item | None:
        item = _item(attributes)
        expired = item and item.expires_s is not None and item.expires_s <= self._clock()
        return None if expired else item

    def _get_batch(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted: Any = {self._name: {"Keys": [_key_attributes(key) for key in keys]}}
        # DynamoDB asks for pauses between rounds of unprocessed keys as after a refusal.
        for _ in self._patience.attempts():
            with _as_storage_error(f"reading {len(keys)} items"):
                answer = self._patience.ask(
                    partial(
                        self._client.batch_get_item,
                        RequestItems=wanted,
                        ReturnConsumedCapacity="TOTAL",
                    )
                )
            self._meter.read(*answer.get("ConsumedCapacity", ()))
            for attributes in answer["Responses"].get(self._name, ()):
                if item := self._living(attributes):
                    found[item.key] = item
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        raise ContendedError(f"reading {len(keys)} items: DynamoDB leaves some unread")


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
