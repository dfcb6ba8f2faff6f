"""VPSes: those that a caller may see, page by page and one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from functions.query_api.cursors import cursor_behind
from functions.query_api.hostup.query import ListQuery
from functions.query_api.problems import NotFoundError
from functions.query_api.routing import Asked
from functions.query_api.tracks import Known
from tributary.inventory import Inventory
from tributary.listing import first_life
from tributary.registry import Shard

PROVIDER = "hostup"


@dataclass(frozen=True, slots=True, eq=False)
class Vps:
    """A VPS by HostUp's id of it."""

    id: str
    known: Known

    @property
    def is_gone(self) -> bool:
        """Whether HostUp lists it no more."""
        return self.known.entry.gone_ms is not None


class Vpses:
    """The VPSes of all accounts together; one that several have is one."""

    def __init__(self, asked: Asked, inventory: Inventory) -> None:
        self._asked, self._inventory = asked, inventory
        found = [one for shard in asked.shards() for one in _vpses(shard)]
        found.sort(key=lambda one: (one.is_gone, -one.known.entry.created_ms, one.known.shard.name))
        self._by_id: dict[str, Vps] = {}
        for one in found:
            self._by_id.setdefault(one.id, one)

    def listed(self, query: ListQuery) -> dict[str, Any]:
        """`{"data": […], "hasMore", "nextCursor"}`: those that HostUp has now, by id."""
        alive = [one for name, one in sorted(self._by_id.items()) if not one.is_gone]
        rest = [one for one in alive if one.id > query.after]
        if query.filters:
            # What is filtered by stands in the payloads alone.
            pairs = zip(rest, self.payloads(rest), strict=True)
            rest = [one for one, payload in pairs if query.fits(payload)]
        page = rest[: query.limit]
        more = len(rest) > len(page)
        return {
            "data": self.payloads(page),
            "hasMore": more,
            "nextCursor": cursor_behind(page[-1].id, query.about) if more else None,
        }

    def one(self) -> Vps:
        """The one of the path, or if there is none any more the one there was; NotFoundError if
        there never was."""
        wanted = self._asked.path["id"]
        if wanted not in self._by_id:
            raise NotFoundError(f"There is no VPS {wanted!r}.")
        return self._by_id[wanted]

    def payloads(self, vpses: Sequence[Vps]) -> list[Mapping[str, Any]]:
        """What HostUp's list says of each; of one of which nothing is kept, its id and name."""
        entries = [one.known.entry for one in vpses]
        kept = self._inventory.payloads(one.resource for one in entries)
        return [
            kept.get(entry.resource) or {"id": vps.id, "name": entry.attributes.get("name", "")}
            for vps, entry in zip(vpses, entries, strict=True)
        ]


def _vpses(shard: Shard) -> Iterator[Vps]:
    if shard.account.startswith(f"{PROVIDER}/"):
        for entry in shard.entries.values():
            yield Vps(unquote(first_life(entry.resource).split("/")[2]), Known(shard, entry))
