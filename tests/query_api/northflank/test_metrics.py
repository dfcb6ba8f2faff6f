"""Northflank-shaped metrics: what a service was answered comes back, by every parameter."""

import json
from typing import Any

import pytest

from tests.query_api.conftest import Reply, World
from tests.query_api.northflank.conftest import ADAPTER, error, listed, workload
from tests.query_api.serving import at, enter, golden, store
from tributary.registry import Entry

METRICS = "/v1/projects/shop/services/api/metrics"
TYPES = (
    "cpu", "memory", "networkIngress", "networkEgress", "tcpConnectionsOpen", "diskUsage",
    "requests", "http4xxResponses", "http5xxResponses", "bandwidth", "bandwidthVolume",
)  # fmt: skip
EVERY_TYPE = "&".join(f"metricTypes={name}" for name in TYPES)


def series(
    unit: str = "pct", resolution: float = 10, **containers: list[tuple[str, Any]]
) -> dict[str, Any]:
    """One metric of an answer: by container, samples (time of 2026-11-22, value)."""
    return {
        "metricInfo": {"metricUnit": unit, "metricResolution": resolution},
        "values": [
            {
                "metadata": {"containerId": name.replace("_", "-")},
                "data": [{"value": value, "ts": f"2026-11-22T{time}Z"} for time, value in samples],
            }
            for name, samples in containers.items()
        ],
    }


def told(found: Reply, metric: str = "cpu") -> dict[str, list[tuple[str, Any]]]:
    """By container, the samples that came back."""
    assert found.status == 200, found.text
    return {
        entry.get("metadata", {}).get("containerId", ""): [
            (one["ts"][11:-1], one["value"]) for one in entry["data"]
        ]
        for entry in found.json["data"][metric]["values"]
    }


@pytest.fixture
def served(empty: World) -> World:
    """`api` at 10:15, asked until 10:14: `a` lives, `b` ended at 10:12, `c` long before."""
    answer = {
        "data": {
            "cpu": series(
                api_7f_a=[("10:13:40.000", 12.5), ("10:13:50.500", 13)],
                api_7f_b=[("10:11:50.000", 50), ("10:12:00.000", 51)],
                api_6e_c=[("09:00:00.000", 1)],
            ),
            "memory": series("mb", 10, api_7f_a=[("10:13:50.000", 512.25)]),
        }
    }
    at(empty, "2026-11-22T10:14:00Z")
    store(empty, ADAPTER, workload("api", serviceType="combined"), [answer])
    at(empty, "2026-11-22T10:15:00Z")
    return empty


def test_the_printed_example_comes_back_as_printed_with_the_metric_id(empty: World) -> None:
    printed = golden("northflank", "the-contracts-printed-example-has-pct-on-all-eleven")
    at(empty, "2023-03-21T15:01:20Z")
    store(empty, ADAPTER, workload("nginx"), [printed])

    found = empty.get("/v1/projects/shop/services/nginx/metrics", EVERY_TYPE)

    for metric, told in printed["data"].items():
        told["metricInfo"]["metricId"] = metric
    assert found.json == printed


@pytest.mark.parametrize(
    "case",
    [
        "units-are-converted-to-bytes-cpus-and-counts",
        "totals-of-a-service-under-its-containers-are-kept-as-sent",
        "volumes-of-one-container-are-instances-of-their-own",
        "percent-counts-to-100-and-small-values-are-not-corrected",
        "an-entry-without-metadata-or-container-is-the-service-as-a-whole",
    ],
)
def test_what_was_answered_comes_back_number_for_number(empty: World, case: str) -> None:
    sent = golden("northflank", case)
    store(empty, ADAPTER, workload("api"), [sent])
    day = "startTime=2026-11-22T00:00:00Z&endTime=2026-11-23T00:00:00Z"

    found = empty.get(METRICS, f"{day}&containerName=all&{EVERY_TYPE}")

    assert found.status == 200, found.text
    for metric, stated in sent["data"].items():
        back = found.json["data"][metric]
        assert back["metricInfo"]["metricUnit"] == stated["metricInfo"]["metricUnit"]
        # As exactly as it is kept: percent to a thousandth, CPUs to a ten-thousandth.
        assert _samples(back) == [
            (*where, pytest.approx(value, abs=0.00051)) for *where, value in _samples(stated)
        ]


def _samples(metric: dict[str, Any]) -> list[tuple[str, str, str, float]]:
    return sorted(
        (
            (entry.get("metadata") or {}).get("containerId") or "",
            (entry.get("metadata") or {}).get("volumeId") or "",
            one["ts"].replace(".000Z", "Z"),
            float(one["value"]),
        )
        for entry in metric["values"]
        for one in entry["data"]
    )


