"""Queries through the handler: merged over providers, aligned, aggregated, and how fresh."""

import csv
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.query_api import app
from functions.query_api.plan import Grid
from functions.query_api.problems import UnansweredInTimeError
from functions.query_api.reading import read
from functions.query_api.series import Series
from functions.query_api.sources import ResourceRead, Source
from tests.dynamodb import TABLE
from tests.query_api.conftest import API, CONTEXT, NOW, TEN, VPS, World, instance, reply, request
from tributary.columns import Origin
from tributary.coverage import OPEN
from tributary.hours import NOTHING_CLOSED
from tributary.metrics import CATALOGUE
from tributary.windows import Window

QUARTER = "start=2026-11-22T10:00:00Z&end=2026-11-22T10:15:00Z"


def test_one_line_per_provider_when_grouped_by_provider(world: World) -> None:
    answer = world.query(f"metric=cpu.utilization&{QUARTER}&step=5m&by=provider")

    assert answer == {
        "start": "2026-11-22T10:00:00Z",
        "end": "2026-11-22T10:15:00Z",
        "step": 300,
        "timestamps": [1795341600, 1795341900, 1795342200],
        "series": [
            {
                "metric": "cpu.utilization",
                "unit": "1",
                "attributes": {"provider": "hostup"},
                "values": [0.03125, 0.109375, 0.1796875],
            },
            {
                "metric": "cpu.utilization",
                "unit": "1",
                "attributes": {"provider": "northflank"},
                "values": [0.5, 0.5, 0.5],
            },
        ],
        "status": {
            "hostup": {
                "newestSample": "2026-11-22T10:13:00Z",
                "settledUntil": "2026-11-22T10:10:00Z",
                "resourcesMatched": 1,
                "resourcesFailing": 0,
            },
            "northflank": {
                "newestSample": "2026-11-22T10:13:50Z",
                "settledUntil": "2026-11-22T10:13:20Z",
                "resourcesMatched": 1,
                "resourcesFailing": 0,
            },
        },
        "warnings": [],
    }


def test_series_carry_all_their_attributes_when_not_grouped(world: World) -> None:
    answer = world.query(f"metric=cpu.utilization&{QUARTER}&step=15m&where=container:api-2")

    assert answer["series"] == [
        {
            "metric": "cpu.utilization",
            "unit": "1",
            "attributes": {
                "provider": "northflank",
                "account": "main",
                "project": "shop",
                "kind": "service",
                "name": "api",
                "resource": API,
                "instance": "api-2",
                "container": "api-2",
                "deployment": "d1",
                "tag.tier": "web",
            },
            "values": [0.75],
        }
    ]


def test_metrics_of_a_whole_resource_are_the_maximum_over_instances(world: World) -> None:
    answer = world.query(f"metric=http.requests&{QUARTER}&step=5m&over=sum")

    [line] = answer["series"]
    assert line["values"] == [35.0, 35.0, 28.0]
    assert line["attributes"] == {
        "provider": "northflank",
        "account": "main",
        "project": "shop",
        "kind": "service",
        "name": "api",
        "resource": API,
        "tag.tier": "web",
    }


def test_one_line_per_metric_when_aggregated_over_everything(world: World) -> None:
    answer = world.query(
        f"metric=http.requests&metric=cpu.utilization&{QUARTER}&step=15m&agg=count"
    )

    assert [(one["metric"], one["attributes"], one["values"]) for one in answer["series"]] == [
        ("http.requests", {}, [1.0]),
        ("cpu.utilization", {}, [3.0]),
    ]


def test_defaults_are_the_last_hour_at_the_coarsest_resolution(world: World) -> None:
    answer = world.query("metric=cpu.utilization")

    assert (answer["start"], answer["end"]) == ("2026-11-22T09:15:00Z", "2026-11-22T10:15:00Z")
    assert answer["step"] == 60
    assert len(answer["series"]) == 3
    assert world.query("metric=cpu.utilization&where=provider:northflank")["step"] == 10


