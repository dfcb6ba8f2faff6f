"""VPSes as HostUp lists and measures them, in two accounts."""

from typing import Any

import pytest

from functions.hostup_collector.provider import Hostup
from tests.query_api.conftest import Reply, World
from tests.query_api.serving import enter
from tributary.provider import Resource
from tributary.registry import Entry

# It reads answers and asks for none.
ADAPTER: Any = Hostup(None, "main")  # type: ignore[arg-type]
VPS_ID = "vps_01hxa3b4c5d6e7f8g9h0j1k2m3"
FIELDS = (
    "cpuUsagePercent",
    "memoryUsagePercent",
    "diskReadMbPerSecond",
    "diskWriteMbPerSecond",
    "networkInboundKbPerSecond",
    "networkOutboundKbPerSecond",
)


def vps(identity: str = VPS_ID, account: str = "main", **more: Any) -> Resource:
    """A resource as the collector makes it of a list's item."""
    item = {"id": identity, "name": identity, "primaryIp": None, **more}
    resource = f"hostup/{account}/{identity}"
    attributes = {
        "provider": "hostup",
        "account": account,
        "kind": "vps",
        "resource": resource,
        "name": str(item["name"]),
    }
    return Resource(resource, identity, attributes, item)


def sample(at: str, *values: Any) -> dict[str, Any]:
    """A sample as HostUp tells it; without values, one of ones."""
    return {"recordedAt": at, **dict(zip(FIELDS, values or [1] * 6, strict=True))}


def listed(world: World, resource: Resource, **known: Any) -> None:
    """Registers a VPS of which there are no samples."""
    enter(world, Entry(resource.id, resource.attributes, **known), resource.payload)


def problem(found: Reply, status: int, code: str, title: str) -> Any:
    """What a problem says, which has all that HostUp documents, and nothing else."""
    told = found.json
    assert found.headers["Content-Type"] == "application/problem+json"
    assert (found.status, told["status"]) == (status, status)
    assert told["type"] == f"https://developer.hostup.se/errors/{code}"
    assert (told["code"], told["title"]) == (code, title)
    assert told["requestId"] == "req_JKJaXmPLvHcESHA"
    assert told["timestamp"] == "2026-11-22T10:15:00.000Z"
    named = {"type", "title", "status", "detail", "code", "instance", "requestId", "timestamp"}
    assert set(told) == (named | {"errors"} if status == 400 else named)
    return told


@pytest.fixture
def vpses(empty: World) -> World:
    """Three VPSes, one of them of another account."""
    listed(empty, vps("vps_1", name="Web", primaryIp="203.0.113.11"))
    listed(empty, vps("vps_2", name="backup", primaryIp="203.0.113.12"))
    listed(empty, vps("vps_3", account="second", name="web", primaryIp="203.0.113.13"))
    return empty
