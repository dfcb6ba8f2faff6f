"""Northflank-shaped lists: what its lists said, page by page, under a team and under none."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.query_api.conftest import World, instance
from tests.query_api.northflank.conftest import error, listed, workload
from tests.query_api.test_authorisation import made
from tributary.tokens import READ_PROJECTS
from tributary.windows import parse_rfc3339


def ids(world: World, path: str, query: str = "") -> list[str]:
    """The ids of a list."""
    found = world.get(path, query)
    assert found.status == 200, found.text
    [items] = found.json["data"].values()
    return [one["id"] for one in items]


def test_login_says_that_the_token_is_good(shop: World) -> None:
    found = shop.get("/v1/login")

    assert (found.status, found.json) == (200, {"data": {}})
    assert shop.get("/v1/login", headers={}).status == 401


def test_projects_are_listed_as_they_were(shop: World) -> None:
    found = shop.get("/v1/projects")

    assert found.json == {
        "data": {
            "projects": [
                {"id": "blog", "name": "Blog", "description": ""},
                {"id": "shop", "name": "Shop", "description": "Sells."},
            ]
        },
        "pagination": {"hasNextPage": False, "count": 2},
    }


def test_pages_have_every_project_whatever_the_names_begin_with(empty: World) -> None:
    names = ("shop", "shop-dev", "shop.eu", "zoo")
    for name in names:
        listed(empty, workload("api", project=name))

    found, cursor = [], ""
    for _ in names:
        page = empty.get("/v1/projects", f"per_page=1{cursor}").json
        found += [one["id"] for one in page["data"]["projects"]]
        cursor = f"&cursor={page['pagination'].get('cursor', '')}"

    assert found == list(names)
    assert page["pagination"]["hasNextPage"] is False


def test_a_project_that_was_never_kept_has_its_id_for_a_name(empty: World) -> None:
    listed(empty, workload("api", project="shop"))

    assert empty.get("/v1/projects").json["data"]["projects"] == [{"id": "shop", "name": "shop"}]


def test_a_project_tells_what_is_in_it(shop: World) -> None:
    region = workload("eu", serviceType="combined")
    attributes = {**region.attributes, "region": "europe-west"}
    listed(shop, type(region)(region.id, region.native, attributes, region.payload))

    found = shop.get("/v1/projects/shop")

    assert found.json["data"] == {
        "id": "shop",
        "name": "Shop",
        "description": "Sells.",
        "deployment": {"region": "europe-west"},
        "services": [
            {"id": name, "appId": f"/acme/shop/{name}", "name": name.title(), **service}
            for name in ("api", "eu", "web")
            for service in [{"serviceType": "combined"}]
        ],
        "addons": [
            {"id": "db", "appId": "/acme/shop/db", "name": "Db", "spec": {"type": "postgresql"}}
        ],
        "jobs": [
            {"id": "nightly", "appId": "/acme/shop/nightly", "name": "Nightly", "jobType": "cron"}
        ],
    }


def test_services_addons_and_jobs_are_listed_as_they_were(shop: World) -> None:
    services = shop.get("/v1/projects/shop/services").json

    assert [one["id"] for one in services["data"]["services"]] == ["api", "web"]
    assert services["data"]["services"][1] == {
        "id": "web",
        "appId": "/acme/shop/web",
        "name": "Web",
        "serviceType": "combined",
        "tags": ["public"],
    }
    assert services["pagination"] == {"hasNextPage": False, "count": 2}
    assert ids(shop, "/v1/projects/shop/addons") == ["db"]
    assert ids(shop, "/v1/projects/shop/jobs") == ["nightly"]


def test_one_service_has_what_its_details_said(shop: World) -> None:
    known = workload("eu", serviceType="combined")
    attributes = {**known.attributes, "region": "europe-west", "plan": "nf-compute-20"}
    created_ms = parse_rfc3339("2026-10-01T12:00:00Z")
    resource = type(known)(known.id, known.native, attributes, known.payload)
    listed(shop, resource, created_ms=created_ms)

    found = shop.get("/v1/projects/shop/services/eu")

    assert found.json["data"] == {
        **known.payload,
        "createdAt": "2026-10-01T12:00:00Z",
        "billing": {"deploymentPlan": "nf-compute-20"},
        "deployment": {"region": "europe-west"},
    }
    assert shop.get("/v1/projects/shop/addons/db").json["data"]["spec"] == {"type": "postgresql"}
    assert shop.get("/v1/projects/shop/jobs/nightly").json["data"]["jobType"] == "cron"


def test_containers_are_those_of_which_there_are_samples(shop: World) -> None:
    cpu = {"cpu.utilization": 10}
    instances = {
        "api-1": instance(cpu, container="api-1"),
        "api-1/data": instance(cpu, container="api-1", volume="data"),
        "api-0": instance(cpu, last=0, container="api-0"),
        "-": instance(cpu),
        "api": instance({"http.requests": 60}, container="api"),
    }
    listed(shop, workload("api"), instances=instances)

    found = shop.get("/v1/projects/shop/services/api/containers")

    day_before, ten = 1795255200, 1795341600
    assert found.json == {
        "data": {
            "containers": [
                {
                    "name": "api-0",
                    "createdAt": day_before,
                    "status": "TASK_FINISHED",
                    "updatedAt": ten,
                },
                {
                    "name": "api-1",
                    "createdAt": day_before,
                    "status": "TASK_RUNNING",
                    "updatedAt": day_before,
                },
            ]
        },
        "pagination": {"hasNextPage": False, "count": 2},
    }


@pytest.fixture
def many(empty: World) -> World:
    """A project of 120 services."""
    for number in range(120):
        listed(empty, workload(f"s{number:03}"))
    return empty


def pages(world: World, path: str, query: str) -> Iterator[list[str]]:
    """The ids of each page, as Northflank's own client goes through them: until there is no cursor,
    and with the cursor unescaped."""
    cursor = ""
    while True:
        found = world.get(path, f"{query}{cursor}").json
        yield [one["id"] for one in found["data"]["services"]]
        assert found["pagination"]["count"] == len(found["data"]["services"])
        assert found["pagination"]["hasNextPage"] is ("cursor" in found["pagination"])
        if "cursor" not in found["pagination"]:
            return
        cursor = f"&cursor={found['pagination']['cursor']}"


@pytest.mark.parametrize(
    ("query", "sizes"),
    [("", [50, 50, 20]), ("per_page=100", [100, 20]), ("per_page=60", [60, 60])],
)
def test_pages_are_followed_to_their_end(many: World, query: str, sizes: list[int]) -> None:
    found = list(pages(many, "/v1/projects/shop/services", query))

    assert [len(page) for page in found] == sizes
    assert [name for page in found for name in page] == [f"s{number:03}" for number in range(120)]


def test_pages_are_numbered(many: World) -> None:
    path = "/v1/projects/shop/services"

    assert ids(many, path, "per_page=50&page=3") == [f"s{number:03}" for number in range(100, 120)]
    assert ids(many, path, "per_page=50&page=4") == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=ten", "per_page"),
        ("page=0", "page"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("limit=10", "limit"),
    ],
)
def test_bad_pages_are_refused(many: World, query: str, parameter: str) -> None:
    found = many.get("/v1/projects/shop/services", query)

    assert found.status == 400, found.text
    assert set(error(found)["details"]) == {parameter}


def test_a_cursor_goes_without_a_page(many: World) -> None:
    path = "/v1/projects/shop/services"
    cursor = many.get(path).json["pagination"]["cursor"]

    found = many.get(path, f"page=2&cursor={cursor}")

    assert set(error(found)["details"]) == {"page"}


def test_a_cursor_is_good_for_its_list_alone(many: World) -> None:
    listed(many, workload("x", "addons"))
    first = many.get("/v1/projects/shop/services").json
    cursor = first["pagination"]["cursor"]

    assert many.get("/v1/projects/shop/addons", f"cursor={cursor}").status == 400
    assert many.get("/v1/projects/shop/services", f"cursor={cursor}A").status == 400


def test_what_is_gone_is_listed_no_more(shop: World) -> None:
    listed(shop, workload("api"), gone_ms=1)

    assert ids(shop, "/v1/projects/shop/services") == ["web"]
    assert shop.get("/v1/projects/shop/services/api").status == 200


def test_a_remade_service_is_its_latest_life(shop: World) -> None:
    first = workload("again", description="first")
    listed(shop, first, created_ms=1, gone_ms=2)
    reborn = f"{first.id}~2026-11-20T00:00:00Z"
    second = type(first)(reborn, first.native, first.attributes, {**first.payload, "lives": 2})
    listed(shop, second, created_ms=2)

    assert shop.get("/v1/projects/shop/services/again").json["data"]["lives"] == 2
    assert ids(shop, "/v1/projects/shop/services") == ["again", "api", "web"]


@pytest.fixture
def teams(shop: World) -> World:
    """A second account, of the team `acme`, with services of the same names."""
    listed(shop, workload("api", account="northflank/second", team="acme", size=2))
    listed(shop, workload("own", account="northflank/second", team="acme"))
    items = [{"id": "shop", "name": "Acme's"}]
    shop.inventory.keep_projects("northflank/second", items)
    return shop


def test_a_team_has_the_projects_of_its_accounts(teams: World) -> None:
    found = teams.get("/v1/teams/acme/projects").json["data"]["projects"]

    assert found == [{"id": "shop", "name": "Acme's"}]
    assert ids(teams, "/v1/teams/acme/projects/shop/services") == ["api", "own"]
    assert teams.get("/v1/teams/acme/projects/shop/services/api").json["data"]["size"] == 2


def test_an_account_without_a_team_is_one_by_its_name(teams: World) -> None:
    assert ids(teams, "/v1/teams/main/projects") == ["blog", "shop"]


def test_without_a_team_it_is_all_of_them(teams: World) -> None:
    assert ids(teams, "/v1/projects") == ["blog", "shop", "shop"]
    assert teams.get("/v1/projects/shop/services/own").status == 200


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/v1/projects/shop", "shop"),
        ("/v1/projects/shop/services", "shop"),
        ("/v1/projects/shop/services/api", "shop/services/api"),
        ("/v1/projects/shop/services/api/metrics", "shop/services/api"),
        ("/v1/projects/shop/services/api/containers", "shop/services/api"),
    ],
)
def test_a_slug_of_several_teams_is_a_conflict_that_names_them(
    teams: World, path: str, below: str
) -> None:
    found = teams.get(path)

    assert found.status == 409
    paths = [f"/v1/teams/{team}/projects/{below}" for team in ("acme", "main")]
    assert error(found)["details"] == {"paths": paths}
    assert all(path in error(found)["message"] for path in paths)


def test_two_accounts_of_one_team_are_no_conflict(teams: World) -> None:
    listed(teams, workload("own", account="northflank/third", team="acme", size=3))

    assert ids(teams, "/v1/teams/acme/projects/shop/services") == ["api", "own"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/teams/unknown/projects",
        "/v1/projects/unknown",
        "/v1/projects/unknown/services",
        "/v1/projects/shop/services/unknown",
        "/v1/projects/shop/addons/api",
        "/v1/projects/shop/services/unknown/containers",
        "/v1/projects/shop/builds",
        "/v1/projects/shop/services/api/build-metrics",
        "/v1/projects/",
        "/v1/teams",
    ],
)
def test_what_there_is_not_is_not_found_in_northflanks_words(shop: World, path: str) -> None:
    found = shop.get(path)

    assert found.status == 404
    assert error(found)["status"] == 404


def test_other_methods_are_refused_in_northflanks_words(shop: World) -> None:
    found = shop.get("/v1/projects", method="POST")

    assert (found.status, found.headers["Allow"]) == (405, "GET")
    assert "send GET" in error(found)["message"]


def test_every_answer_says_what_is_left_of_the_limit(shop: World) -> None:
    shop.requests_per_hour = 2
    said: list[tuple[int, Any]] = []
    for path in ("/v1/projects", "/v1/projects/unknown", "/v1/projects"):
        found = shop.get(path)
        limits = [found.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
        said.append((found.status, limits))

    assert said == [
        (200, ["2", "1", "2700"]),
        (404, ["2", "0", "2700"]),
        (429, ["2", "0", "2700"]),
    ]


def test_a_token_that_excludes_something_sees_no_project_that_may_be_it(shop: World) -> None:
    """A project that has nothing to be seen is listed only to who may see all that could be in
    it."""
    items = [{"id": "secret", "name": "Secret"}]
    shop.inventory.keep_projects("northflank/main", items)
    excluding, all_seeing = (
        {"authorization": f"Bearer {made(shop, READ_PROJECTS, limits=limits)}"}
        for limits in (["name!:hidden"], ["provider:northflank"])
    )

    def seen(headers: dict[str, str]) -> list[str]:
        return [one["id"] for one in shop.get("/v1/projects", "", headers).json["data"]["projects"]]

    assert "secret" not in seen(excluding)
    assert "secret" in seen(all_seeing)
    assert shop.get("/v1/projects/secret", "", excluding).status == 404
