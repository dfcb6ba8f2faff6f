"""The simulated Northflank over real HTTP, held against Northflank's documents."""

from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from local.providers import NorthflankSimulator, Traffic, serve
from tests.local.simulated_machine import BUSY, START, Client, Clock, KnownLoad

ALL_METRICS = [
    "cpu",
    "memory",
    "networkIngress",
    "networkEgress",
    "tcpConnectionsOpen",
    "diskUsage",
    "requests",
    "http4xxResponses",
    "http5xxResponses",
    "bandwidth",
    "bandwidthVolume",
]
API = "/v1/projects/shop/services/api/metrics"
STOREFRONT = "/v1/projects/shop/services/storefront/metrics"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load() -> KnownLoad:
    return KnownLoad()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    return Traffic(clock)


@pytest.fixture
def simulator(clock: Clock, load: KnownLoad, traffic: Traffic) -> NorthflankSimulator:
    return NorthflankSimulator("secret", clock=clock, load=load, traffic=traffic)


@pytest.fixture
def northflank(simulator: NorthflankSimulator) -> Iterator[Client]:
    with serve(simulator) as server:
        yield Client(server.url, "secret")


def hour(metrics: list[str] | None = None, **more: str) -> dict[str, Any]:
    return {
        "queryType": "range",
        "startTime": "2026-11-22T09:00:00.000Z",
        "endTime": "2026-11-22T10:00:00.000Z",
        "metricTypes": metrics or ["cpu"],
        **more,
    }


def containers(answer: Any, metric: str = "cpu") -> list[str]:
    return [entry["metadata"]["containerId"] for entry in answer["data"][metric]["values"]]


def test_login_answers_an_empty_object_when_the_token_is_good(northflank: Client) -> None:
    assert northflank.json("/v1/login") == {}


@pytest.mark.parametrize("header", ["", "Bearer wrong", "secret"])
def test_request_is_refused_when_the_token_is_not_good(
    simulator: NorthflankSimulator, header: str
) -> None:
    with serve(simulator) as server:
        response = requests.get(
            f"{server.url}/v1/projects", headers={"Authorization": header}, timeout=10
        )
    assert response.status_code == 401
    assert response.json()["error"]["status"] == 401
    assert response.json()["error"]["id"] == "unauthorized"
    assert response.headers["x-ratelimit-limit"] == "1000"


def test_projects_are_listed_with_their_pagination(northflank: Client) -> None:
    answer = northflank.json("/v1/projects", {"per_page": 100})
    assert [(item["id"], item["name"]) for item in answer["data"]["projects"]] == [
        ("shop", "Shop"),
        ("lab", "Lab"),
    ]
    assert answer["pagination"] == {"hasNextPage": False, "count": 2}


def test_project_embeds_what_is_in_it(northflank: Client) -> None:
    project = northflank.json("/v1/projects/shop")["data"]
    assert project["deployment"] == {"region": "europe-west"}
    assert [item["id"] for item in project["services"]] == ["api", "storefront", "search", "assets"]
    assert [item["id"] for item in project["addons"]] == ["orders-db"]
    assert project["jobs"] == []
    assert "tags" not in project["services"][0]


def test_services_are_listed_with_the_documented_fields(northflank: Client) -> None:
    services = northflank.json("/v1/projects/shop/services")["data"]["services"]
    assert [item["serviceType"] for item in services] == [
        "deployment",
        "combined",
        "deployment",
        "build",
    ]
    assert services[0] == {
        "id": "api",
        "appId": "/demo/shop/api",
        "projectId": "shop",
        "name": "API",
        "description": "Two containers, in pct; all of the local front's traffic",
        "tags": ["public", "team-a"],
        "serviceType": "deployment",
        "disabledCI": True,
        "disabledCD": False,
        "status": {
            "build": {"status": "SUCCESS"},
            "deployment": {"status": "COMPLETED", "reason": "DEPLOYING"},
        },
    }


