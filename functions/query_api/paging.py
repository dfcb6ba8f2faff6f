"""Paging: the resources that match some filters, so many at a time, in the order of their ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from functions.query_api.cursors import cursor_behind
from functions.query_api.parameters import Paging
from functions.query_api.series import attributes_of, check_attributes
from tributary.matching import matcher
from tributary.registry import Entry, Shard


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the resources that `matched`; `next_cursor` points behind them, None after the
    last."""

    entries: Sequence[Entry]
    matched: Sequence[Entry]
    next_cursor: str | None


def page_of(shards: Iterable[Shard], paging: Paging) -> Page:
    """The matching resources after the cursor; BadRequestError for attributes that nothing has."""
    entries = [entry for shard in shards for entry in shard.entries.values()]
    check_attributes([("where", one.attribute) for one in paging.where], entries)
    matches = matcher(paging.where)
    found = [entry for entry in entries if any(matches(one) for one in attributes_of(entry))]
    found.sort(key=lambda entry: entry.resource)
    rest = [entry for entry in found if entry.resource > paging.after]
    page = rest[: paging.limit]
    more = len(rest) > len(page)
    return Page(page, found, cursor_behind(page[-1].resource, paging.about) if more else None)


def holding(shards: Iterable[Shard], entries: Iterable[Entry]) -> list[Shard]:
    """The shards that any of these resources are in."""
    concerned = {entry.resource for entry in entries}
    return [shard for shard in shards if not concerned.isdisjoint(shard.entries)]
