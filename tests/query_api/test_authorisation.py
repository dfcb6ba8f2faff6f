"""Authorisation: every route with every kind of token, and what a limited one sees."""

from typing import Any, NamedTuple

import pytest

from tests.query_api.conftest import API, NOW, SECRET, VPS, Reply, World
from tests.query_api.hostup.conftest import vps
from tests.query_api.northflank.conftest import workload
from tests.query_api.serving import enter
from tributary.registry import Entry
from tributary.tokens import ADMIN, READ_METRICS, READ_PROJECTS, READ_VM, SCOPES, Tokens

LISTS, METRICS, VM = {READ_PROJECTS}, {READ_PROJECTS, READ_METRICS}, {READ_VM}


class Case(NamedTuple):
    """A guarded route: a request for it, what it takes, and the answer (status, what it holds) for
    a token that is limited to another provider."""

    path: str
    scopes: set[str]
    unseen: int | list[Any]
    query: str = ""
    other: str = "hostup"


def _northflank(root: str, path: str) -> dict[str, Case]:
    """The routes of Northflank's front below a root; a path has the team in its place. A team none
    of whose resources may be seen is not there."""
    empty: int | list[Any] = 404 if "teams" in root else []
    project = f"{path}/projects/shop"
    found = {
        f"{root}/projects": Case(f"{path}/projects", LISTS, empty),
        f"{root}/projects/{{projectId}}": Case(project, LISTS, 404),
    }
    for plural, name, identity in (
        ("services", "serviceId", "api"),
        ("addons", "addonId", "db"),
        ("jobs", "jobId", "nightly"),
    ):
        listed, one = f"{root}/projects/{{projectId}}/{plural}", f"{project}/{plural}/{identity}"
        found[listed] = Case(f"{project}/{plural}", LISTS, 404)
        found[f"{listed}/{{{name}}}"] = Case(one, LISTS, 404)
        found[f"{listed}/{{{name}}}/containers"] = Case(f"{one}/containers", LISTS, 404)
        found[f"{listed}/{{{name}}}/metrics"] = Case(f"{one}/metrics", METRICS, 404)
    return found


OPEN = {"/healthz", "/openapi.json", "/docs"}
GUARDED = {
    "/v1/query": Case("/v1/query", {READ_METRICS}, [], "metric=cpu.utilization"),
    "/v1/resources": Case("/v1/resources", {READ_METRICS}, []),
    "/v1/metrics": Case("/v1/metrics", {READ_METRICS}, []),
    "/v1/coverage": Case("/v1/coverage", {READ_METRICS}, []),
    "/v1/login": Case("/v1/login", LISTS, []),
    **_northflank("/v1", "/v1"),
    **_northflank("/v1/teams/{teamId}", "/v1/teams/main"),
    "/api/v2/vps": Case("/api/v2/vps", VM, [], other="northflank"),
    "/api/v2/vps/{id}": Case("/api/v2/vps/vps_01", VM, 404, other="northflank"),
    "/api/v2/vps/{id}/metrics": Case("/api/v2/vps/vps_01/metrics", VM, 404, other="northflank"),
}
EVERY = pytest.mark.parametrize("case", GUARDED.values(), ids=GUARDED)


@pytest.fixture
def fleet(world: World) -> World:
    """Something of every kind, with samples of the service and the VPS."""
    for resource in (
        workload("db", "addons"),
        workload("nightly", "jobs"),
    ):
        enter(world, Entry(resource.id, resource.attributes), resource.payload)
    world.inventory.keep("northflank/main", workload("api"), "")
    world.inventory.keep("hostup/main", vps("vps_01"), "")
    world.inventory.keep_projects("northflank/main", [{"id": "shop", "name": "Shop"}])
    return world


def made(world: World, *scopes: str, **more: Any) -> str:
    """A new token."""
    _, text = Tokens(world.table).make("test", scopes, more.pop("limits", ()), 0, **more)
    return text


def test_a_limited_token_is_not_told_what_was_read(world: World) -> None:
    limited, other = (
        {"authorization": f"Bearer {made(world, READ_METRICS, limits=limits)}"}
        for limits in (["provider:hostup"], [])
    )

    assert "dynamodb" not in world.get("/v1/metrics", "", limited).headers["Server-Timing"]
    assert "dynamodb" in world.get("/v1/metrics", "", other).headers["Server-Timing"]


def asked(world: World, case: Case, token: str | None) -> Reply:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return world.get(case.path, case.query, headers)


def test_every_route_has_its_entry_here(fleet: World) -> None:
    routes = {route.path: set(route.scopes) for route in fleet.routes().all}

    assert routes == {
        **{path: set() for path in OPEN},
        **{path: case.scopes for path, case in GUARDED.items()},
    }


@EVERY
def test_a_token_with_its_scopes_alone_is_answered(fleet: World, case: Case) -> None:
    assert asked(fleet, case, made(fleet, *case.scopes)).status == 200
    assert asked(fleet, case, made(fleet, ADMIN)).status == 200


