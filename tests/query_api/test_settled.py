"""Answers of no more than is settled: where they end, whom they wait for, and that they stay."""

import json
from typing import Any

import pytest

from tests.query_api.conftest import API, TEN, VPS, World, instance

# The service is settled until 10:13:20, the VPS until 10:10:00.
QUARTER = f"start={TEN}&end={TEN + 900}"
CPU = "metric=cpu.utilization&by=provider"


def test_an_answer_ends_where_the_first_provider_is_settled(world: World) -> None:
    answer = world.query(f"{CPU}&{QUARTER}&step=5m&settled=true")

    assert (answer["start"], answer["end"]) == ("2026-11-22T10:00:00Z", "2026-11-22T10:10:00Z")
    assert answer["timestamps"] == [1795341600, 1795341900]
    assert [one["values"] for one in answer["series"]] == [[0.03125, 0.109375], [0.5, 0.5]]
    assert answer["status"]["hostup"]["settledUntil"] == "2026-11-22T10:10:00Z"
    assert answer["warnings"] == []


def test_only_providers_that_match_are_waited_for(world: World) -> None:
    answer = world.query(f"{CPU}&{QUARTER}&step=60&where=provider:northflank&settled=true")

    assert answer["end"] == "2026-11-22T10:13:00Z"
    assert [one["values"] for one in answer["series"]] == [[0.5] * 13]


def test_a_range_that_is_settled_comes_whole(world: World) -> None:
    range_ = f"start={TEN}&end={TEN + 600}&step=60"

    assert world.query(f"{CPU}&{range_}&settled=true") == world.query(f"{CPU}&{range_}")


def test_what_may_change_comes_too_unless_only_settled_values_are_asked_for(world: World) -> None:
    answer = world.query(f"{CPU}&{QUARTER}&step=60&settled=false")

    assert answer == world.query(f"{CPU}&{QUARTER}&step=60")
    assert answer["end"] == "2026-11-22T10:15:00Z"


NOTHING = (
    "No whole step of this range is settled: hostup is settled until 2026-11-22T10:10:00Z. "
    "Send an earlier start or a shorter step, or leave settled out."
)


def test_where_nothing_is_settled_a_warning_says_why_and_until_when_things_are(
    world: World,
) -> None:
    answer = world.query(f"{CPU}&start={TEN + 600}&end={TEN + 900}&step=60&settled=true")

    assert (answer["start"], answer["end"]) == ("2026-11-22T10:10:00Z", "2026-11-22T10:10:00Z")
    assert (answer["timestamps"], answer["series"]) == ([], [])
    assert list(answer["status"]) == ["hostup", "northflank"]
    assert answer["warnings"] == [NOTHING]


def test_all_that_a_step_waits_for_are_named(world: World) -> None:
    answer = world.query(f"{CPU}&{QUARTER}&step=15m&settled=true")

    assert answer["warnings"] == [
        "No whole step of this range is settled: hostup is settled until 2026-11-22T10:10:00Z, "
        "northflank is settled until 2026-11-22T10:13:20Z. "
        "Send an earlier start or a shorter step, or leave settled out."
    ]


def test_where_nothing_is_settled_every_format_is_valid(world: World) -> None:
    late = f"{CPU}&start={TEN + 600}&end={TEN + 900}&step=60&settled=true"

    found = world.get("/v1/query", f"{late}&format=csv")
    lines = world.get("/v1/query", f"{late}&format=ndjson").text.splitlines()

    assert found.text == "timestamp,metric,unit,value\r\n"
    assert found.headers["Tributary-Warnings"] == NOTHING
    (last,) = map(json.loads, lines)
    assert (last["timestamps"], last["warnings"]) == ([], [NOTHING])


@pytest.mark.parametrize("grouping", ["", "&agg=avg", "&agg=count", "&agg=p90", "&over=p50"])
def test_where_nothing_is_settled_nothing_is_put_together(world: World, grouping: str) -> None:
    late = f"metric=cpu.utilization&start={TEN + 600}&end={TEN + 900}&step=60&settled=true"

    assert world.query(late + grouping)["series"] == []


def test_no_match_is_no_matter_of_being_settled(world: World) -> None:
    answer = world.query(f"metric=cpu.utilization&{QUARTER}&where=name:none&settled=true")

    assert answer["warnings"] == [
        "No series matches in this range: /v1/resources lists what there is."
    ]


