"""Bad input of every kind, on every route: refused at once, with nothing read for it."""

from collections.abc import Iterator

import pytest

from tests.query_api.conftest import World
from tests.query_api.test_authorisation import GUARDED, Case

LISTS = {path: case for path, case in GUARDED.items() if path.rsplit("/", 1)[-1] in {
    "resources", "coverage", "projects", "services", "addons", "jobs", "containers", "vps"
}}  # fmt: skip

BAD = {
    "an unknown parameter": "nonsense=1",
    "a broken escape": "a=%zz",
    "invalid UTF-8": "a=%ff%fe",
    "an invalid name": "%ff=1",
    "thousands of parameters": "&".join(f"p{number}=1" for number in range(3000)),
    "a long value": f"nonsense={'x' * 9000}",
    "a null byte": "a=%00",
}


@pytest.fixture
def asked(world: World) -> Iterator[list[str]]:
    """The operations that DynamoDB is asked for, one after the other."""
    operations: list[str] = []

    def note(model: object, **_: object) -> None:
        operations.append(str(getattr(model, "name", "")))

    event = "before-call.dynamodb"
    world.client.meta.events.register(event, note)
    yield operations
    world.client.meta.events.unregister(event, note)


@pytest.mark.parametrize("query", BAD.values(), ids=BAD)
@pytest.mark.parametrize("case", GUARDED.values(), ids=GUARDED)
def test_a_bad_query_is_refused_before_anything_is_read(
    world: World, asked: list[str], case: Case, query: str
) -> None:
    found = world.get(case.path, query)

    assert found.status == 400, found.text
    assert asked == ["UpdateItem"]
    assert len(found.text) < 3000


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/projects", "per_page=00000000000000019999"),
        ("/v1/resources", "limit=00000000000000019999"),
        ("/v1/resources", f"limit={'9' * 4400}"),
        ("/api/v2/vps", "limit=00000000000000019999"),
        (
            "/v1/projects/shop/services/api/metrics",
            "startTime=2026-11-22T10:00:00Z&duration=000000000000000199999999999999999",
        ),
    ],
)
def test_a_number_is_as_large_as_all_of_its_digits_say(
    world: World, asked: list[str], path: str, query: str
) -> None:
    found = world.get(path, query)

    assert found.status == 400, found.text
    assert "send a number from" in found.text
    assert asked == ["UpdateItem"]


@pytest.mark.parametrize("cursor", ["abc", "....", "%C3%A4", "A" * 9000, "-_-_", "0"])
@pytest.mark.parametrize("case", LISTS.values(), ids=LISTS)
def test_a_cursor_that_was_tampered_with_is_refused_before_anything_is_read(
    world: World, asked: list[str], case: Case, cursor: str
) -> None:
    found = world.get(case.path, f"cursor={cursor}")

    assert found.status == 400, found.text
    assert "The cursor was not given out for this list" in found.text
    assert asked == ["UpdateItem"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/query", "metric=cpu.utilization&start=now&end=-1h"),
        ("/v1/query", "metric=cpu.utilization&start=1970-01-01T00:00:00Z&step=1"),
        ("/v1/query", "metric=cpu.utilization&step=999999999999w"),
        ("/v1/coverage", "start=2026-11-22T10:00:00Z&end=2026-11-22T09:00:00Z"),
        (
            "/v1/projects/shop/services/api/metrics",
            "startTime=2026-11-22T10:00:00Z&endTime=2026-11-22T09:00:00Z",
        ),
        ("/v1/projects/shop/services/api/metrics", f"duration={'9' * 300}"),
        ("/v1/projects/shop/services/api/metrics", f"startTime={'2' * 9000}"),
        ("/api/v2/vps/vps_01/metrics", "start=now&end=-1h"),
        ("/api/v2/vps/vps_01/metrics", "timeframe=" + "hour" * 1000),
    ],
)
def test_times_that_make_no_sense_are_refused_before_anything_is_read(
    world: World, asked: list[str], path: str, query: str
) -> None:
    found = world.get(path, query)

    assert found.status == 400, found.text
    assert asked == ["UpdateItem"]
    assert len(found.text) < 3000


@pytest.mark.parametrize(
    "path",
    ["/v1/projects/../query", "/v1/projects/shop/services//metrics", "/v1/projects/\x00",
     "/v1/projects/shop\n", "/api/v2/vps/a/b/c", "//", "/v1/projects/ä/services/ö"],
)  # fmt: skip
def test_a_strange_path_is_not_found(world: World, path: str) -> None:
    found = world.get(path)

    assert found.status == 404
    assert len(found.text) < 30_000


def test_a_range_of_all_time_is_answered_in_what_fits(world: World) -> None:
    query = "startTime=1970-01-01T00:00:00Z&endTime=9999-12-31T00:00:00Z&containerName=all"

    found = world.get("/v1/projects/shop/services/api/metrics", query)

    assert found.status == 200
    assert world.get("/api/v2/vps/vps_01/metrics", "start=0&end=253402300799").status == 200
