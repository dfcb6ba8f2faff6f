"""The inventory: each resource as its provider's list answered it, written when it changed."""

from typing import Any

from tributary.packed import packed, unpacked
from tributary.provider import Resource
from tributary.table import Item, Key, Table

_LAST = "\U0010ffff"


class Inventory:
    """Keeps the providers' own list items, untouched."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, account: str, resource: Resource, digest: str) -> str:
        """Stores the payload unless its digest is the one given; returns its digest, in hex."""
        wanted = packed(Key(f"inv#{account}", resource.id), resource.payload)

        def changed(current: Item | None) -> Item | None:
            return None if current and current.digest == wanted.digest else wanted

        if wanted.digest.hex() != digest:
            self._table.update(wanted.key, changed, self._table.get(wanted.key))
        return wanted.digest.hex()

    def payloads(self, account: str) -> dict[str, Any]:
        """The account's payloads by resource id."""
        items = self._table.query(f"inv#{account}", " ", _LAST)
        return {item.key.sk: unpacked(item) for item in items}