@EVERY
@pytest.mark.parametrize(
    "token",
    [None, SECRET, "bootstrap.wrong", "bootstrap.", f"unknown.{SECRET}", f"bootstrap.{SECRET}é"],
)
def test_no_token_or_a_wrong_one_is_refused(fleet: World, case: Case, token: str | None) -> None:
    found = asked(fleet, case, token)

    assert found.status == 401
    assert found.headers["WWW-Authenticate"] == 'Bearer realm="tributary"'
    assert "Send Authorization: Bearer <id>.<secret>" in found.text
    assert SECRET not in found.text


@EVERY
def test_an_expired_token_is_refused(fleet: World, case: Case) -> None:
    token = made(fleet, ADMIN, expires_ms=NOW * 1000)

    found = asked(fleet, case, token)

    assert found.status == 401
    assert "expired at 2026-11-22T10:15:00Z" in found.text


@EVERY
def test_a_revoked_token_is_refused_at_once(fleet: World, case: Case) -> None:
    token = made(fleet, ADMIN)
    assert asked(fleet, case, token).status == 200

    Tokens(fleet.table).revoke(token.partition(".")[0])

    assert asked(fleet, case, token).status == 401


@EVERY
def test_a_token_that_lacks_a_scope_is_forbidden(fleet: World, case: Case) -> None:
    for lacking in case.scopes:
        others = SCOPES.keys() - {lacking, ADMIN}
        found = asked(fleet, case, made(fleet, *others))

        assert found.status == 403
        assert f"lacks the scope {lacking}" in found.text
    assert asked(fleet, case, made(fleet)).status == 403


@EVERY
def test_a_token_limited_to_another_provider_sees_nothing(fleet: World, case: Case) -> None:
    others = {"hostup": "provider:hostup", "northflank": "provider:northflank"}
    token = made(fleet, ADMIN, limits=(others[case.other],))

    found = asked(fleet, case, token)

    if isinstance(case.unseen, int):
        assert found.status == case.unseen
        nobody = asked(fleet, case._replace(path=case.path.replace("shop", "never")), token)
        assert nobody.status == case.unseen
    else:
        assert found.status == 200
    hidden = {"hostup": ("northflank/", '"shop"', "api-1"), "northflank": ("vps_01", "hostup/")}
    assert not any(text in found.text.replace(case.path, "") for text in hidden[case.other])


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_is_open_is_answered_without_a_token(fleet: World, path: str) -> None:
    found = fleet.get(path, headers={})

    assert found.status == 200
    assert "x-ratelimit-limit" not in found.headers


@pytest.fixture
def limited(fleet: World) -> dict[str, str]:
    """The header of a token that may see HostUp alone."""
    return {"authorization": f"Bearer {made(fleet, ADMIN, limits=('provider:hostup',))}"}


def test_counts_are_of_what_the_token_sees(fleet: World, limited: dict[str, str]) -> None:
    found = fleet.get("/v1/resources", headers=limited).json

    assert ([one["id"] for one in found["resources"]], found["total"]) == ([VPS], 1)
    metrics = fleet.get("/v1/metrics", headers=limited).json["metrics"]
    assert {one["name"] for one in metrics if one["resources"]} == {"cpu.utilization"}
    assert fleet.get("/v1/coverage", headers=limited).json["total"] == 1


def test_answers_are_of_what_the_token_sees(fleet: World, limited: dict[str, str]) -> None:
    found = fleet.get("/v1/query", "metric=cpu.utilization&by=provider", limited).json

    assert [one["attributes"] for one in found["series"]] == [{"provider": "hostup"}]
    assert set(found["status"]) == {"hostup"}


def test_suggestions_are_of_what_the_token_sees(fleet: World, limited: dict[str, str]) -> None:
    query = "metric=cpu.utilization&where=tag.teir:web"

    assert "tag.tier" in fleet.get("/v1/query", query).text
    assert "tag.tier" not in fleet.get("/v1/query", query, limited).text


def test_limits_of_one_attribute_are_or_and_those_of_several_and(fleet: World) -> None:
    def seen(*limits: str) -> set[str]:
        headers = {"authorization": f"Bearer {made(fleet, ADMIN, limits=limits)}"}
        return {one["id"] for one in fleet.get("/v1/resources", headers=headers).json["resources"]}

    assert seen("provider:hostup", "provider:northflank", "name:vps_*") == {VPS}
    assert seen("project:sh*", "kind:service") == {API}
    assert VPS not in seen("provider!:hostup")


def test_a_cursor_of_a_limited_token_goes_on_in_what_it_sees(fleet: World) -> None:
    token = made(fleet, ADMIN, limits=("provider:northflank",))
    headers = {"authorization": f"Bearer {token}"}
    first = fleet.get("/v1/resources", "limit=2", headers).json
    second = fleet.get("/v1/resources", f"limit=2&cursor={first['nextCursor']}", headers).json

    found = [one["id"] for page in (first, second) for one in page["resources"]]
    assert found == sorted(found)
    assert (len(found), second["nextCursor"]) == (3, None)


def test_nothing_secret_is_logged(fleet: World, caplog: pytest.LogCaptureFixture) -> None:
    token = made(fleet, READ_METRICS)
    for case in GUARDED.values():
        asked(fleet, case, token)

    told = " ".join(str(vars(record)) for record in caplog.records)
    identity, _, secret = token.partition(".")
    assert identity in told
    assert secret not in told