def test_without_parameters_it_is_the_cpu_of_active_containers_in_20_minutes(
    served: World,
) -> None:
    found = served.get(METRICS)

    assert told(found) == {"api-7f-a": [("10:13:40.000", 12.5), ("10:13:50.500", 13)]}
    assert found.json["data"]["cpu"]["metricInfo"] == {
        "metricId": "cpu",
        "metricUnit": "pct",
        "metricResolution": 10,
    }
    assert set(found.json["data"]) == {"cpu"}


def test_a_range_ends_where_it_says_and_its_active_containers_are_of_then(served: World) -> None:
    found = served.get(METRICS, "queryType=range&endTime=2026-11-22T10:12:30.000Z")

    assert told(found) == {"api-7f-b": [("10:11:50.000", 50), ("10:12:00.000", 51)]}


@pytest.mark.parametrize(
    ("query", "times"),
    [
        ("startTime=2026-11-22T10:13:50Z", ["10:13:50.500"]),
        ("startTime=2026-11-22T10:13:40Z&endTime=2026-11-22T10:13:50Z", ["10:13:40.000"]),
        ("duration=70", ["10:13:50.500"]),
        ("duration=10&endTime=2026-11-22T10:13:50.000%2B00:00", ["10:13:40.000"]),
        ("duration=11&startTime=2026-11-22T11:13:40%2B01:00", ["10:13:40.000", "10:13:50.500"]),
        ("endTime=2026-11-22T10:13:50Z", ["10:13:40.000"]),
    ],
)
def test_start_end_and_duration_make_a_range(served: World, query: str, times: list[str]) -> None:
    found = told(served.get(METRICS, f"{query}&containerName=api-7f-a"))

    assert [time for time, _ in found.get("api-7f-a", [])] == times


def test_a_container_is_found_by_name_whether_active_or_not(served: World) -> None:
    query = "duration=7200&containerName=api-6e-c"

    assert told(served.get(METRICS, query)) == {"api-6e-c": [("09:00:00.000", 1)]}


def test_all_is_every_container(served: World) -> None:
    found = told(served.get(METRICS, "duration=7200&containerName=all"))

    assert set(found) == {"api-7f-a", "api-7f-b", "api-6e-c"}


def test_a_deployment_is_all_of_its_containers(served: World) -> None:
    found = told(served.get(METRICS, "duration=7200&deploymentId=api-7f"))

    assert set(found) == {"api-7f-a", "api-7f-b"}


def test_several_metrics_are_asked_for_by_repeating_the_parameter(served: World) -> None:
    found = served.get(METRICS, "metricTypes=memory&metricTypes=cpu")

    assert list(found.json["data"]) == ["memory", "cpu"]
    assert told(found, "memory") == {"api-7f-a": [("10:13:50.000", 512.25)]}
    assert found.json["data"]["memory"]["metricInfo"]["metricUnit"] == "mb"


def test_a_metric_without_samples_is_an_empty_list(served: World) -> None:
    found = served.get(METRICS, "metricTypes=bandwidth")

    assert found.json["data"] == {
        "bandwidth": {"metricInfo": {"metricId": "bandwidth", "metricUnit": "kbps"}, "values": []}
    }


def test_single_is_the_newest_of_five_minutes_before_what_was_asked_last(served: World) -> None:
    found = told(served.get(METRICS, "queryType=single"))

    assert found == {"api-7f-a": [("10:13:50.500", 13)], "api-7f-b": [("10:12:00.000", 51)]}


@pytest.mark.parametrize("name", ["time", "timestamp"])
def test_single_is_asked_for_by_a_time(served: World, name: str) -> None:
    found = told(served.get(METRICS, f"queryType=single&{name}=2026-11-22T09:04:59.999Z"))

    assert found == {"api-6e-c": [("09:00:00.000", 1)]}
    late = served.get(METRICS, f"queryType=single&{name}=2026-11-22T09:05:00.000Z")
    assert told(late) == {}


def test_a_time_alone_is_single(served: World) -> None:
    found = told(served.get(METRICS, "time=2026-11-22T10:13:45Z"))

    assert found["api-7f-a"] == [("10:13:40.000", 12.5)]


def test_the_unit_is_that_of_the_newest_samples_where_it_changed(empty: World) -> None:
    world = empty
    before = {"data": {"cpu": series("pct", api_1=[("10:00:00.000", 50)])}}
    after = {"data": {"cpu": series("vCPU", api_1=[("10:10:00.000", 0.2)])}}
    at(world, "2026-11-22T10:10:05Z")
    store(world, ADAPTER, workload("api"), [before, after])

    found = world.get(METRICS)

    assert found.json["data"]["cpu"]["metricInfo"]["metricUnit"] == "vCPU"
    assert told(found) == {"api-1": [("10:10:00.000", 0.2)]}


