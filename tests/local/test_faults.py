"""Faults of simulated providers over real HTTP: when they strike, and what is left of an answer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
import requests

from local.providers import (
    Fault,
    Faulty,
    HostupSimulator,
    Kind,
    NorthflankSimulator,
    Occasion,
    serve,
)
from tests.local.fleet import container, project, vps, workload
from tests.local.simulated_machine import START, Client, Clock, KnownLoad

MADE_UP = KnownLoad(live_from=START + 30 * 86_400)
SERVICE = "/v1/projects/p/services/web/metrics"
VPS = "/api/v2/vps/web/metrics"

type Start = Callable[..., tuple[Any, Faulty, Client]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    """Serves a simulator with faults; slow answers set the clock forward."""
    with ExitStack() as servers:

        def served(kind: Any, *faults: Fault, seed: int = 0) -> tuple[Any, Faulty, Client]:
            fleet: Any = {"vpses": [vps("web")]}
            if kind is NorthflankSimulator:
                fleet = {"projects": [project(workload("web", container("web-1-a")))]}
            simulator = kind("t", clock=clock, load=MADE_UP, **fleet)
            faulty = Faulty(simulator, faults, clock=clock, sleep=clock.advance, seed=seed)
            return simulator, faulty, Client(servers.enter_context(serve(faulty)).url, "t")

        yield served


def received(simulator: Any) -> int:
    return sum(window.allowed + window.refused for window in simulator.budget.windows())


def statuses(client: Client, path: str, count: int) -> list[int]:
    """Statuses of answers to the same request again and again; 0 for a dropped connection."""
    found = []
    for _ in range(count):
        try:
            found.append(client.get(path).status_code)
        except requests.ConnectionError:
            found.append(0)
    return found


@pytest.mark.parametrize(
    ("occasion", "words", "struck"),
    [
        (Occasion(), "always", [0, 1, 2, 3, 4, 5, 6, 7]),
        (Occasion(first_seconds=300), "from minute 5", [5, 6, 7]),
        (Occasion(lasting_seconds=90), "from minute 0, for 1.5 min", [0, 1]),
        (
            Occasion(1, 60, lasting_seconds=120, every_seconds=240),
            "from minute 1, for 2 min, every 4 min",
            [1, 2, 5, 6],
        ),
        (Occasion(0.25), "25% by chance", [2]),
    ],
)
def test_occasion_is_in_episodes_and_by_chance(
    occasion: Occasion, words: str, struck: list[int]
) -> None:
    draws = [0.9, 0.5, 0.2, 0.3, 0.6, 0.25, 0.7, 0.8] if occasion.probability < 1 else [0.99] * 8

    assert str(occasion) == words
    found = [minute for minute in range(8) if occasion.strikes(minute * 60, draws[minute])]
    assert found == struck


def test_outage_drops_connections_or_answers_503_and_is_not_received(
    start: Start, clock: Clock
) -> None:
    outage = Fault(Kind.OUTAGE, Occasion(1, 120, lasting_seconds=180, every_seconds=600))
    simulator, faulty, client = start(NorthflankSimulator, outage)
    clock.advance(119)
    before = statuses(client, "/v1/projects", 2)
    clock.advance(1)
    during = statuses(client, "/v1/projects", 20)
    clock.advance(180)
    after = statuses(client, "/v1/projects", 2)

    assert (before, set(during), after) == ([200, 200], {0, 503}, [200, 200])
    assert received(simulator) == 4
    assert faulty.struck == {Kind.OUTAGE: 20}


def test_errors_are_the_providers_own_or_a_proxys_and_spend_its_budget(start: Start) -> None:
    simulator, _, client = start(HostupSimulator, Fault(Kind.ERRORS))

    answers = [client.get(VPS) for _ in range(20)]

    assert {
        (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) for answer in answers
    } == {
        (500, "application/problem+json"),
        (502, "text/html"),
        (503, "application/problem+json"),
    }
    assert {each.json()["code"] for each in answers if each.status_code == 503} == {
        "upstream_unavailable"
    }
    assert received(simulator) == 20
    assert list(simulator.served.samples()) == []


def test_errors_of_northflank_carry_its_budget(start: Start) -> None:
    _, _, client = start(NorthflankSimulator, Fault(Kind.ERRORS))

    answers = [client.get(SERVICE) for _ in range(10)]

    remaining = [answer.headers["x-ratelimit-remaining"] for answer in answers]
    assert remaining == [str(999 - n) for n in range(10)]
    assert {each.json()["error"]["id"] for each in answers if each.status_code == 500} == {
        "internal-error"
    }


def test_throttled_northflank_says_how_long_in_its_headers(start: Start, clock: Clock) -> None:
    throttled = Fault(Kind.THROTTLED, Occasion(1, 60, lasting_seconds=60))
    _, _, client = start(NorthflankSimulator, throttled)
    clock.advance(80)

    answer = client.get(SERVICE)

    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-limit"] == "1000"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.headers["x-ratelimit-reset"] == "40"
    assert answer.json()["error"]["status"] == 429
    clock.advance(40)
    assert client.get(SERVICE).headers["x-ratelimit-remaining"] == "998"


def test_throttled_hostup_says_how_long_in_its_headers(start: Start) -> None:
    simulator, _, client = start(HostupSimulator, Fault(Kind.THROTTLED))

    answer = client.get(VPS)

    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert answer.headers["X-RateLimit-Reset"] == "2026-11-22T10:00:30.000Z"
    assert [(each.allowed, each.refused) for each in simulator.budget.windows()] == [(1, 0)]


@pytest.mark.parametrize(("kind", "path"), [(NorthflankSimulator, SERVICE), (HostupSimulator, VPS)])
def test_a_key_is_refused_in_the_providers_words(start: Start, kind: Any, path: str) -> None:
    _, _, client = start(kind, Fault(Kind.UNAUTHORIZED))

    answer = client.get(path)

    assert answer.status_code == 401
    assert "unauthorized" in answer.text


@pytest.mark.parametrize(("kind", "path"), [(NorthflankSimulator, SERVICE), (HostupSimulator, VPS)])
def test_garbage_is_a_200_of_which_nothing_was_served(start: Start, kind: Any, path: str) -> None:
    simulator, faulty, client = start(kind, Fault(Kind.GARBAGE))

    answers = [client.get(path) for _ in range(40)]

    assert {answer.status_code for answer in answers} == {200}
    assert list(simulator.served.samples()) == []
    assert {shape(answer) for answer in answers} == {"no JSON", "cut off", "list", "text inside"}
    faulty.faults = ()
    assert shape(client.get(path)) == "whole"
    assert len(list(simulator.served.samples())) > 0


def shape(answer: requests.Response) -> str:
    """What is wrong with a metrics answer."""
    try:
        body = answer.json()
    except ValueError:
        return "cut off" if answer.text.startswith("{") else "no JSON"
    if isinstance(body, list):
        return "list"
    return "text inside" if "unavailable" in (body.get("data"), body.get("samples")) else "whole"


def test_an_error_of_the_provider_stays_when_its_answer_would_be_garbage(start: Start) -> None:
    _, _, client = start(HostupSimulator, Fault(Kind.GARBAGE))

    answer = client.get("/api/v2/vps/nothing/metrics")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_slow_answers_take_their_time_and_are_whole(start: Start, clock: Clock) -> None:
    simulator, _, client = start(HostupSimulator, Fault(Kind.SLOW, seconds=7.5))

    answer = client.get(VPS)

    assert clock.now == START + 7.5
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 10:00:07 GMT"
    assert len(answer.json()["samples"]) == 60
    assert len(list(simulator.served.samples())) == 360


def test_of_several_faults_a_slow_one_comes_first_and_one_is_seen(
    start: Start, clock: Clock
) -> None:
    faults = (Fault(Kind.GARBAGE), Fault(Kind.ERRORS), Fault(Kind.UNAUTHORIZED), Fault(Kind.SLOW))
    _, faulty, client = start(HostupSimulator, *faults)

    assert client.get(VPS).status_code == 401
    assert clock.now == START + 5
    assert faulty.struck == {Kind.SLOW: 1, Kind.UNAUTHORIZED: 1}


def test_chance_is_the_same_for_a_seed_whatever_comes_between(start: Start) -> None:
    errors = Fault(Kind.ERRORS, Occasion(0.5))

    def drawn(seed: int, others: Sequence[str] = ()) -> list[int]:
        _, _, client = start(NorthflankSimulator, errors, seed=seed)
        found = []
        for _ in range(30):
            found += statuses(client, SERVICE, 1)
            for other in others:
                statuses(client, other, 1)
        return found

    first = drawn(1)
    assert 8 <= first.count(200) <= 22
    assert drawn(1, ["/v1/projects", f"{SERVICE}?duration=60"]) == first
    assert drawn(2) != first


def test_faults_are_counted_once_when_many_threads_ask(start: Start) -> None:
    simulator, faulty, client = start(NorthflankSimulator, Fault(Kind.ERRORS, Occasion(0.5)))
    found: list[int] = []
    threads = [
        Thread(target=lambda: found.extend(statuses(client, "/v1/login", 10))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == received(simulator) == 40
    assert faulty.struck[Kind.ERRORS] == 40 - found.count(200)
    _, _, alone = start(NorthflankSimulator, Fault(Kind.ERRORS, Occasion(0.5)))
    assert sorted(statuses(alone, "/v1/login", 40)) == sorted(found)


def test_a_simulators_own_paths_are_spared(start: Start) -> None:
    _, _, client = start(HostupSimulator, Fault(Kind.OUTAGE))

    assert client.json("/_simulator/health") == {"status": "ok"}
    assert client.json("/_simulator/served") == {"series": []}


def test_provider_answers_again_after_it_dropped_connections(start: Start) -> None:
    _, faulty, client = start(HostupSimulator, Fault(Kind.OUTAGE))
    assert 0 in statuses(client, VPS, 20)

    faulty.faults = ()

    assert statuses(client, VPS, 3) == [200, 200, 200]
