"""The inventory: resources and projects as their provider's lists answered them, written when they
changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tributary.packed import packed, unpacked
from tributary.provider import Json, Resource
from tributary.table import Item, Key, Table


class Inventory:
    """Keeps the providers' own list items, untouched."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, account: str, resource: Resource, digest: str) -> str:
        """Stores the payload unless its digest is the one given; returns its digest, in hex."""
        wanted = packed(Key(_partition(account), resource.id), resource.payload)

        def changed(current: Item | None) -> Item | None:
            return None if current and current.digest == wanted.digest else wanted

        if wanted.digest.hex() != digest:
            self._table.update(wanted.key, changed, self._table.get(wanted.key))
        return wanted.digest.hex()

    def keep_projects(self, account: str, items: Sequence[Mapping[str, Json]]) -> None:
        """Stores the account's projects, in place of what they were."""
        wanted = packed(_projects(account), items)

        def changed(current: Item | None) -> Item | None:
            return None if current and current.digest == wanted.digest else wanted

        self._table.update(wanted.key, changed, self._table.get(wanted.key))

    def payloads(self, resources: Iterable[str]) -> dict[str, Any]:
        """The payloads of these resources, by id; those that have none are left out."""
        keys = [Key(_partition("/".join(one.split("/")[:2])), one) for one in resources]
        return {key.sk: unpacked(item) for key, item in self._table.get_many(keys).items()}

    def projects(self, accounts: Iterable[str]) -> dict[str, list[Any]]:
        """The projects of these accounts, by account, as its last list had them."""
        keys = {_projects(account): account for account in accounts}
        return {keys[key]: unpacked(item) for key, item in self._table.get_many(keys).items()}


def _partition(account: str) -> str:
    return f"inv#{account}"


def _projects(account: str) -> Key:
    # No resource's id: those begin with the provider's name and a slash.
    return Key(_partition(account), "projects")
