"""Quotas: how many requests each token may send, counted in the table for all instances."""

from tests.query_api.conftest import World
from tests.query_api.test_authorisation import made
from tributary.tokens import READ_METRICS

PATH = "/v1/metrics"


def sent(world: World, token: str) -> tuple[int, str | None]:
    """Status of a request, and how many seconds are to be waited if any."""
    found = world.get(PATH, headers={"authorization": f"Bearer {token}"})
    return found.status, found.headers.get("Retry-After")


def test_an_hours_requests_are_counted_and_told(world: World) -> None:
    token = made(world, READ_METRICS, requests_per_hour=2)
    found = world.get(PATH, headers={"authorization": f"Bearer {token}"})

    assert found.headers["x-ratelimit-limit"] == "2"
    assert found.headers["x-ratelimit-remaining"] == "1"
    assert found.headers["x-ratelimit-reset"] == "2700"
    assert sent(world, token) == (200, None)
    assert sent(world, token) == (429, "2700")


def test_the_hour_after_begins_anew(world: World) -> None:
    token = made(world, READ_METRICS, requests_per_hour=1)
    assert [sent(world, token)[0] for _ in range(2)] == [200, 429]

    world.now += 2699.9
    assert sent(world, token) == (429, "1")
    world.now += 0.1
    assert sent(world, token) == (200, None)


def test_a_burst_is_over_in_ten_seconds(world: World) -> None:
    world.now += 3
    token = made(world, READ_METRICS, burst=1)

    assert [sent(world, token) for _ in range(2)] == [(200, None), (429, "7")]
    world.now += 7
    assert sent(world, token) == (200, None)


def test_a_burst_at_an_hours_end_is_told_from_the_hour(world: World) -> None:
    world.now += 2695
    token = made(world, READ_METRICS, burst=1)
    headers = {"authorization": f"Bearer {token}"}

    found = [world.get(PATH, headers=headers) for _ in range(2)][-1]

    assert (found.status, found.headers["Retry-After"]) == (429, "5")
    assert "The token may send 1 requests in 10 seconds" in found.json["detail"]


def test_each_token_has_its_own(world: World) -> None:
    first, second = (made(world, READ_METRICS, requests_per_hour=1) for _ in range(2))

    assert [sent(world, token)[0] for token in (first, first, second)] == [200, 429, 200]


def test_a_token_without_its_own_has_the_stacks(world: World) -> None:
    world.requests_per_hour = 1
    token = made(world, READ_METRICS)

    assert [sent(world, token)[0] for _ in range(2)] == [200, 429]


def test_a_refusal_says_why_and_until_when(world: World) -> None:
    token = made(world, READ_METRICS, requests_per_hour=1)
    sent(world, token)

    found = world.get(PATH, headers={"authorization": f"Bearer {token}"})

    assert found.json["code"] == "too_many_requests"
    assert found.json["detail"].startswith("The token's 1 requests of this hour are used up")