def test_service_has_plan_region_and_creation_that_its_list_lacks(northflank: Client) -> None:
    service = northflank.json("/v1/projects/shop/services/api")["data"]
    assert service["billing"] == {"deploymentPlan": "nf-compute-20"}
    assert service["deployment"] == {"region": "europe-west", "instances": 2}
    assert service["createdAt"] == "2026-11-12T10:00:00.000Z"
    assert service["servicePaused"] is False
    assert northflank.json("/v1/projects/lab/services/preview")["data"]["servicePaused"] is True


def test_addons_and_jobs_are_listed(northflank: Client) -> None:
    addons = northflank.json("/v1/projects/shop/addons")["data"]["addons"]
    assert [(item["spec"], item["status"]) for item in addons] == [
        ({"type": "postgresql"}, "running")
    ]
    jobs = northflank.json("/v1/projects/lab/jobs")["data"]["jobs"]
    assert [(item["id"], item["jobType"]) for item in jobs] == [("nightly-report", "cron")]


def test_containers_are_listed_with_the_ended_one(northflank: Client) -> None:
    answer = northflank.json("/v1/projects/shop/services/api/containers")
    assert [(item["name"], item["status"]) for item in answer["data"]["containers"]] == [
        ("api-78b4d4459d-sbtn8", "TASK_RUNNING"),
        ("api-78b4d4459d-xk2p5", "TASK_RUNNING"),
        ("api-54785f4c6b-q9wz7", "TASK_FINISHED"),
    ]
    assert answer["data"]["containers"][2]["createdAt"] == START - 10 * 86_400
    assert answer["data"]["containers"][2]["updatedAt"] == START - 3 * 3600


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/nowhere",
        "/v1/projects/nowhere/services",
        "/v1/projects/shop/services/nothing/metrics",
        "/v1/projects/shop/addons/api/metrics",
        "/v1/teams/others/projects",
        "/v1/nonsense",
        "/",
    ],
)
def test_error_body_is_northflanks_when_something_does_not_exist(
    northflank: Client, path: str
) -> None:
    response = northflank.get(path)
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["status"], error["id"]) == (404, "not-found")
    assert error["message"]


def test_team_paths_answer_the_same(northflank: Client) -> None:
    for path in ("/projects", "/projects/shop/services", "/projects/shop/services/api/metrics"):
        params = hour() if path.endswith("metrics") else None
        assert northflank.json(f"/v1/teams/demo{path}", params) == northflank.json(
            f"/v1{path}", params
        )


def test_pages_follow_the_cursor_until_there_is_none(northflank: Client) -> None:
    names, params = [], {"per_page": "1"}
    while True:
        answer = northflank.json("/v1/projects/shop/services", params)
        names += [item["id"] for item in answer["data"]["services"]]
        assert answer["pagination"]["count"] == 1
        if not answer["pagination"]["hasNextPage"]:
            break
        params["cursor"] = answer["pagination"]["cursor"]
        assert set("+/=") <= set(params["cursor"])
    assert names == ["api", "storefront", "search", "assets"]
    assert "cursor" not in answer["pagination"]


def test_cursor_is_refused_when_sent_unescaped(northflank: Client) -> None:
    cursor = northflank.json("/v1/projects", {"per_page": 1})["pagination"]["cursor"]
    response = northflank.get(f"/v1/projects?per_page=1&cursor={cursor}")
    assert response.status_code == 400


def test_pages_are_small_when_the_simulator_is_told_so(clock: Clock, load: KnownLoad) -> None:
    with serve(NorthflankSimulator("t", clock=clock, load=load, largest_page=1)) as server:
        answer = Client(server.url, "t").json("/v1/projects", {"per_page": 100})
    assert answer["pagination"]["hasNextPage"] is True


@pytest.mark.parametrize("size", ["0", "101", "ten", "-1"])
def test_page_size_is_refused_when_out_of_bounds(northflank: Client, size: str) -> None:
    assert northflank.get("/v1/projects", {"per_page": size}).status_code == 400


