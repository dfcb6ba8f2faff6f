"""Capacity: the units that DynamoDB says a client's calls consumed, by kind of item."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_dynamodb import DynamoDBClient

_WRITES = frozenset({"PutItem", "BatchWriteItem"})


@dataclass(slots=True)
class Consumed:
    """Read and write units by kind of item: `r`, `h` … by the tier, `state`, `hours`, `reg`,
    `inv`; `failed` counts puts whose condition did not hold, of which DynamoDB says no units."""

    read: Counter[str] = field(default_factory=Counter)
    write: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    @property
    def read_units(self) -> float:
        """All read units."""
        return sum(self.read.values())

    @property
    def write_units(self) -> float:
        """All write units."""
        return sum(self.write.values())


class Meter:
    """Asks a client's calls what they consume and adds it up in `consumed`."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.consumed = Consumed()
        self._lock = Lock()
        events: Any = client.meta.events  # Typed as if handlers returned nothing.
        events.register("provide-client-params.dynamodb", self._ask)
        events.register("after-call.dynamodb", self._note)

    def taken(self) -> Consumed:
        """What was consumed since this was asked last."""
        with self._lock:
            consumed, self.consumed = self.consumed, Consumed()
        return consumed

    def _ask(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
        context["kind"] = _kind_of(params)
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def _note(
        self, parsed: dict[str, Any], model: "OperationModel", context: dict[str, Any], **_: Any
    ) -> None:
        told = parsed.get("ConsumedCapacity", [])
        units = sum(one["CapacityUnits"] for one in (told if isinstance(told, list) else [told]))
        with self._lock:
            side = self.consumed.write if model.name in _WRITES else self.consumed.read
            side[context["kind"]] += units
            error = parsed.get("Error", {}).get("Code", "")
            self.consumed.failed += error == "ConditionalCheckFailedException"


def _kind_of(params: dict[str, Any]) -> str:
    if "RequestItems" in params:
        (request,) = params["RequestItems"].values()
        keys = request["Keys"] if "Keys" in request else [request[0]["PutRequest"]["Item"]]
        return _kind(keys[0]["pk"]["S"], keys[0]["sk"]["S"])
    if "ExpressionAttributeValues" in params and ":pk" in params["ExpressionAttributeValues"]:
        values = params["ExpressionAttributeValues"]
        return _kind(values[":pk"]["S"], values[":first"]["S"])
    item = params.get("Item") or params["Key"]
    return _kind(item["pk"]["S"], item["sk"]["S"])


def _kind(pk: str, sk: str) -> str:
    if pk == "reg" or pk.startswith("inv#"):
        return pk[:3]
    return sk.partition("#")[0]
