"""Consumption: the capacity units that DynamoDB reports, added up over requests and threads."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import ConsumedCapacityTypeDef


@dataclass(frozen=True, slots=True)
class Consumed:
    """Read and write units, as DynamoDB reported them: it charges for those.

    A put whose condition fails is charged for as well, but no answer says with what
    (ConditionalCheckFailedException has no ConsumedCapacity), so it is not in here.
    """

    read_units: float = 0.0
    write_units: float = 0.0

    def __add__(self, other: "Consumed") -> "Consumed":
        return Consumed(self.read_units + other.read_units, self.write_units + other.write_units)

    def __sub__(self, earlier: "Consumed") -> "Consumed":
        return Consumed(
            self.read_units - earlier.read_units, self.write_units - earlier.write_units
        )


class Meter:
    """Counts from nothing what the answers report, from however many threads they come to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read_units = 0.0
        self._write_units = 0.0

    @property
    def total(self) -> Consumed:
        """What was reported so far."""
        with self._lock:
            return Consumed(self._read_units, self._write_units)

    def read(self, *reported: "ConsumedCapacityTypeDef | None") -> None:
        """Counts the `ConsumedCapacity` of a read's answer, if it has one; a batch has several."""
        with self._lock:
            self._read_units += _units(reported)

    def written(self, *reported: "ConsumedCapacityTypeDef | None") -> None:
        """Counts the `ConsumedCapacity` of a write's answer, if it has one."""
        with self._lock:
            self._write_units += _units(reported)


def _units(reported: "Iterable[ConsumedCapacityTypeDef | None]") -> float:
    return sum(one.get("CapacityUnits", 0.0) for one in reported if one)
