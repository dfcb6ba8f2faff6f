"""The inventory: each resource as its provider's list answered it, written when it changed."""

from typing import Any, Self

from tributary.packed import packed, unpacked
from tributary.provider import Resource
from tributary.table import Item, Key, Table

_LAST = "\U0010ffff"


class Inventory:
    """Keeps the providers' own list items, untouched."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def from_env(cls) -> Self:
        """The inventory in the table that the environment names."""
        return cls(Table.from_env())

    def keep(self, account: str, resources: list[Resource]) -> int:
        """Stores the payloads that differ from those stored, and returns how many did."""
        wanted = {
            resource.id: packed(_key(account, resource.id), resource.payload)
            for resource in resources
        }
        stored = self._table.get_many(item.key for item in wanted.values())
        return sum(self._keep(item, stored.get(item.key)) for item in wanted.values())

    def payloads(self, account: str) -> dict[str, Any]:
        """The account's payloads by resource id."""
        items = self._table.query(f"inv#{account}", " ", _LAST)
        return {item.key.sk: unpacked(item) for item in items}

    def _keep(self, item: Item, stored: Item | None) -> bool:
        def changed(current: Item | None) -> Item | None:
            return None if current and current.digest == item.digest else item

        if stored and stored.digest == item.digest:
            return False
        return self._table.update(item.key, changed, stored) is item


def _key(account: str, resource: str) -> Key:
    return Key(f"inv#{account}", resource)