def test_budget_counts_down_in_a_window_from_the_first_request(
    northflank: Client, clock: Clock
) -> None:
    first = northflank.get("/v1/projects").headers
    clock.advance(600.5)
    second = northflank.get("/v1/nonsense").headers
    clock.advance(3000)
    third = northflank.get("/v1/projects").headers
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    assert [first[name] for name in names] == ["1000", "999", "3600"]
    assert [second[name] for name in names] == ["1000", "998", "3000"]
    assert [third[name] for name in names] == ["1000", "999", "3600"]


def test_request_is_refused_when_the_budget_is_spent(clock: Clock, load: KnownLoad) -> None:
    simulator = NorthflankSimulator("t", clock=clock, load=load, requests_per_hour=2)
    with serve(simulator) as server:
        client = Client(server.url, "t")
        statuses = [client.get("/v1/projects").status_code for _ in range(3)]
        refused = client.get("/v1/projects")
        clock.advance(3600)
        afresh = client.get("/v1/projects")
    assert statuses == [200, 200, 429]
    assert refused.json()["error"]["status"] == 429
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert afresh.status_code == 200


def test_date_header_is_the_simulators_clock(northflank: Client, clock: Clock) -> None:
    clock.advance(65)
    assert northflank.get("/v1/login").headers["Date"] == "Sun, 22 Nov 2026 10:01:05 GMT"


def test_defaults_are_cpu_of_active_containers_for_twenty_minutes(northflank: Client) -> None:
    answer = northflank.json(API)
    assert list(answer["data"]) == ["cpu"]
    assert containers(answer) == ["api-78b4d4459d-sbtn8", "api-78b4d4459d-xk2p5"]
    times = [sample["ts"] for sample in answer["data"]["cpu"]["values"][0]["data"]]
    assert len(times) == 120
    assert (times[0], times[-1]) == ("2026-11-22T09:40:03.310Z", "2026-11-22T09:59:53.310Z")


def test_range_holds_its_start_and_not_its_end(northflank: Client) -> None:
    params = hour(startTime="2026-11-22T09:00:03.310Z", endTime="2026-11-22T09:00:23.310Z")
    data = northflank.json(API, params)["data"]["cpu"]["values"][0]["data"]
    assert [sample["ts"] for sample in data] == [
        "2026-11-22T09:00:03.310Z",
        "2026-11-22T09:00:13.310Z",
    ]


@pytest.mark.parametrize(
    ("params", "first", "last"),
    [
        ({"duration": "60"}, "09:59:03.310", "09:59:53.310"),
        ({"duration": "60", "startTime": "2026-11-22T08:00:00Z"}, "08:00:03.310", "08:00:53.310"),
        ({"duration": "60", "endTime": "2026-11-22T08:00:00Z"}, "07:59:03.310", "07:59:53.310"),
        ({"endTime": "2026-11-22T08:00:00Z"}, "07:40:03.310", "07:59:53.310"),
        ({"startTime": "2026-11-22T09:30:00+00:00"}, "09:30:03.310", "09:59:53.310"),
        ({"startTime": "2026-11-20T00:00:00Z"}, "10:00:03.310", "09:59:53.310"),
    ],
)
def test_range_is_completed_when_only_part_of_it_is_given(
    northflank: Client, params: dict[str, str], first: str, last: str
) -> None:
    data = northflank.json(API, params)["data"]["cpu"]["values"][0]["data"]
    assert (data[0]["ts"][11:23], data[-1]["ts"][11:23]) == (first, last)


@pytest.mark.parametrize("parameter", ["time", "timestamp"])
def test_single_answers_the_newest_sample_at_a_time(northflank: Client, parameter: str) -> None:
    params = {"queryType": "single", parameter: "2026-11-22T08:00:00.000Z"}
    values = northflank.json(API, params)["data"]["cpu"]["values"]
    assert [[sample["ts"] for sample in entry["data"]] for entry in values] == [
        ["2026-11-22T07:59:53.310Z"],
        ["2026-11-22T07:59:58.742Z"],
    ]
    now = northflank.json(API, {"queryType": "single"})["data"]["cpu"]["values"]
    assert now[0]["data"][0]["ts"] == "2026-11-22T09:59:53.310Z"


