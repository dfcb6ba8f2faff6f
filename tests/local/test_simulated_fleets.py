"""Simulated fleets that are given, and change while a provider runs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from local.providers import (
    HostupSimulator,
    Ledger,
    NorthflankSimulator,
    Occasion,
    Provisional,
    ServedSample,
    serve,
)
from local.providers.hostup_timeframes import PROXMOX_8, PROXMOX_9, upgraded
from local.providers.times import parsed, written
from tests.local.fleet import container, project, vps, workload
from tests.local.simulated_machine import START, Client, Clock, KnownLoad

MADE_UP = KnownLoad(live_from=START + 30 * 86_400)
SERVICE = "/v1/projects/p/services/web"

type Start = Callable[..., tuple[Any, Client]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    """Serves a simulator of a class, all of whose values are made up."""
    with ExitStack() as servers:

        def served(kind: Any, **options: Any) -> tuple[Any, Client]:
            simulator = kind("t", clock=clock, load=MADE_UP, **options)
            return simulator, Client(servers.enter_context(serve(simulator)).url, "t")

        yield served


def minutes(first: float, last: float, **more: str) -> dict[str, str]:
    """A range in minutes after the start."""
    return {
        "queryType": "range",
        "startTime": rfc3339(first * 60),
        "endTime": rfc3339(last * 60),
        **more,
    }


def rfc3339(seconds: float) -> str:

    return written(int((START + seconds) * 1000))


def seconds_of(client: Client, path: str, params: Any) -> dict[str, list[int]]:
    """The times that a metrics answer holds of each container, in seconds after the start."""
    values = client.json(f"{path}/metrics", params)["data"]["cpu"]["values"]
    return {
        entry["metadata"]["containerId"]: [seconds(sample["ts"]) for sample in entry["data"]]
        for entry in values
    }


def seconds(text: str) -> int:

    return parsed(text) // 1000 - START


def test_northflank_has_the_projects_that_it_is_given(start: Start) -> None:
    _, client = start(
        NorthflankSimulator, projects=[project(workload("web", container("web-1-a")))]
    )

    assert [item["id"] for item in client.json("/v1/projects")["data"]["projects"]] == ["p"]
    services = client.json("/v1/projects/p/services")["data"]["services"]
    assert [(item["id"], item["name"]) for item in services] == [("web", "WEB")]
    assert client.json(SERVICE)["data"]["createdAt"] == "2026-11-21T10:00:00.000Z"


def test_container_is_listed_from_its_creation_and_active_until_its_end(
    start: Start, clock: Clock
) -> None:
    fleet = [project(workload("web", container("web-1-a", 60, 120)))]
    _, client = start(NorthflankSimulator, projects=fleet)

    def listed() -> list[tuple[str, int]]:
        items = client.json(f"{SERVICE}/containers")["data"]["containers"]
        return [(item["status"], item["updatedAt"] - START) for item in items]

    clock.advance(59)
    before = listed()
    clock.advance(1)
    running = listed()
    clock.advance(60)
    assert (before, running, listed()) == ([], [("TASK_RUNNING", 60)], [("TASK_FINISHED", 120)])


def test_what_a_container_left_between_two_polls_comes_only_under_its_name(
    start: Start, clock: Clock
) -> None:
    web = workload("web", container("web-1-a", ended=95), container("web-2-b", created=95))
    _, client = start(NorthflankSimulator, projects=[project(web)])
    clock.advance(90)
    assert list(seconds_of(client, SERVICE, minutes(0, 10))) == ["web-1-a"]
    clock.advance(30)

    assert seconds_of(client, SERVICE, minutes(0, 10)) == {"web-2-b": [100, 110, 120]}
    assert seconds_of(client, SERVICE, minutes(1, 10, containerName="web-1-a")) == {
        "web-1-a": [60, 70, 80, 90]
    }
    assert list(seconds_of(client, SERVICE, minutes(1, 10, containerName="all"))) == [
        "web-1-a",
        "web-2-b",
    ]


def test_a_run_of_a_job_is_a_container_that_lives_a_minute(start: Start, clock: Clock) -> None:
    job = workload("report", container("report-1-a", 600, 660), kind="jobs")
    _, client = start(NorthflankSimulator, projects=[project(job)])
    path = "/v1/projects/p/jobs/report"

    assert seconds_of(client, path, minutes(-60, 60)) == {}
    clock.advance(630)
    assert seconds_of(client, path, minutes(0, 60)) == {"report-1-a": [600, 610, 620, 630]}
    clock.advance(600)
    assert seconds_of(client, path, minutes(0, 60)) == {}
    assert seconds_of(client, path, minutes(0, 60, containerName="report-1-a")) == {
        "report-1-a": [600, 610, 620, 630, 640, 650]
    }


def test_a_slug_that_is_made_again_is_another_service(start: Start, clock: Clock) -> None:
    first = workload("web", container("web-1-a", ended=60), created=-3600, deleted=60)
    second = workload("web", container("web-2-b", created=120), created=120)
    _, client = start(NorthflankSimulator, projects=[project(first, second)])

    assert client.json(SERVICE)["data"]["createdAt"] == "2026-11-22T09:00:00.000Z"
    clock.advance(60)
    assert client.get(SERVICE).status_code == 404
    assert client.get(f"{SERVICE}/metrics").status_code == 404
    assert client.json("/v1/projects/p/services")["data"]["services"] == []
    clock.advance(60)
    assert client.json(SERVICE)["data"]["createdAt"] == "2026-11-22T10:02:00.000Z"
    assert list(seconds_of(client, SERVICE, minutes(0, 10, containerName="all"))) == ["web-2-b"]


def test_a_service_is_renamed_while_northflank_runs(start: Start) -> None:
    web = workload("web", container("web-1-a"))
    simulator, client = start(NorthflankSimulator, projects=[project(web)])
    before = client.json(f"{SERVICE}/metrics")

    simulator.projects = [project(replace(web, name="Shop front"))]

    [item] = client.json("/v1/projects/p/services")["data"]["services"]
    assert item["name"] == "Shop front"
    assert client.json(f"{SERVICE}/metrics") == before


def test_a_vps_is_there_between_its_creation_and_its_deletion(start: Start, clock: Clock) -> None:
    fleet = [vps("web"), vps("brief", created=600, deleted=1200)]
    simulator, client = start(HostupSimulator, vpses=fleet)

    def names() -> list[str]:
        return [item["name"] for item in client.json("/api/v2/vps")["data"]]

    assert names() == ["web"]
    clock.advance(780)
    assert names() == ["web", "brief"]
    samples = client.json("/api/v2/vps/brief/metrics")["samples"]
    assert [seconds(sample["recordedAt"]) for sample in samples] == [600, 660, 720]
    clock.advance(420)
    assert names() == ["web"]
    assert client.get("/api/v2/vps/brief/metrics").status_code == 404
    simulator.vpses = [replace(fleet[0], name="front")]
    assert names() == ["front"]


def test_a_vps_is_silent_while_it_is_off(start: Start, clock: Clock) -> None:
    _, client = start(HostupSimulator, vpses=[vps("web", off=((120, 300), (600, inf)))])

    def state() -> str:
        return str(client.json("/api/v2/vps/web")["powerState"])

    clock.advance(120)
    off = state()
    clock.advance(180)
    on = state()
    clock.advance(900)
    assert (off, on, state()) == ("stopped", "running", "stopped")
    samples = client.json("/api/v2/vps/web/metrics")["samples"]
    times = [seconds(sample["recordedAt"]) for sample in samples]
    assert [time for time in times if time >= 0] == [0, 60, 300, 360, 420, 480, 540]


def test_northflank_forgets_what_is_older_than_its_retention(start: Start) -> None:
    fleet = [project(workload("web", container("web-1-a")))]
    _, client = start(NorthflankSimulator, projects=fleet, retention_seconds=120)

    assert seconds_of(client, SERVICE, minutes(-60, 0)) == {"web-1-a": list(range(-120, 0, 10))}


@pytest.mark.parametrize(
    ("keeps_newest", "times"), [(False, [-60, -50, -40]), (True, [-30, -20, -10])]
)
def test_answers_are_cut_short_at_one_end_when_they_hold_too_much(
    start: Start, keeps_newest: bool, times: list[int]
) -> None:
    simulator, client = start(
        NorthflankSimulator,
        projects=[project(workload("web", container("web-1-a")))],
        most_samples=3,
        keeps_newest=keeps_newest,
    )

    assert seconds_of(client, SERVICE, minutes(-1, 0)) == {"web-1-a": times}
    assert [sample.ts // 1000 - START for sample in simulator.served.samples()] == times
    within = simulator.available((START - 60) * 1000, START * 1000)
    assert sum(sample.series.metric == "cpu" for sample in within) == 6


@pytest.mark.parametrize(
    ("timeframe", "step", "count"), [("hour", 60, 70), ("day", 1800, 70), ("week", 10_800, 70)]
)
def test_hostup_has_the_timeframes_that_it_is_given(
    start: Start, timeframe: str, step: int, count: int
) -> None:
    _, client = start(HostupSimulator, vpses=[vps("web")], timeframes=PROXMOX_8)

    samples = client.json("/api/v2/vps/web/metrics", {"timeframe": timeframe})["samples"]

    times = [seconds(sample["recordedAt"]) for sample in samples]
    assert times == list(range(times[0], times[0] + step * count, step))


def test_a_day_of_minutes_is_what_proxmox_9_answers(start: Start) -> None:
    _, client = start(HostupSimulator, vpses=[vps("web")], timeframes=PROXMOX_9)

    samples = client.json("/api/v2/vps/web/metrics", {"timeframe": "day"})["samples"]

    assert [seconds(each["recordedAt"]) for each in samples] == list(range(-86_400, 0, 60))


def test_a_reply_mixes_two_steps_after_an_upgrade(start: Start) -> None:
    simulator, client = start(HostupSimulator, vpses=[vps("web")], timeframes=upgraded(START - 600))

    answer = client.json("/api/v2/vps/web/metrics", {"timeframe": "day"})

    times = [seconds(sample["recordedAt"]) for sample in answer["samples"]]
    # the half-hour in which the upgrade fell was not finished
    assert times == [*range(-86_400, -1800, 1800), *range(-600, 0, 60)]
    resolutions = {sample.series.resolution_seconds for sample in simulator.served.samples()}
    assert resolutions == {60, 1800}
    reads = [sample["diskReadMbPerSecond"] for sample in answer["samples"]]
    total = sum(reads[:47]) * 1800 + sum(reads[47:]) * 60
    assert answer["summary"]["totalDiskReadGb"] == pytest.approx(total / 1e3, abs=1e-6)


def test_late_samples_turn_up_at_their_age(start: Start, clock: Clock) -> None:
    simulator, client = start(
        NorthflankSimulator,
        projects=[project(workload("web", container("web-1-a")))],
        late=Provisional(90, Occasion(first_seconds=30, lasting_seconds=30)),
    )
    clock.advance(70)
    times = {"web-1-a": [0, 10, 20, 60, 70]}
    assert seconds_of(client, SERVICE, minutes(0, 2)) == times
    assert {sample.ts // 1000 - START for sample in simulator.served.samples()} == {
        *times["web-1-a"]
    }

    clock.advance(55)
    now = [0, 10, 20, 30, 60, 70, 80, 90, 100, 110]
    assert seconds_of(client, SERVICE, minutes(0, 2)) == {"web-1-a": now}


def test_late_by_chance_leaves_holes_that_fill(start: Start, clock: Clock) -> None:
    _, client = start(
        NorthflankSimulator,
        projects=[project(workload("web", container("web-1-a")))],
        late=Provisional(600, Occasion(0.5)),
    )
    clock.advance(600)
    [early] = seconds_of(client, SERVICE, minutes(0, 10)).values()
    clock.advance(600)
    [later] = seconds_of(client, SERVICE, minutes(0, 10)).values()

    assert later == list(range(0, 600, 10))
    assert 20 <= len(early) <= 40
    assert early[0] < early[-1] - 10 * len(early)


def test_a_late_minute_of_hostup_is_missing_as_a_whole(start: Start, clock: Clock) -> None:
    _, client = start(HostupSimulator, vpses=[vps("web")], late=Provisional(120))

    def newest() -> int:
        return seconds(client.json("/api/v2/vps/web/metrics")["samples"][-1]["recordedAt"])

    clock.advance(600)
    assert newest() == 420
    clock.advance(60)
    assert newest() == 480


@pytest.mark.parametrize("kind", [NorthflankSimulator, HostupSimulator])
def test_revised_values_differ_a_little_until_they_settle(
    start: Start, clock: Clock, kind: Any
) -> None:
    fleet: dict[str, Any] = (
        {"vpses": [vps("web")]}
        if kind is HostupSimulator
        else {"projects": [project(workload("web", container("web-1-a")))]}
    )
    simulator, _ = start(kind, **fleet, revised=Provisional(120))
    unrevised, _ = start(kind, **fleet)
    clock.advance(600)

    def values(of: Any) -> dict[int, float]:
        window = (START + 300) * 1000, (START + 600) * 1000
        return {
            sample.ts // 1000 - START: sample.value
            for sample in of.available(*window)
            if sample.series.metric.startswith("memory")
        }

    true, first = values(unrevised), values(simulator)
    changed = {ts for ts, value in first.items() if value != true[ts]}
    assert min(changed) > 420
    assert len(changed) > 0.8 * sum(ts > 480 for ts in true)
    assert all(first[ts] == pytest.approx(true[ts], rel=0.051) for ts in true)
    clock.advance(60)
    second = values(simulator)
    assert any(second[ts] not in (first[ts], true[ts]) for ts in changed)
    clock.advance(600)
    assert values(simulator) == true


def test_available_is_what_asking_for_all_would_serve(start: Start, clock: Clock) -> None:
    web = workload("web", container("web-1-a", ended=95), container("web-2-b", created=95))
    simulator, client = start(NorthflankSimulator, projects=[project(web)])
    clock.advance(300)
    found = list(simulator.available(START * 1000, (START + 200) * 1000, "p/services/web"))
    assert list(simulator.served.samples()) == []
    assert simulator.budget.windows() == ()
    metrics = sorted({sample.series.metric for sample in found})

    params = minutes(0, 200 / 60, containerName="all") | {"metricTypes": metrics}
    client.json(f"{SERVICE}/metrics", params)

    assert key_sorted(found) == key_sorted(simulator.served.samples())
    assert list(simulator.available(START * 1000, (START + 200) * 1000, "p/services/x")) == []


def test_available_of_hostup_is_what_every_timeframe_would_serve(
    start: Start, clock: Clock
) -> None:
    simulator, client = start(HostupSimulator, vpses=[vps("web")])
    clock.advance(300)
    found = list(simulator.available(0, (START + 300) * 1000, "web"))
    assert list(simulator.served.samples()) == []

    for timeframe in ("hour", "day", "week", "month", "year"):
        client.json("/api/v2/vps/web/metrics", {"timeframe": timeframe})

    assert key_sorted(found) == key_sorted(simulator.served.samples())


def test_ledger_remembers_as_many_samples_as_it_is_told(start: Start) -> None:
    simulator, client = start(HostupSimulator, vpses=[vps("web")], served=Ledger(5))

    client.json("/api/v2/vps/web/metrics")

    assert len(list(simulator.served.samples())) == 6 * 5


def test_budget_tells_what_each_window_received(start: Start, clock: Clock) -> None:
    simulator, client = start(NorthflankSimulator, requests_per_hour=2)
    statuses = [client.get("/v1/projects").status_code for _ in range(3)]
    clock.advance(3600)
    statuses.append(client.get("/v1/nonsense").status_code)

    assert statuses == [200, 200, 429, 404]
    assert [
        (window.opened_at - START, window.allowed, window.refused)
        for window in simulator.budget.windows()
    ] == [(0, 2, 1), (3600, 1, 0)]


def test_a_rotated_token_is_the_only_one_that_is_good(start: Start) -> None:
    simulator, client = start(HostupSimulator, vpses=[vps("web")])

    simulator.token = "another"

    assert client.get("/api/v2/vps").status_code == 401


def key_sorted(samples: Iterator[ServedSample] | list[ServedSample]) -> list[ServedSample]:
    return sorted(samples, key=lambda sample: (repr(sample.series), sample.ts))
