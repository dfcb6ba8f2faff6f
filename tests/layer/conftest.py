"""AWS in memory with an empty table, and providers to collect from."""

from collections.abc import Iterator

import pytest

from tests.layer.collecting import Fleet, fleet
from tests.layer.world import World


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, table: None) -> None:
    """AWS in memory with an empty table and no secret."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "collector")
    monkeypatch.setenv("PROVIDER_SECRET", "provider")
    for name in ("PUBLISHED_METRICS", "PUBLISH_MAX_AGE_HOURS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world(aws: None) -> World:
    """A table and its store at 2026-11-22T10:15:00Z."""
    return World()


@pytest.fixture
def hostup(world: World) -> Iterator[Fleet]:
    """A simulated HostUp with four VPSes, nothing of it collected yet."""
    with fleet(world, "hostup") as found:
        yield found


@pytest.fixture
def northflank(world: World) -> Iterator[Fleet]:
    """A simulated Northflank with six services, nothing of it collected yet."""
    with fleet(world, "northflank") as found:
        yield found