@pytest.mark.parametrize(
    "params",
    [
        {"queryType": "several"},
        {"metricTypes": "load"},
        {"metricTypes": "cpu,memory"},
        {"duration": "60", "startTime": "2026-11-22T08:00:00Z", "endTime": "2026-11-22T09:00:00Z"},
        {"startTime": "2026-11-22T09:00:00Z", "endTime": "2026-11-22T09:00:00Z"},
        {"startTime": "2026-11-22T11:00:00Z"},
        {"startTime": "yesterday"},
        {"endTime": "2026-11-22T09:00:00"},
        {"duration": "0"},
        {"duration": "1h"},
        {"queryType": "range", "time": "2026-11-22T09:00:00Z"},
        {"queryType": "single", "startTime": "2026-11-22T09:00:00Z"},
        {"queryType": "single", "duration": "60"},
    ],
)
def test_parameters_are_refused_when_they_are_wrong_or_exclude_each_other(
    northflank: Client, params: dict[str, str]
) -> None:
    response = northflank.get(API, params)
    assert response.status_code == 400
    assert response.json()["error"]["id"] == "validation-error"


def test_ended_container_answers_until_its_end_when_asked_by_name(northflank: Client) -> None:
    ended = "api-54785f4c6b-q9wz7"
    params = {"startTime": "2026-11-22T06:50:00Z", "endTime": "2026-11-22T07:10:00Z"}
    for selection in (
        {"containerName": ended},
        {"deploymentId": "api-54785f4c6b"},
        {"containerName": "all", "deploymentId": "api-54785f4c6b"},
    ):
        values = northflank.json(API, params | selection)["data"]["cpu"]["values"]
        assert [entry["metadata"] for entry in values] == [{"containerId": ended}]
        assert len(values[0]["data"]) == 60
        assert values[0]["data"][-1]["ts"] == "2026-11-22T06:59:55.125Z"


def test_all_containers_answer_when_asked_for(northflank: Client) -> None:
    params = {"startTime": "2026-11-22T06:00:00Z", "endTime": "2026-11-22T07:00:00Z"}
    assert len(containers(northflank.json(API, params))) == 2
    assert len(containers(northflank.json(API, params | {"containerName": "all"}))) == 3


def test_units_come_in_both_families(northflank: Client) -> None:
    def units(path: str) -> list[str]:
        data = northflank.json(path, hour(ALL_METRICS))["data"]
        return [data[name]["metricInfo"]["metricUnit"] for name in ALL_METRICS]

    assert " ".join(units(API)) == "pct pct kbps kbps count pct rps count count kbps mb"
    assert " ".join(units(STOREFRONT)) == "vCPU mb kbps kbps count mb rps rps rps kbps mb"


def test_metric_info_names_its_resolution_and_sometimes_its_metric(northflank: Client) -> None:
    data = northflank.json(API, hour(["cpu", "memory"]))["data"]
    assert data["cpu"]["metricInfo"] == {
        "metricId": "cpu",
        "metricUnit": "pct",
        "metricResolution": 10,
    }
    assert data["memory"]["metricInfo"] == {"metricUnit": "pct", "metricResolution": 10}


def test_totals_come_once_per_service(northflank: Client) -> None:
    answer = northflank.json(API, hour(ALL_METRICS))
    for metric in ALL_METRICS[:5]:
        assert containers(answer, metric) == ["api-78b4d4459d-sbtn8", "api-78b4d4459d-xk2p5"]
    for metric in ALL_METRICS[6:]:
        assert containers(answer, metric) == ["api"]
        assert len(answer["data"][metric]["values"][0]["data"]) == 360


