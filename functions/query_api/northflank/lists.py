"""Lists: pages of items by `per_page`, and `page` or `cursor`, as Northflank has them.

Source: https://northflank.com/docs/v1/api/use-the-api
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from functions.query_api.cursors import cursor_behind, position_behind
from functions.query_api.given import Given, whole

PARAMETERS = {"per_page": False, "page": False, "cursor": False}
_DEFAULT, _MOST = 50, 100
_MOST_PAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Asking:
    """Which page of a list is asked for."""

    about: str
    size: int
    number: int
    after: str


def parse_list_query(raw: str, about: str) -> Asking:
    """The page of a list that a query string asks for; `about` tells the list from all others.

    BadRequestError with all faults.
    """
    given = Given(raw, PARAMETERS)
    if given.has("page") and given.has("cursor"):
        given.fault("page", "A cursor says which page it is: send page or cursor, not both.")
    asking = Asking(
        about,
        given.one("per_page", whole(1, _MOST), _DEFAULT),
        given.one("page", whole(1, _MOST_PAGES), 1),
        given.one("cursor", position_behind(about), ""),
    )
    given.check()
    return asking


def listed[Item](
    asking: Asking,
    kind: str,
    items: Sequence[Item],
    name: Callable[[Item], str],
    shown: Callable[[Sequence[Item]], Sequence[Any]],
) -> dict[str, Any]:
    """`{"data": {<kind>: […]}, "pagination": {…}}`: the page of items, in the order of
    their names, each once.

    `shown` makes what is answered of the items of the page. There is a cursor only where there is
    a next page: Northflank's own client goes on as long as there is one.
    """
    rest = [one for one in sorted(items, key=name) if name(one) > asking.after]
    rest = rest[(asking.number - 1) * asking.size :]
    page = rest[: asking.size]
    more = len(rest) > len(page)
    pagination: dict[str, Any] = {"hasNextPage": more, "count": len(page)}
    if more:
        pagination["cursor"] = cursor_behind(name(page[-1]), asking.about)
    return {"data": {kind: shown(page)}, "pagination": pagination}
