"""Pages: Northflank's lists, read to their end.

Source: https://northflank.com/docs/v1/api/use-the-api
"""

from collections.abc import Iterator, Mapping

from functions.northflank_collector.inventory import json_object
from tributary.client import Client
from tributary.errors import MalformedAnswerError
from tributary.provider import Json

_PER_PAGE = ("per_page", "100")


def items(client: Client, path: str, name: str, *, required: bool = True) -> Iterator[Json]:
    """The items of all pages of a list, which is `data.<name>`; may be absent if not `required`."""
    for page in client.pages(path, [_PER_PAGE], _next_cursor):
        found = json_object(page.get("data")).get(name)
        if isinstance(found, list):
            yield from found
        elif required or found is not None:
            raise MalformedAnswerError(f"northflank answered GET {path} without data.{name}")


def _next_cursor(page: Mapping[str, Json]) -> str | None:
    """The next page's cursor; a null or empty one is none, and `hasNextPage: false` ends it too."""
    pagination = json_object(page.get("pagination"))
    cursor = pagination.get("cursor")
    if pagination.get("hasNextPage") is False or not isinstance(cursor, str):
        return None
    return cursor
