"""A project of Northflank's with services, an addon and a job, in the accounts of two teams."""

from collections.abc import Mapping
from typing import Any

import pytest

from functions.northflank_collector.inventory import KINDS, resource_of
from functions.northflank_collector.provider import Northflank
from tests.query_api.conftest import World
from tests.query_api.serving import enter
from tributary.provider import Resource
from tributary.registry import Entry

KINDS_BY_PLURAL = {kind.plural: kind for kind in KINDS}
# It reads answers and asks for none.
ADAPTER: Any = Northflank(None, "main")  # type: ignore[arg-type]


def workload(
    name: str,
    plural: str = "services",
    project: str = "shop",
    account: str = "northflank/main",
    team: str | None = None,
    **more: Any,
) -> Resource:
    """A resource as the collector makes it of a list's item."""
    item = {"id": name, "appId": f"/acme/{project}/{name}", "name": name.title(), **more}
    return resource_of(account, team, project, KINDS_BY_PLURAL[plural], item)


def listed(world: World, resource: Resource, **known: Any) -> None:
    """Registers a resource of which there are no samples."""
    enter(world, Entry(resource.id, resource.attributes, **known), resource.payload)


def error(found: Any) -> Mapping[str, Any]:
    """What an error answer says."""
    assert set(found.json) == {"error"}
    assert set(found.json["error"]) == {"status", "message", "id", "details"}
    assert found.json["error"]["status"] == found.status
    content: Mapping[str, Any] = found.json["error"]
    return content


@pytest.fixture
def shop(empty: World) -> World:
    """Two services, an addon and a job in the project `shop`, another service in `blog`."""
    service = {"serviceType": "combined"}
    for resource in (
        workload("api", **service),
        workload("web", **service, tags=["public"]),
        workload("db", "addons", spec={"type": "postgresql"}, status="running"),
        workload("nightly", "jobs", jobType="cron"),
        workload("site", project="blog", **service),
    ):
        listed(empty, resource)
    items = [
        {"id": "shop", "name": "Shop", "description": "Sells."},
        {"id": "blog", "name": "Blog", "description": ""},
    ]
    empty.inventory.keep_projects("northflank/main", items)
    return empty