def test_bounds_are_floored_and_ceiled_to_steps(world: World) -> None:
    answer = world.query(
        "metric=cpu.utilization&start=2026-11-22T10:01:30Z&end=1795341901.5&step=60"
    )

    assert (answer["start"], answer["end"]) == ("2026-11-22T10:01:00Z", "2026-11-22T10:06:00Z")
    assert answer["timestamps"] == [TEN + 60, TEN + 120, TEN + 180, TEN + 240, TEN + 300]


def test_a_gauge_before_the_first_step_still_holds_in_it(world: World) -> None:
    answer = world.query(
        f"metric=cpu.utilization&where=resource:{VPS}&step=20&start={TEN + 80}&end={TEN + 140}"
    )

    assert answer["series"][0]["values"] == [0.015625, 0.015625, 0.03125]


def test_deltas_come_once_in_steps_finer_than_their_resolution(empty: World) -> None:
    metric = {"http.responses.5xx": 60}
    empty.resource(API, {"api-1": instance(metric, container="api-1")}, {})
    empty.samples(API, "http.responses.5xx", [(0, 4.0), (60, 2.0)], 60, "api-1")

    answer = empty.query(f"metric=http.responses.5xx&step=30&start={TEN}&end={TEN + 120}")

    assert answer["series"][0]["values"] == [4.0, None, 2.0, None]


def test_coarse_samples_show_only_where_there_is_no_finer_one(empty: World) -> None:
    empty.resource(VPS, {"-": instance({"cpu.utilization": 60})}, {})
    empty.samples(VPS, "cpu.utilization", [(0, 0.5), (1800, 0.6)], 1800)
    empty.samples(VPS, "cpu.utilization", [(600, 0.1), (660, 0.2)], 60)

    answer = empty.query(f"metric=cpu.utilization&step=5m&start={TEN}&end={TEN + 3600}")

    assert answer["series"][0]["values"] == [
        0.5, 0.5, pytest.approx(0.15), 0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6,
    ]  # fmt: skip


def test_extremes_of_a_hosts_own_averages_are_marked_approximate(empty: World) -> None:
    empty.resource(VPS, {"-": instance({"cpu.utilization": 60})}, {})
    empty.samples(VPS, "cpu.utilization", [(0, 0.5)], 1800)
    path = f"metric=cpu.utilization&step=30m&start={TEN}&end={TEN + 1800}"

    assert empty.query(f"{path}&over=max&by=provider")["series"][0]["approximate"] is True
    assert "approximate" not in empty.query(path)["series"][0]


def test_one_instant_from_two_provider_metrics_is_one_sample(empty: World) -> None:
    empty.resource(API, {"api-1": instance({"cpu.utilization": 60}, container="api-1")}, {})
    empty.samples(API, "cpu.utilization", [(0, 0.2)], 60, "api-1", ("cpu", "pct"), seen=NOW - 60)
    empty.samples(API, "cpu.utilization", [(0, 0.1)], 60, "api-1", ("cpu", "vCPU"), seen=NOW)

    answer = empty.query(f"metric=cpu.utilization&step=60&start={TEN}&end={TEN + 60}&over=sum")

    assert answer["series"][0]["values"] == [0.1]


def test_containers_that_ended_before_the_range_are_left_out(world: World) -> None:
    world.resource(
        API,
        {"api-0": instance({"cpu.utilization": 10}, last=-3600, container="api-0")},
        {"project": "shop"},
    )

    assert world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:northflank") == {
        "start": "2026-11-22T10:00:00Z",
        "end": "2026-11-22T10:15:00Z",
        "step": 10,
        "timestamps": [TEN + 10 * step for step in range(90)],
        "series": [],
        "status": {},
        "warnings": ["No series matches in this range: /v1/resources lists what there is."],
    }


def test_a_failing_provider_yields_the_rest_and_a_warning(world: World) -> None:
    world.collected(VPS, 780, 60, failure="unreachable")

    answer = world.query(f"metric=cpu.utilization&{QUARTER}&by=provider")

    assert len(answer["series"]) == 2
    assert answer["status"]["hostup"]["resourcesFailing"] == 1
    assert answer["warnings"] == [
        "hostup: 1 of 1 matched resources failing (unreachable), newest sample "
        "2026-11-22T10:13:00Z; later values may be missing."
    ]


