"""Resources: what is collected, filtered and page by page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from functions.query_api.engine import Engine
from functions.query_api.matching import Filter, matcher
from functions.query_api.parameters import ResourcesQuery
from functions.query_api.problems import BadRequestError, Fault
from functions.query_api.series import attributes_of, check_attributes, metrics_of
from tributary.registry import Entry
from tributary.state import Collected
from tributary.windows import rfc3339

_CHECK_BYTES = 6


def resources_page(engine: Engine, query: ResourcesQuery, now_ms: int) -> dict[str, Any]:
    """`{"resources": […], "nextCursor"}`: the matching resources after the cursor, by id."""
    after = _position(query)
    shards = engine.registry.shards()
    entries = [entry for shard in shards for entry in shard.entries.values()]
    check_attributes([("where", one.attribute) for one in query.where], entries)
    found = sorted(_matching(entries, query.where), key=lambda entry: entry.resource)
    rest = [entry for entry in found if entry.resource > after]
    page = rest[: query.limit]
    concerned = {entry.resource for entry in page}
    states = engine.states.of_shards(
        shard for shard in shards if not concerned.isdisjoint(shard.entries)
    )
    failing = engine.freshness.failing(states, now_ms)
    more = len(rest) > len(page)
    return {
        "resources": [_document(entry, states, failing) for entry in page],
        "nextCursor": _cursor(page[-1].resource, query.where) if more else None,
        "total": len(found),
    }


def _matching(entries: Iterable[Entry], where: Sequence[Filter]) -> list[Entry]:
    matches = matcher(where)
    return [entry for entry in entries if any(matches(one) for one in attributes_of(entry))]


def _document(
    entry: Entry, states: Mapping[str, Collected], failing: Container[str]
) -> dict[str, Any]:
    state = states.get(entry.resource, Collected())
    failure = state.failure
    return {
        "id": entry.resource,
        "attributes": dict(entry.attributes),
        "metrics": sorted(metrics_of(entry)),
        "instances": [
            {
                "name": name,
                "attributes": dict(instance.attributes),
                "metrics": sorted(instance.metrics),
                "firstSample": rfc3339(instance.first_ms),
                "lastSample": _time(instance.last_ms),
            }
            for name, instance in sorted(entry.instances.items())
        ],
        "newestSample": _time(state.newest_ms),
        "idle": state.idle,
        "failing": entry.resource in failing,
        "failure": {"kind": failure.kind, "at": rfc3339(failure.at_ms)} if failure else None,
    }


def _cursor(resource: str, where: Sequence[Filter]) -> str:
    position = resource.encode()
    return urlsafe_b64encode(_check(position, where) + position).decode().rstrip("=")


def _position(query: ResourcesQuery) -> str:
    """The resource that the cursor points behind; BadRequestError for one that was not given out
    for these filters."""
    if query.cursor is None:
        return ""
    try:
        padding = "=" * (-len(query.cursor) % 4)
        content = urlsafe_b64decode(query.cursor.encode("ascii") + padding.encode())
        check, position = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
        if check == _check(position, query.where):
            return position.decode()
    except (Base64Error, UnicodeError) as error:
        raise _unknown_cursor() from error
    raise _unknown_cursor()


def _unknown_cursor() -> BadRequestError:
    detail = "The cursor was not given out for these filters: send nextCursor as it was answered."
    return BadRequestError([Fault("cursor", detail, "unknown_cursor")])


def _check(position: bytes, where: Sequence[Filter]) -> bytes:
    return blake2b(repr(tuple(where)).encode() + position, digest_size=_CHECK_BYTES).digest()


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else rfc3339(time_ms)
