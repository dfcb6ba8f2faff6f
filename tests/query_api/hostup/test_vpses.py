"""HostUp-shaped VPSes: the list page by page, filtered, one by one, and every error document."""

from dataclasses import replace
from typing import Any

import pytest

from tests.dynamodb import delete_table
from tests.query_api.conftest import World
from tests.query_api.hostup.conftest import VPS_ID, listed, problem, vps
from tributary.table import Key
from tributary.tokens import READ_METRICS, Tokens

LIST = "/api/v2/vps"


def ids(world: World, query: str = "") -> list[str]:
    found = world.get(LIST, query)
    assert found.status == 200, found.text
    return [one["id"] for one in found.json["data"]]


def test_vpses_of_all_accounts_are_listed_as_they_were(vpses: World) -> None:
    assert vpses.get(LIST).json == {
        "data": [
            {"id": "vps_1", "name": "Web", "primaryIp": "203.0.113.11"},
            {"id": "vps_2", "name": "backup", "primaryIp": "203.0.113.12"},
            {"id": "vps_3", "name": "web", "primaryIp": "203.0.113.13"},
        ],
        "hasMore": False,
        "nextCursor": None,
    }


def test_one_vps_is_the_item_of_the_list(vpses: World) -> None:
    found = vpses.get(f"{LIST}/vps_2")

    assert found.json == {"id": "vps_2", "name": "backup", "primaryIp": "203.0.113.12"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("primaryIp=203.0.113.12", ["vps_2"]),
        ("primaryIp=203.0.113.1", []),
        ("name=web", ["vps_1", "vps_3"]),
        ("name=WEB&primaryIp=203.0.113.13", ["vps_3"]),
        ("name=we", []),
        ("include=pendingMaintenance&include=pendingMaintenance", ["vps_1", "vps_2", "vps_3"]),
    ],
)
def test_the_list_is_filtered_by_address_and_name(
    vpses: World, query: str, found: list[str]
) -> None:
    assert ids(vpses, query) == found


@pytest.mark.parametrize(("query", "sizes"), [("", [20, 5]), ("limit=10&", [10, 10, 5])])
def test_pages_are_followed_by_next_cursor(empty: World, query: str, sizes: list[int]) -> None:
    for number in range(25):
        listed(empty, vps(f"vps_{number:02}"))
    pages: list[dict[str, Any]] = [empty.get(LIST, query.rstrip("&")).json]
    while pages[-1]["hasMore"]:
        pages.append(empty.get(LIST, f"{query}cursor={pages[-1]['nextCursor']}").json)

    assert [len(page["data"]) for page in pages] == sizes
    assert [one["id"] for page in pages for one in page["data"]] == [
        f"vps_{number:02}" for number in range(25)
    ]
    assert pages[-1]["nextCursor"] is None


def test_a_vps_that_is_gone_is_found_and_not_listed(vpses: World) -> None:
    listed(vpses, vps("vps_1", name="Web"), gone_ms=1)

    assert ids(vpses) == ["vps_2", "vps_3"]
    assert vpses.get(f"{LIST}/vps_1").json == {"id": "vps_1", "name": "Web", "primaryIp": None}


def test_a_vps_of_several_accounts_is_one(vpses: World) -> None:
    listed(vpses, vps("vps_1", account="second", name="Web"))

    assert ids(vpses) == ["vps_1", "vps_2", "vps_3"]


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ("limit=0", "limit", "send a number from 1 to 100"),
        ("limit=101", "limit", "send a number from 1 to 100"),
        ("cursor=abc", "cursor", "as it was answered, or none"),
        ("include=billing", "include", "send pendingMaintenance"),
        ("primaryIp=", "primaryIp", "empty value"),
        ("page=2", "page", "There is no parameter 'page'"),
        ("name=a&name=b", "name", "send it once"),
    ],
)
def test_bad_parameters_are_hostups_400(
    vpses: World, query: str, parameter: str, says: str
) -> None:
    told = problem(vpses.get(LIST, query), 400, "invalid_request", "Invalid request")

    [fault] = told["errors"]
    assert set(fault) == {"pointer", "detail", "code"}
    assert (fault["pointer"], fault["code"]) == (f"/query/{parameter}", "invalid_request")
    assert says in fault["detail"]
    assert says in told["detail"]


def test_no_token_is_hostups_401(vpses: World) -> None:
    told = problem(vpses.get(LIST, headers={}), 401, "unauthorized", "Unauthorized")

    assert told["detail"].startswith("Authentication is required. ")
    assert told["instance"] == LIST


def test_a_missing_scope_is_hostups_403(vpses: World) -> None:
    _, token = Tokens(vpses.table).make("test", [READ_METRICS], [], 0)

    found = vpses.get(LIST, headers={"authorization": f"Bearer {token}"})

    told = problem(found, 403, "forbidden", "Forbidden")
    assert told["detail"].startswith(
        "The caller lacks a required scope or does not own the resource. "
        "The token lacks the scope read:vm"
    )


@pytest.mark.parametrize(
    "path", [f"{LIST}/{VPS_ID}", f"{LIST}/{VPS_ID}/metrics", f"{LIST}/vps_1/disks", "/api/v2/other"]
)
def test_what_there_is_not_is_hostups_404(vpses: World, path: str) -> None:
    told = problem(vpses.get(path), 404, "not_found", "Not found")

    assert told["detail"] == "The requested resource could not be found."


def test_too_many_requests_are_hostups_429(vpses: World) -> None:
    vpses.burst = 1
    assert "X-RateLimit-Limit" not in vpses.get(LIST).headers

    found = vpses.get(LIST)

    told = problem(found, 429, "rate_limit_exceeded", "Too many requests")
    assert told["detail"].startswith("Too many requests. Retry after the limit resets.")
    assert found.headers["Retry-After"] == "10"
    assert found.headers["X-RateLimit-Remaining"] == "0"
    assert found.headers["X-RateLimit-Reset"] == "2026-11-22T10:15:10.000Z"


def test_a_failure_is_hostups_500(vpses: World) -> None:
    key = Key("inv#hostup/main", "hostup/main/vps_1")
    stored = vpses.table.get(key)
    assert stored
    vpses.table.put(replace(stored, data=b"broken", digest=b"another"), stored.digest)

    told = problem(vpses.get(LIST), 500, "internal_error", "Internal server error")

    assert told["detail"] == (
        "An unexpected error occurred. Retry later or contact support if the issue persists."
    )


def test_storage_that_fails_is_a_503_to_try_again_after(vpses: World) -> None:
    delete_table()

    found = vpses.get(LIST)

    problem(found, 503, "upstream_unavailable", "Upstream unavailable")
    assert found.headers["Retry-After"] == "5"


def test_other_methods_are_refused_in_hostups_words(vpses: World) -> None:
    found = vpses.get(LIST, method="DELETE")

    problem(found, 405, "method_not_allowed", "Method not allowed")
    assert found.headers["Allow"] == "GET"