def test_a_provider_that_failed_from_the_start_is_warned_about(world: World) -> None:
    world.resource("other/main/box", {}, {})
    world.collected("other/main/box", None, 0, failure="credentials_refused")

    answer = world.query(f"metric=cpu.utilization&{QUARTER}")

    assert answer["status"]["other"] == {
        "newestSample": None,
        "settledUntil": None,
        "resourcesMatched": 1,
        "resourcesFailing": 1,
    }
    assert answer["warnings"] == [
        "other: 1 of 1 matched resources failing (credentials_refused), no samples."
    ]


def test_a_silent_resource_is_failing_after_three_intervals_unless_idle(world: World) -> None:
    world.now = TEN + 780 + 901
    answer = world.query(f"metric=cpu.utilization&{QUARTER}")
    assert answer["status"]["hostup"]["resourcesFailing"] == 1

    world.collected(VPS, 780, 60, idle=True)
    answer = world.query(f"metric=cpu.utilization&{QUARTER}")
    assert answer["status"]["hostup"]["resourcesFailing"] == 0


def test_a_resource_that_fell_silent_before_the_range_is_still_warned_about(world: World) -> None:
    ended = {"-": instance({"cpu.utilization": 60}, last=780)}
    world.resource(VPS, ended, {"kind": "vps"})
    world.now = TEN + 7200

    recent = world.query("metric=cpu.utilization&start=-15m&where=provider:hostup")
    older = world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:northflank")
    other = world.query("metric=memory.usage&start=-15m")

    assert recent["series"] == []
    assert recent["status"]["hostup"]["resourcesFailing"] == 1
    assert list(older["status"]) == ["northflank"]
    assert other["status"] == {}


def test_how_often_an_account_is_collected_says_when_a_resource_is_failing(world: World) -> None:
    world.now = TEN + 780 + 3600 + 3 * 60 + 1

    world.collected(VPS, 780, 60, every=3600)
    stretched = world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:hostup")
    world.collected(VPS, 780, 60, every=300)
    kept = world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:hostup")

    assert stretched["status"]["hostup"]["resourcesFailing"] == 0
    assert kept["status"]["hostup"]["resourcesFailing"] == 1


def test_nothing_is_settled_past_a_gap_that_is_open(world: World) -> None:
    world.collected(VPS, 780, 60, gaps=[(120, 180, 300_000), (300, 360, OPEN), (420, 480, OPEN)])

    answer = world.query(f"metric=cpu.utilization&{QUARTER}")

    assert answer["status"]["hostup"]["settledUntil"] == "2026-11-22T10:05:00Z"
    assert answer["status"]["northflank"]["settledUntil"] == "2026-11-22T10:13:20Z"

    world.collected(VPS, 780, 60, idle=True, gaps=[(300, 360, OPEN)])
    idle = world.query(f"metric=cpu.utilization&{QUARTER}&settled=true")
    world.resource(VPS, {"-": instance({"cpu.utilization": 60})}, {"kind": "vps"}, gone=900)
    gone = world.query(f"metric=cpu.utilization&{QUARTER}&settled=true")

    assert idle["status"]["hostup"]["settledUntil"] == idle["end"] == "2026-11-22T10:05:00Z"
    assert gone["end"] == "2026-11-22T10:13:00Z"


def test_a_resource_that_its_provider_lists_no_more_is_not_failing(world: World) -> None:
    world.now = TEN + 7200
    answer = world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:hostup")
    assert answer["status"]["hostup"]["resourcesFailing"] == 1

    other, cpu = "hostup/main/vps_02", {"-": instance({"cpu.utilization": 60})}
    world.resource(other, cpu, {"kind": "vps"})
    world.resource(VPS, cpu, {"kind": "vps"}, gone=900)
    world.collected(other, 7140, 60)

    answer = world.query(f"metric=cpu.utilization&{QUARTER}&where=provider:hostup")
    assert answer["status"]["hostup"] == {
        "newestSample": "2026-11-22T11:59:00Z",
        "settledUntil": "2026-11-22T11:56:00Z",
        "resourcesMatched": 2,
        "resourcesFailing": 0,
    }