@pytest.mark.parametrize(
    ("resource", "volume"),
    [
        ("shop/services/search", "search-index"),
        ("lab/services/worker", "scratch"),
        ("shop/addons/orders-db", "pgdata"),
    ],
)
def test_disk_usage_is_of_a_volume(northflank: Client, resource: str, volume: str) -> None:
    answer = northflank.json(f"/v1/projects/{resource}/metrics", hour(["cpu", "diskUsage"]))
    [entry] = answer["data"]["diskUsage"]["values"]
    assert entry["metadata"]["volumeId"] == volume
    assert "volumeId" not in answer["data"]["cpu"]["values"][0]["metadata"]


@pytest.mark.parametrize(
    "resource", ["shop/services/assets", "lab/services/preview", "lab/jobs/nightly-report"]
)
def test_values_are_empty_when_nothing_runs(northflank: Client, resource: str) -> None:
    answer = northflank.json(f"/v1/projects/{resource}/metrics", hour(ALL_METRICS))
    assert list(answer["data"]) == ALL_METRICS
    assert [metric["values"] for metric in answer["data"].values()] == [[]] * 11


def test_some_values_are_strings(northflank: Client) -> None:
    data = northflank.json(STOREFRONT, hour())["data"]["cpu"]["values"][0]["data"]
    kinds = [type(sample["value"]) for sample in data]
    assert set(kinds) == {str, float}
    assert 51 <= kinds.count(str) <= 52
    assert all(0 <= float(sample["value"]) <= 0.2 for sample in data)


def test_history_is_a_day_and_the_same_for_every_start(
    northflank: Client, clock: Clock, load: KnownLoad
) -> None:
    params = hour(ALL_METRICS, startTime="2026-11-21T10:00:00Z", endTime="2026-11-22T10:00:00Z")
    answer = northflank.json(API, params)
    with serve(NorthflankSimulator("secret", clock=clock, load=load)) as server:
        assert Client(server.url, "secret").json(API, params) == answer
    values = [sample["value"] for sample in answer["data"]["cpu"]["values"][0]["data"]]
    assert len(values) == 8640
    assert all(0 <= value <= 100 for value in values)
    by_hour = [sum(values[start : start + 360]) / 360 for start in range(0, 8640, 360)]
    assert max(by_hour) > 1.5 * min(by_hour)


def test_live_values_are_the_containers_share_of_the_machines_load(
    northflank: Client, clock: Clock, load: KnownLoad
) -> None:
    load.loads = {START + 10: BUSY}
    clock.advance(20)
    params = hour(ALL_METRICS, startTime="2026-11-22T10:00:00Z", endTime="2026-11-22T10:00:20Z")

    def values(path: str) -> dict[str, list[list[Any]]]:
        return {
            metric: [[sample["value"] for sample in entry["data"]] for entry in found["values"]]
            for metric, found in northflank.json(path, params)["data"].items()
        }

    api = values(API)
    assert api["cpu"] == [[34.0], [27.0]]
    assert api["memory"] == [[28.0], [23.0]]
    assert api["networkIngress"] == [[2400.0], [1600.0]]
    assert api["networkEgress"] == [[1200.0], [800.0]]
    assert api["tcpConnectionsOpen"] == [[12], [8]]
    assert api["bandwidth"] == [[2000.0]]
    assert api["bandwidthVolume"] == [[2.5]]
    worker = values("/v1/projects/lab/services/worker/metrics")
    assert worker["cpu"] == [[0.46]]
    assert worker["memory"] == [[378.88]]
    assert worker["diskUsage"] == [[2867.2]]


def test_instant_is_left_out_when_it_was_not_measured(
    northflank: Client, clock: Clock, load: KnownLoad
) -> None:
    load.loads = {START: BUSY, START + 20: BUSY}
    clock.advance(30)
    data = northflank.json(API, {"duration": "30"})["data"]["cpu"]["values"][0]["data"]
    assert [sample["ts"][17:23] for sample in data] == ["03.310", "23.310"]


