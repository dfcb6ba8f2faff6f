"""The simulated HostUp over real HTTP, held against HostUp's documents."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from local.providers import HostupSimulator, Load, Signal, serve
from tests.local.simulated_machine import BUSY, START, Client, Clock, KnownLoad

WEB_1 = "vps_01jc4w8e2m5k9r3t7y1a6d0f4h"
STAGING = "vps_01jc4w8e2q8r2v6x0z4d9g3j7m"
METRICS = f"/api/v2/vps/{WEB_1}/metrics"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load() -> KnownLoad:
    return KnownLoad()


@pytest.fixture
def simulator(clock: Clock, load: KnownLoad) -> HostupSimulator:
    return HostupSimulator("secret", clock=clock, load=load)


@pytest.fixture
def hostup(simulator: HostupSimulator) -> Iterator[Client]:
    with serve(simulator) as server:
        yield Client(server.url, "secret")


def times(answer: Any) -> list[int]:
    return [
        int(datetime.fromisoformat(sample["recordedAt"]).timestamp())
        for sample in answer["samples"]
    ]


def test_vpses_are_listed_with_one_stopped(hostup: Client) -> None:
    answer = hostup.json("/api/v2/vps", {"limit": 100})
    assert [(item["name"], item["powerState"]) for item in answer["data"]] == [
        ("web-1", "running"),
        ("web-2", "running"),
        ("backup", "running"),
        ("staging", "stopped"),
    ]
    assert (answer["hasMore"], answer["nextCursor"]) == (False, None)
    assert all(len(item["id"]) == 30 and item["id"][:4] == "vps_" for item in answer["data"])


def test_vps_is_the_item_of_the_list(hostup: Client) -> None:
    item = hostup.json("/api/v2/vps")["data"][0]
    assert hostup.json(f"/api/v2/vps/{WEB_1}") == item
    assert item["resources"] == {"cpuCores": 2, "memoryGb": 4, "storageGb": 50}
    assert item["serviceStatus"] == "active"


def test_pages_follow_the_cursor_until_it_is_null(hostup: Client) -> None:
    names, params = [], {"limit": "3"}
    while True:
        answer = hostup.json("/api/v2/vps", params)
        names += [item["name"] for item in answer["data"]]
        if not answer["hasMore"]:
            break
        params["cursor"] = answer["nextCursor"]
        assert set("+/=") <= set(params["cursor"])
    assert names == ["web-1", "web-2", "backup", "staging"]
    assert answer["nextCursor"] is None


def test_vpses_are_found_by_address_and_by_name_in_any_case(hostup: Client) -> None:
    def names(**params: str) -> list[str]:
        return [item["name"] for item in hostup.json("/api/v2/vps", params)["data"]]

    assert names(primaryIp="203.0.113.12") == ["web-2"]
    assert names(name="BackUp") == ["backup"]
    assert names(name="web") == []
    assert names(primaryIp="203.0.113.12", name="web-1") == []


@pytest.mark.parametrize(
    ("path", "params", "pointer"),
    [
        ("/api/v2/vps", {"limit": "101"}, "/limit"),
        ("/api/v2/vps", {"limit": "0"}, "/limit"),
        ("/api/v2/vps", {"cursor": "+/+/MDAwMQ=="[1:]}, "/cursor"),
        (METRICS, {"timeframe": "decade"}, "/timeframe"),
    ],
)
def test_problem_points_at_the_parameter_when_it_is_wrong(
    hostup: Client, path: str, params: dict[str, str], pointer: str
) -> None:
    response = hostup.get(path, params)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (400, "invalid_request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_problem_has_all_documented_fields_when_a_vps_does_not_exist(hostup: Client) -> None:
    response = hostup.get("/api/v2/vps/vps_nothing/metrics")
    assert response.status_code == 404
    assert response.json() == {
        "type": "https://developer.hostup.se/errors/not_found",
        "title": "Not found",
        "status": 404,
        "detail": "The requested resource could not be found.",
        "code": "not_found",
        "instance": "/api/v2/vps/vps_nothing/metrics",
        "requestId": "req_00000000000000000000000001",
        "timestamp": "2026-11-22T10:00:00.000Z",
    }


def test_unknown_path_is_a_problem_too(hostup: Client) -> None:
    response = hostup.get("/api/v3/vps")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("header", ["", "Bearer wrong"])
def test_request_is_refused_when_the_key_is_not_good(
    simulator: HostupSimulator, header: str
) -> None:
    with serve(simulator) as server:
        response = requests.get(
            f"{server.url}/api/v2/vps", headers={"Authorization": header}, timeout=10
        )
    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


def test_request_is_refused_with_the_time_to_wait_when_there_are_too_many(
    clock: Clock, load: KnownLoad
) -> None:
    simulator = HostupSimulator("t", clock=clock, load=load, requests_per_minute=1)
    with serve(simulator) as server:
        client = Client(server.url, "t")
        allowed = client.get("/api/v2/vps")
        clock.advance(12.25)
        refused = client.get("/api/v2/vps")
        clock.advance(47.75)
        afresh = client.get("/api/v2/vps")
    assert (allowed.status_code, refused.status_code, afresh.status_code) == (200, 429, 200)
    assert "X-RateLimit-Limit" not in allowed.headers
    assert refused.json()["code"] == "rate_limit_exceeded"
    assert refused.headers["Retry-After"] == "48"
    assert refused.headers["X-RateLimit-Limit"] == "1"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Reset"] == "2026-11-22T10:01:00.000Z"
    assert refused.headers["Date"] == "Sun, 22 Nov 2026 10:00:12 GMT"


@pytest.mark.parametrize(
    ("asked", "timeframe", "step", "count"),
    [
        (None, "hour", 60, 60),
        ("hour", "hour", 60, 60),
        ("1h", "hour", 60, 60),
        ("day", "day", 1800, 48),
        ("24h", "day", 1800, 48),
        ("1d", "day", 1800, 48),
        ("7d", "week", 1800, 336),
        ("30d", "month", 21_600, 121),
        ("1y", "year", 21_600, 1140),
    ],
)
def test_timeframe_has_its_own_step_and_count(
    hostup: Client, asked: str | None, timeframe: str, step: int, count: int
) -> None:
    answer = hostup.json(METRICS, {"timeframe": asked})
    assert (answer["id"], answer["timeframe"]) == (WEB_1, timeframe)
    recorded = times(answer)
    assert len(recorded) == count
    assert {after - before for before, after in itertools.pairwise(recorded)} == {step}
    assert START - 2 * step < recorded[-1] <= START - step


def test_sample_has_the_six_documented_fields(hostup: Client) -> None:
    sample = hostup.json(METRICS)["samples"][-1]
    assert list(sample) == [
        "recordedAt",
        "cpuUsagePercent",
        "memoryUsagePercent",
        "diskReadMbPerSecond",
        "diskWriteMbPerSecond",
        "networkInboundKbPerSecond",
        "networkOutboundKbPerSecond",
    ]
    assert sample["recordedAt"] == "2026-11-22T09:59:00.000Z"
    assert all(isinstance(sample[field], float) for field in list(sample)[1:])


def test_stopped_vps_is_silent_since_it_was_stopped(hostup: Client) -> None:
    hour = hostup.json(f"/api/v2/vps/{STAGING}/metrics")
    assert hour["samples"] == []
    assert len(hour["summary"]) == 12
    assert set(hour["summary"].values()) == {None}
    day = hostup.json(f"/api/v2/vps/{STAGING}/metrics", {"timeframe": "day"})
    assert len(day["samples"]) == 38
    assert day["samples"][-1]["recordedAt"] == "2026-11-22T04:30:00.000Z"


@pytest.mark.parametrize(("timeframe", "step"), [("hour", 60), ("day", 1800)])
def test_summary_is_that_of_the_samples(hostup: Client, timeframe: str, step: int) -> None:
    answer = hostup.json(METRICS, {"timeframe": timeframe})
    read = [sample["diskReadMbPerSecond"] for sample in answer["samples"]]
    inbound = [sample["networkInboundKbPerSecond"] for sample in answer["samples"]]
    summary = answer["summary"]
    assert summary["peakDiskReadMbPerSecond"] == max(read)
    assert summary["avgDiskReadMbPerSecond"] == pytest.approx(sum(read) / len(read), abs=1e-6)
    assert summary["totalDiskReadGb"] == pytest.approx(sum(read) * step / 1e3, abs=1e-6)
    assert summary["peakNetworkInboundKbPerSecond"] == max(inbound)
    assert summary["totalNetworkInboundGb"] == pytest.approx(sum(inbound) * step / 1e6, abs=1e-6)


def test_live_values_are_averages_of_the_vpss_share_of_the_machines_load(
    hostup: Client, clock: Clock, load: KnownLoad
) -> None:
    busier: Load = {**BUSY, Signal.CPU: 100.0, Signal.NETWORK_RECEIVE: 800_000.0}
    load.loads = {START + 10 * n: BUSY if n % 2 else busier for n in range(6)}
    clock.advance(60)
    assert hostup.json(METRICS)["samples"][-1] == {
        "recordedAt": "2026-11-22T10:00:00.000Z",
        "cpuUsagePercent": 63.0,
        "memoryUsagePercent": 35.0,
        "diskReadMbPerSecond": 1.6,
        "diskWriteMbPerSecond": 0.8,
        "networkInboundKbPerSecond": 520.0,
        "networkOutboundKbPerSecond": 200.0,
    }


def test_minute_is_answered_only_when_it_has_ended(
    hostup: Client, clock: Clock, load: KnownLoad
) -> None:
    load.loads = dict.fromkeys(range(START, START + 60, 10), BUSY)
    clock.advance(59.9)
    assert times(hostup.json(METRICS))[-1] == START - 60
    clock.advance(0.1)
    assert times(hostup.json(METRICS))[-1] == START


def test_minute_is_left_out_when_nothing_in_it_was_measured(
    hostup: Client, clock: Clock, load: KnownLoad
) -> None:
    load.loads = dict.fromkeys(range(START + 60, START + 120, 10), BUSY)
    clock.advance(120)
    recorded = times(hostup.json(METRICS))
    assert recorded[-2:] == [START - 60, START + 60]
    assert len(recorded) == 59


def test_hosts_differ_and_their_history_does_not_change(
    hostup: Client, clock: Clock, load: KnownLoad
) -> None:
    ids = [item["id"] for item in hostup.json("/api/v2/vps")["data"]]
    days = [hostup.json(f"/api/v2/vps/{vps}/metrics", {"timeframe": "day"}) for vps in ids]
    cpus = {day["samples"][0]["cpuUsagePercent"] for day in days}
    assert len(cpus) == 4
    with serve(HostupSimulator("secret", clock=clock, load=load)) as server:
        again = Client(server.url, "secret")
        assert again.json(METRICS, {"timeframe": "day"}) == days[0]


def test_ledger_keeps_the_resolutions_apart(hostup: Client, simulator: HostupSimulator) -> None:
    hour = hostup.json(METRICS)
    hostup.json(METRICS)
    hostup.json(METRICS, {"timeframe": "day"})
    samples = list(simulator.served.samples())
    assert len(samples) == 6 * (60 + 48)
    cpu = [
        (sample.ts, sample.value)
        for sample in samples
        if sample.series.metric == "cpuUsagePercent" and sample.series.resolution_seconds == 60
    ]
    assert [value for _, value in cpu] == [s["cpuUsagePercent"] for s in hour["samples"]]
    assert [ts for ts, _ in cpu] == [second * 1000 for second in times(hour)]
    served = hostup.json("/_simulator/served")["series"]
    assert {series["resource"] for series in served} == {WEB_1}
    assert {series["unit"] for series in served} == {"percent", "MbPerSecond", "KbPerSecond"}