def test_a_broken_chunk_yields_the_rest_and_a_warning(world: World) -> None:
    key = {"pk": {"S": VPS}, "sk": {"S": "h#2026-11-22T10:00Z"}}
    world.client.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET d = :broken",
        ExpressionAttributeValues={":broken": {"B": b"\x01broken"}},
    )

    answer = world.query(f"metric=cpu.utilization&{QUARTER}&by=provider")

    assert [one["attributes"] for one in answer["series"]] == [{"provider": "northflank"}]
    assert answer["warnings"] == [f"{VPS}: some stored samples can't be read and are left out."]


def test_a_metric_that_nothing_has_is_an_empty_answer(world: World) -> None:
    answer = world.query("metric=filesystem.usage&start=-10m")

    assert (answer["series"], answer["status"]) == ([], {})
    assert answer["warnings"] == [
        "No series matches in this range: /v1/resources lists what there is."
    ]


def test_a_providers_own_metric_keeps_its_unit(empty: World) -> None:
    metric = "northflank.networkIngress"
    origins = {metric: Origin("networkIngress", "pct", 1.0)}
    empty.resource(API, {"api-1": instance({metric: 60})}, {}, origins)
    empty.samples(API, metric, [(0, 0.123456789)], 60, "api-1", ("networkIngress", "pct"))

    answer = empty.query(f"metric={metric}&start={TEN}&end={TEN + 60}&step=60")

    assert answer["series"][0]["unit"] == "pct"
    assert answer["series"][0]["values"] == [0.123456789]


def test_csv_has_a_row_for_each_value(world: World) -> None:
    found = world.get(
        "/v1/query", f"metric=cpu.utilization&{QUARTER}&step=5m&by=provider&format=csv"
    )

    assert found.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert list(csv.reader(io.StringIO(found.text))) == [
        ["timestamp", "metric", "unit", "provider", "value"],
        ["1795341600", "cpu.utilization", "1", "hostup", "0.03125"],
        ["1795341900", "cpu.utilization", "1", "hostup", "0.109375"],
        ["1795342200", "cpu.utilization", "1", "hostup", "0.1796875"],
        ["1795341600", "cpu.utilization", "1", "northflank", "0.5"],
        ["1795341900", "cpu.utilization", "1", "northflank", "0.5"],
        ["1795342200", "cpu.utilization", "1", "northflank", "0.5"],
    ]


def test_ndjson_has_a_line_for_each_series_and_one_for_the_rest(world: World) -> None:
    path = f"metric=cpu.utilization&{QUARTER}&step=5m&by=provider"
    found = world.get("/v1/query", f"{path}&format=ndjson")

    lines = [json.loads(line) for line in found.text.splitlines()]
    whole = world.query(path)
    assert found.headers["Content-Type"] == "application/x-ndjson"
    assert lines == [*whole.pop("series"), whole]


def test_the_handler_answers_from_what_the_environment_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://graphs.example")
    app.api.cache_clear()

    found = reply(app.lambda_handler(request("/v1/query", "metric=cpu.utilization"), CONTEXT))

    assert found.status == 200
    assert list(found.json) == [
        "start", "end", "step", "timestamps", "series", "status", "warnings",
    ]  # fmt: skip
    app.api.cache_clear()


def test_reading_that_takes_too_long_is_given_up(world: World) -> None:
    span = Window(TEN * 1000, NOW * 1000)
    series = Series(CATALOGUE["cpu.utilization"], VPS, ("-",), {"resource": VPS}, 60_000, span)
    one = ResourceRead(VPS, NOTHING_CLOSED, (Source(None, span),), (series,))
    grid = Grid(span.start_ms, span.end_ms, 60_000)
    let_on = threading.Event()

    def hold(**_: object) -> None:
        let_on.wait()

    world.client.meta.events.register("before-call.dynamodb.Query", hold)

    with ThreadPoolExecutor(4) as pool:
        with pytest.raises(UnansweredInTimeError, match="send a shorter range"):
            read(world.store, world.rollups, [one], grid, None, 0, pool)
        let_on.set()