def test_sample_is_not_answered_before_its_time(
    northflank: Client, clock: Clock, load: KnownLoad
) -> None:
    load.loads = {START: BUSY}
    clock.advance(3.309)
    assert northflank.json(API, {"duration": "3"})["data"]["cpu"]["values"] == []
    clock.advance(0.002)
    assert containers(northflank.json(API, {"duration": "3"})) == ["api-78b4d4459d-sbtn8"]


def test_requests_and_responses_are_the_fronts_own(
    northflank: Client, clock: Clock, traffic: Traffic
) -> None:
    for status in (200, 200, 201, 404, 429, 500, 304, 503):
        traffic.count(status)
    clock.advance(20)
    metrics = ["requests", "http4xxResponses", "http5xxResponses"]
    params = hour(metrics, startTime="2026-11-22T10:00:10Z", endTime="2026-11-22T10:00:30Z")

    def values(path: str) -> list[list[float]]:
        data = northflank.json(path, params)["data"]
        return [
            [float(sample["value"]) for sample in data[metric]["values"][0]["data"]]
            for metric in metrics
        ]

    assert values(API) == [[0.8, 0], [2, 0], [2, 0]]
    assert values(STOREFRONT) == [[0.2, 0], [0.05, 0], [0.05, 0]]


def test_ledger_holds_what_was_served_number_for_number(
    northflank: Client, simulator: NorthflankSimulator
) -> None:
    answer = northflank.json(STOREFRONT, hour(ALL_METRICS, startTime="2026-11-22T09:59:00Z"))
    northflank.json(STOREFRONT, hour(ALL_METRICS, startTime="2026-11-22T09:59:30Z"))
    samples = list(simulator.served.samples())
    assert {sample.series.resource for sample in samples} == {"shop/services/storefront"}
    assert len(samples) == sum(
        len(entry["data"]) for metric in answer["data"].values() for entry in metric["values"]
    )
    served = northflank.json("/_simulator/served")["series"]
    assert sum(len(series["samples"]) for series in served) == len(samples)
    [cpu] = [series for series in served if series["metric"] == "cpu"]
    [entry] = answer["data"]["cpu"]["values"]
    assert cpu["unit"] == "vCPU"
    assert cpu["container"] == entry["metadata"]["containerId"]
    assert cpu["volume"] is None
    assert cpu["resolutionSeconds"] == 10
    assert [value for _, value in cpu["samples"]] == [float(s["value"]) for s in entry["data"]]
    assert cpu["samples"][0][0] == START * 1000 - 60_000 + 1007


def test_simulators_own_paths_need_no_token_and_cost_nothing(
    simulator: NorthflankSimulator,
) -> None:
    with serve(simulator) as server:
        health = requests.get(f"{server.url}/_simulator/health", timeout=10)
        unknown = requests.get(f"{server.url}/_simulator/secrets", timeout=10)
        remaining = Client(server.url, "secret").get("/v1/login").headers["x-ratelimit-remaining"]
    assert health.json() == {"status": "ok"}
    assert unknown.status_code == 404
    assert remaining == "999"


def test_writing_is_refused(simulator: NorthflankSimulator) -> None:
    with serve(simulator) as server:
        response = requests.post(
            f"{server.url}/v1/projects", headers={"Authorization": "Bearer secret"}, timeout=10
        )
    assert response.status_code == 405
    assert response.json()["error"]["status"] == 405


def test_server_raises_when_the_port_is_taken_and_frees_it_when_closed(
    simulator: NorthflankSimulator,
) -> None:
    with serve(simulator) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            serve(simulator, port=port)
    with serve(simulator, port=port) as again:
        assert again.url == server.url
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{again.url}/_simulator/health", timeout=10)


def test_connection_is_kept_open_until_the_server_closes(
    simulator: NorthflankSimulator,
) -> None:
    with serve(simulator) as server:
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=10)
        sockets = set()
        for _ in range(3):
            connection.request("POST", "/_simulator/health", body=b"not read by the app")
            assert connection.getresponse().read() == b'{"status":"ok"}'
            sockets.add(connection.sock)
        server.close()
    assert len(sockets) == 1
    assert sockets.pop().recv(1) == b""
    connection.close()