def test_idle_resources_are_not_waited_for(world: World) -> None:
    world.collected(VPS, 780, 60, idle=True)

    answer = world.query(f"{CPU}&{QUARTER}&step=60&settled=true")

    assert answer["end"] == "2026-11-22T10:13:00Z"


def test_resources_that_are_all_idle_are_settled_until_they_were_seen_to_be(world: World) -> None:
    world.now = TEN + 1200
    world.collected(VPS, 780, 60, idle=True, attempted=960)

    answer = world.query(
        f"{CPU}&start={TEN + 720}&end={TEN + 1200}&step=60&where=provider:hostup&settled=true"
    )

    assert answer["end"] == "2026-11-22T10:16:00Z"
    assert answer["series"][0]["values"] == [0.1875, 0.203125, None, None]


def test_resources_that_are_gone_are_not_waited_for(world: World) -> None:
    world.now = TEN + 7200
    other, cpu = "hostup/main/vps_02", {"-": instance({"cpu.utilization": 60})}
    world.resource(other, cpu, {"kind": "vps"})
    world.resource(VPS, cpu, {"kind": "vps"}, gone=3600)
    world.collected(other, 7140, 60, attempted=7200)

    answer = world.query(
        f"{CPU}&start={TEN}&end={TEN + 7200}&step=60&where=provider:hostup&settled=true"
    )

    assert answer["end"] == "2026-11-22T11:56:00Z"


def test_a_resource_whose_first_run_is_not_over_is_waited_for(world: World) -> None:
    new = "other/main/box"
    world.resource(new, {"-": instance({"cpu.utilization": 60})}, {})
    world.samples(new, "cpu.utilization", [(0, 0.5)], 60)

    answer = world.query(f"{CPU}&{QUARTER}&step=60&settled=true")

    assert answer["series"] == []
    assert answer["warnings"] == [
        "No whole step of this range is settled: other not at all yet. "
        "Send an earlier start or a shorter step, or leave settled out."
    ]


def test_a_provider_without_samples_is_not_waited_for(world: World) -> None:
    world.resource("other/main/box", {}, {})
    world.collected("other/main/box", None, 0, failure="credentials_refused")

    answer = world.query(f"{CPU}&{QUARTER}&step=60&settled=true")

    assert answer["end"] == "2026-11-22T10:10:00Z"
    assert answer["warnings"] == [
        "other: 1 of 1 matched resources failing (credentials_refused), no samples."
    ]


def test_a_series_that_begins_after_what_is_settled_is_left_out(world: World) -> None:
    new = instance({"cpu.utilization": 60})
    born = type(new)({}, new.metrics, (TEN + 720) * 1000)
    world.resource(VPS, {"-": new, "late": born}, {"kind": "vps"})

    answer = world.query(f"metric=cpu.utilization&{QUARTER}&step=60&settled=true")

    assert {one["attributes"]["instance"] for one in answer["series"]} == {"-", "api-1", "api-2"}


def test_an_answer_that_was_cut_is_not_kept_for_the_whole_range(world: World) -> None:
    def cached(end: int) -> str:
        range_ = f"start={TEN}&end={TEN + end}&step=60&settled=true"
        return world.get("/v1/query", f"{CPU}&{range_}").headers["Cache-Control"]

    assert cached(600) == "private, max-age=3600"
    assert cached(900) == "private, max-age=10"


def test_settled_answers_take_no_more_reads(world: World) -> None:
    def reads(more: str) -> list[str]:
        asked: list[str] = []

        def note(model: Any, **_: Any) -> None:
            asked.append(model.name)

        events = world.client.meta.events
        events.register("provide-client-params.dynamodb", note)
        world.query(f"{CPU}&{QUARTER}&step=60{more}")
        events.unregister("provide-client-params.dynamodb", note)
        return sorted(asked)

    assert reads("&settled=true") == reads("")


def test_what_a_run_stores_while_chunks_are_read_is_not_called_settled(world: World) -> None:
    def store(params: dict[str, Any], **_: Any) -> None:
        if params.get("ExpressionAttributeValues", {}).get(":pk") == {"S": API}:
            world.collected(API, 890, 10)

    world.client.meta.events.register("provide-client-params.dynamodb.Query", store)

    answer = world.query(f"{CPU}&{QUARTER}&step=60")

    assert answer["status"]["northflank"]["settledUntil"] == "2026-11-22T10:13:20Z"
    assert world.states.get("northflank/main", 0).resources[API].newest_ms == (TEN + 890) * 1000