def test_a_range_of_more_than_fits_is_in_coarser_steps(empty: World) -> None:
    november = {"data": {"cpu": series(api_1=[("10:00:00.000", 40), ("10:00:10.000", 60)])}}
    october = json.loads(json.dumps(november).replace("2026-11-22", "2026-10-01"))
    at(empty, "2026-11-22T10:01:00Z")
    store(empty, ADAPTER, workload("api"), [october, november])

    found = empty.get(METRICS, "startTime=2020-01-01T00:00:00Z")

    assert found.json["data"]["cpu"]["metricInfo"]["metricResolution"] == 3600
    [entry] = found.json["data"]["cpu"]["values"]
    assert entry["data"] == [
        {"value": 50, "ts": "2026-10-01T10:00:00.000Z"},
        {"value": 50, "ts": "2026-11-22T10:00:00.000Z"},
    ]


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ("queryType=both", "queryType", "send range or single"),
        ("metricTypes=disk", "metricTypes", "send cpu, memory"),
        ("metricTypes=cpu,memory", "metricTypes", "send cpu, memory"),
        ("startTime=yesterday", "startTime", "send RFC 3339"),
        ("startTime=2026-02-30T00:00:00Z", "startTime", "not on the calendar"),
        ("endTime=", "endTime", "send RFC 3339"),
        ("duration=0", "duration", "send a number from 1"),
        ("duration=1.5", "duration", "send a number from 1"),
        ("containerName=", "containerName", "empty value"),
        (
            "startTime=2026-11-22T10:00:00Z&endTime=2026-11-22T11:00:00Z&duration=60",
            "duration",
            "send startTime or endTime, not both",
        ),
        (
            "startTime=2026-11-22T10:00:00Z&endTime=2026-11-22T10:00:00Z",
            "startTime",
            "send a startTime before its end",
        ),
        ("queryType=range&time=2026-11-22T10:00:00Z", "time", "is for queryType=single"),
        ("queryType=single&duration=60", "duration", "is for queryType=range"),
        ("queryType=single&startTime=2026-11-22T10:00:00Z", "startTime", "queryType=range"),
        (
            "time=2026-11-22T10:00:00Z&timestamp=2026-11-22T10:00:00Z",
            "timestamp",
            "send one of them",
        ),
        ("queryType=range&queryType=range", "queryType", "send it once"),
        ("duratoin=60", "duratoin", "Did you mean duration?"),
    ],
)
def test_bad_parameters_are_refused_with_what_to_send(
    served: World, query: str, parameter: str, says: str
) -> None:
    found = served.get(METRICS, query)

    assert found.status == 400, found.text
    assert says in error(found)["details"][parameter]


def test_addons_and_jobs_have_metrics_and_no_deployments(empty: World) -> None:
    answer = {"data": {"cpu": series(db_0=[("10:14:50.000", 20)])}}
    store(empty, ADAPTER, workload("db", "addons"), [answer])
    store(empty, ADAPTER, workload("nightly", "jobs"), [answer])

    for kind in ("addons/db", "jobs/nightly"):
        path = f"/v1/projects/shop/{kind}/metrics"
        assert told(empty.get(path)) == {"db-0": [("10:14:50.000", 20)]}
        assert error(empty.get(path, "deploymentId=db"))["details"].keys() == {"deploymentId"}


def test_runs_of_a_job_are_not_told_apart(shop: World) -> None:
    found = shop.get("/v1/projects/shop/jobs/nightly/metrics", "runId=r-1")

    assert "send containerName instead" in error(found)["details"]["runId"]


def test_a_service_that_is_gone_keeps_its_metrics(served: World) -> None:
    [shard] = served.registry.shards()
    [entry] = shard.entries.values()
    enter(served, Entry(**{**_fields(entry), "gone_ms": 1}), {"id": "api"})

    assert told(served.get(METRICS)) != {}


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__slots__}


def test_a_service_that_never_was_is_not_found(shop: World) -> None:
    found = shop.get("/v1/projects/shop/services/unknown/metrics")

    assert found.status == 404
    assert error(found)["message"] == "There is no service 'unknown' in a project 'shop'."


def test_a_service_that_was_never_collected_has_empty_lists(shop: World) -> None:
    listed(shop, workload("new"))

    found = shop.get("/v1/projects/shop/services/new/metrics")

    assert told(found) == {}
