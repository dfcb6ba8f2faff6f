"""Paging: the resources that match some filters, so many at a time, in the order of their ids."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from functions.query_api.parameters import Paging
from functions.query_api.problems import BadRequestError, Fault
from functions.query_api.series import attributes_of, check_attributes
from tributary.matching import Filter, matcher
from tributary.registry import Entry, Shard

_CHECK_BYTES = 6


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the resources that `matched`; `next_cursor` points behind them, None after the
    last."""

    entries: Sequence[Entry]
    matched: Sequence[Entry]
    next_cursor: str | None


def page_of(shards: Iterable[Shard], paging: Paging) -> Page:
    """The matching resources after the cursor; BadRequestError for a cursor that was not given out
    for these filters, and for an attribute that nothing has."""
    after = _position(paging)
    entries = [entry for shard in shards for entry in shard.entries.values()]
    check_attributes([("where", one.attribute) for one in paging.where], entries)
    matches = matcher(paging.where)
    found = [entry for entry in entries if any(matches(one) for one in attributes_of(entry))]
    found.sort(key=lambda entry: entry.resource)
    rest = [entry for entry in found if entry.resource > after]
    page = rest[: paging.limit]
    more = len(rest) > len(page)
    return Page(page, found, _cursor(page[-1].resource, paging.where) if more else None)


def holding(shards: Iterable[Shard], entries: Iterable[Entry]) -> list[Shard]:
    """The shards that any of these resources are in."""
    concerned = {entry.resource for entry in entries}
    return [shard for shard in shards if not concerned.isdisjoint(shard.entries)]


def _cursor(resource: str, where: Sequence[Filter]) -> str:
    position = resource.encode()
    return urlsafe_b64encode(_check(position, where) + position).decode().rstrip("=")


def _position(paging: Paging) -> str:
    """The resource that the cursor points behind."""
    if paging.cursor is None:
        return ""
    try:
        padding = "=" * (-len(paging.cursor) % 4)
        content = urlsafe_b64decode(paging.cursor.encode("ascii") + padding.encode())
        check, position = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
        if check == _check(position, paging.where):
            return position.decode()
    except (Base64Error, UnicodeError) as error:
        raise _unknown_cursor() from error
    raise _unknown_cursor()


def _unknown_cursor() -> BadRequestError:
    detail = "The cursor was not given out for these filters: send nextCursor as it was answered."
    return BadRequestError([Fault("cursor", detail, "unknown_cursor")])


def _check(position: bytes, where: Sequence[Filter]) -> bytes:
    return blake2b(repr(tuple(where)).encode() + position, digest_size=_CHECK_BYTES).digest()
