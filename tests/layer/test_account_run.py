"""Runs by the real adapters over simulated providers: what was served is stored, once, whole."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conversions import CONVERSIONS
from tests.dynamodb import TABLE, delete_table
from tests.layer.collecting import BACKUP, STAGING, WEB_1, WEB_2, Fleet, fleet
from tests.layer.samples import TEN, points
from tests.layer.world import World
from tributary.choice import choice_from_env
from tributary.errors import SettingsError, StorageError
from tributary.inventory import Inventory
from tributary.matching import matcher, parse_filter
from tributary.publisher import PublishRules
from tributary.registry import Instance, Registry, Shard
from tributary.state import Failure
from tributary.table import Item, Key
from tributary.windows import DAY_MS, HOUR_MS

type Sample = tuple[str, str, str, int]


def served(fleet: Fleet, end_ms: int) -> Iterator[tuple[Sample, int, float, float]]:
    """Resource, instance, metric and time; resolution, value and precision of what was served."""
    for sample in fleet.served.samples():
        series = sample.series
        if sample.ts < end_ms:
            metric, factor, precision = CONVERSIONS[series.metric, series.unit]
            instance = series.container or "-"
            instance = f"{instance}/{series.volume}" if series.volume else instance
            resource = f"{fleet.name}/main/{series.resource}"
            yield (
                (resource, instance, metric, sample.ts),
                series.resolution_seconds * 1000,
                sample.value * factor,
                precision,
            )


def kept(fleet: Fleet) -> dict[Sample, tuple[float, int]]:
    """Value and resolution of every sample in the store."""
    return {
        (resource, named.instance, named.metric, time): (value, resolution)
        for shard in fleet.shards()
        for resource in shard.entries
        for named, time, value, resolution, _ in points(fleet.stored(resource))
    }


def assert_stored_as_served(fleet: Fleet, end_ms: int) -> None:
    stored, finest = kept(fleet), dict[Sample, tuple[int, float, float]]()
    for sample, resolution, value, precision in served(fleet, end_ms):
        if sample not in finest or resolution < finest[sample][0]:
            finest[sample] = resolution, value, precision
    assert stored.keys() == finest.keys()
    for sample, (resolution, value, precision) in finest.items():
        number, step = stored[sample]
        assert step == resolution, sample
        assert abs(number - value) <= precision * 0.5001, (sample, number, value)


def test_hostups_samples_are_stored_number_for_number(hostup: Fleet) -> None:
    report = hostup.run(15)

    assert report.errors == Counter()
    assert (report.resources, report.requests, report.samples) == (4, 21, 2082)
    assert report.behind_seconds == 0.0
    assert_stored_as_served(hostup, TEN + 600_000)


def test_only_what_is_chosen_is_asked_for_and_what_is_chosen_no_more_keeps_its_history(
    hostup: Fleet,
) -> None:
    hostup.run(15)
    asked = len(hostup.door.asked)

    report = hostup.run(20, choice=matcher([parse_filter("name!:web-1")]))

    assert (report.errors, report.resources) == ({}, 3)
    assert not [one for one in hostup.door.asked[asked:] if WEB_1.rpartition("/")[2] in str(one)]
    assert hostup.entry(WEB_1).gone_ms == TEN + 20 * 60_000
    assert any(True for _ in points(hostup.stored(WEB_1)))

    hostup.run(25)

    assert hostup.entry(WEB_1).gone_ms is None


def test_a_filter_of_resources_is_written_as_queries_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RESOURCE_FILTERS", "project:shop, name!:test*")
    chosen = choice_from_env()

    assert chosen({"project": "shop", "name": "api"})
    assert not chosen({"project": "shop", "name": "test-2"})
    assert not chosen({"project": "blog", "name": "api"})

    monkeypatch.setenv("RESOURCE_FILTERS", "shop")
    with pytest.raises(SettingsError, match="RESOURCE_FILTERS: 'shop' is no filter"):
        choice_from_env()


def test_northflanks_samples_are_stored_number_for_number(northflank: Fleet) -> None:
    # A silent start leaves an hour and twenty minutes to fetch instead of a day.
    northflank.door.silent = True
    northflank.run(15)
    northflank.door.silent = False

    report = northflank.run(35)

    assert report.errors == Counter()
    assert report.resources == 8
    assert_stored_as_served(northflank, TEN + 30 * 60_000)
    assert len(kept(northflank)) == report.samples > 15_000
    metrics = {metric for _, _, metric, _ in kept(northflank)}
    assert metrics == {metric for metric, _, _ in CONVERSIONS.values()} - {
        "disk.read",
        "disk.write",
    }
    # The hour from 9 is old by now and written whole; that from 10 is not.
    keys = {
        sk for pk, sk in northflank.world.items() if pk == "northflank/main/lab/services/worker"
    }
    assert keys == {
        "h#2026-11-22T09:00Z",
        *(f"r#2026-11-22T10:{minute:02}Z" for minute in range(0, 30, 5)),
    }


def test_nothing_is_stored_past_the_last_five_minute_boundary(hostup: Fleet) -> None:
    hostup.run(15)

    (cpu,) = [one for one in hostup.stored(WEB_1) if one.key.metric == "cpu.utilization"]
    assert cpu.times[-1] == TEN + 540_000
    assert hostup.state(WEB_1).asked_ms == TEN + 600_000
    assert hostup.state(WEB_1).watermark_ms == TEN + 600_000


def test_fresh_runs_store_the_open_window_too(hostup: Fleet) -> None:
    hostup.run(15, fresh=True)

    assert hostup.state(WEB_1).asked_ms == TEN + 840_000
    assert hostup.state(WEB_1).newest_ms == TEN + 780_000


def test_the_same_event_again_changes_nothing(hostup: Fleet) -> None:
    hostup.run(15)
    items, puts = hostup.world.items(), hostup.world.calls.puts()
    hostup.door.asked.clear()

    report = hostup.run(15)

    assert (report.samples, report.published) == (0, 0)
    assert hostup.door.asked == []
    assert hostup.world.items() == items
    # The account's lease, taken and given back.
    assert hostup.world.calls.puts() == puts + 2


def test_the_same_event_later_stores_no_more(hostup: Fleet) -> None:
    hostup.run(15)
    samples = kept(hostup)
    slot = int(hostup.world.now * 1000)
    hostup.world.now += 240

    report = hostup.run(slot_ms=slot)

    assert report.samples == 0
    assert kept(hostup) == samples


def test_run_by_run_ends_as_one_run_would(hostup: Fleet) -> None:
    for minutes in (15, 20, 25, 40):
        hostup.run(minutes)

    assert_stored_as_served(hostup, TEN + 35 * 60_000)


def test_one_failing_resource_fails_nothing_else(hostup: Fleet) -> None:
    hostup.door.broken = {f"{WEB_1.rpartition('/')[2]}/metrics": 502}

    report = hostup.run(15)

    assert report.errors == {"upstream": 1}
    assert len(report.messages) == 1
    assert report.messages[0].startswith(f"{WEB_1}: GET /api/v2/vps/")
    assert report.samples == 2082 - 6 * (48 + 55)
    failure = hostup.state(WEB_1).failure
    assert failure is not None
    assert (failure.kind, failure.at_ms) == ("upstream", TEN + 900_000)
    assert hostup.state(WEB_2).failure is None
    assert hostup.stored(WEB_1) == []


def test_a_resource_that_failed_is_caught_up_with_once_it_answers(hostup: Fleet) -> None:
    hostup.door.broken = {f"{WEB_1.rpartition('/')[2]}/metrics": 502}
    hostup.run(15)
    hostup.door.broken = {}

    hostup.run(20)

    assert hostup.state(WEB_1).failure is None
    assert_stored_as_served(hostup, TEN + 15 * 60_000)


def test_a_corrupt_chunk_fails_its_resource_alone(hostup: Fleet) -> None:
    corrupt = Item(Key(WEB_1, "h#2026-11-22T10:00Z"), b"\7", b"8 bytes!")
    hostup.world.table.put(corrupt, None)

    report = hostup.run(15)

    assert report.errors == {"corrupt_chunk": 1}
    assert hostup.state(WEB_2).newest_ms == TEN + 540_000


def test_what_cannot_be_read_back_for_cloudwatch_keeps_the_others_from_nothing(
    hostup: Fleet,
) -> None:
    hostup.cloudwatch.refusing = 2
    hostup.run(15)
    damaged = hostup.world.items()[WEB_1, "h#2026-11-22T09:00Z"] | {"d": {"B": b"\7"}}
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=damaged)

    report = hostup.run(60)

    assert report.errors == {"corrupt_chunk": 1}
    assert report.messages[0].startswith(f"statistics of {WEB_1}: chunk of version 07")
    assert hostup.minutes_sent(WEB_2)[-1] == 54
    assert hostup.minutes_sent(WEB_1) == []


def test_resources_of_a_failing_list_are_collected_as_they_are_known(hostup: Fleet) -> None:
    hostup.run(15)
    hostup.door.broken = {"/api/v2/vps?": 503}

    report = hostup.run(20)

    assert report.errors == {"upstream": 1}
    assert report.messages == ["listing resources: GET /api/v2/vps from hostup answered 503"]
    assert report.resources == 4
    state = hostup.state(WEB_1)
    assert state.failure is None
    assert state.newest_ms == TEN + 840_000
    assert hostup.entry(WEB_1).gone_ms is None


@pytest.mark.parametrize(
    ("name", "path", "times"),
    [
        ("northflank", "lab/services/worker", [15, 20, 30, 50, 80, 110, 140]),
        # It forgets: what it has when it answers again would be gone by the length of a pause.
        ("hostup", WEB_1.rpartition("/")[2], list(range(15, 150, 5))),
    ],
)
def test_a_resource_that_fails_is_asked_about_less_often_unless_its_host_forgets(
    world: World, name: str, path: str, times: list[int]
) -> None:
    attempts = []
    with fleet(world, name) as host:
        host.door.broken = {"/metrics": 404}
        for minutes in range(15, 150, 5):
            asked = host.door.metrics_asked(path)
            host.run(minutes)
            if host.door.metrics_asked(path) > asked:
                attempts.append(minutes)

    assert attempts == times


def test_projects_that_can_be_listed_are_collected_though_another_fails(
    northflank: Fleet,
) -> None:
    northflank.door.broken = {"/v1/projects/shop/services": 500, "worker/metrics": 404}

    report = northflank.run(15)

    assert report.errors == {"upstream": 1, "gone": 1}
    assert set(northflank.shards()[0].entries) == {
        "northflank/main/lab/jobs/nightly-report",
        "northflank/main/lab/services/preview",
        "northflank/main/lab/services/worker",
        "northflank/main/shop/addons/orders-db",
    }
    assert report.resources == 4


def test_a_run_that_is_out_of_time_stops_and_the_next_goes_on(hostup: Fleet) -> None:
    first = hostup.run(15, requests=4)

    assert first.postponed >= 2
    assert first.errors == Counter()
    assert first.requests <= 5

    second = hostup.run(20)

    assert second.postponed == 0
    assert_stored_as_served(hostup, TEN + 15 * 60_000)


def test_resources_that_waited_longest_come_first(hostup: Fleet) -> None:
    everyone = (WEB_1, WEB_2, BACKUP, STAGING)
    # Each has time for the list and three of the four.
    for minutes in (15, 20):
        hostup.run(minutes, requests=4)

    assert [vps for vps in everyone if hostup.state(vps).asked_ms is None] == []


def test_after_three_hours_down_what_the_provider_still_holds_is_fetched(hostup: Fleet) -> None:
    hostup.run(15)
    hostup.door.asked.clear()

    hostup.run(195)

    assert hostup.door.metrics_asked(WEB_1.rpartition("/")[2]) == 2
    steps = {time - TEN: step for _, time, _, step, _ in points(hostup.stored(WEB_1))}
    minutes = {time // 60_000: step // 1000 for time, step in steps.items() if time >= 0}
    # Minutes until the outage, half-hours of `day` in it, and minutes of the last `hour` again.
    assert minutes == (
        dict.fromkeys(range(10), 60)
        | dict.fromkeys(range(30, 135, 30), 1800)
        | dict.fromkeys(range(135, 190), 60)
    )


def test_nothing_is_read_back_for_cloudwatch_where_no_metric_is_published(
    northflank: Fleet,
) -> None:
    none = PublishRules(frozenset(), 3 * HOUR_MS)
    northflank.run(0, none)
    northflank.world.calls.clear()

    northflank.run(5, none)

    assert "Query" not in northflank.world.calls


@pytest.mark.parametrize(("metrics", "puts"), [(["cpu.utilization"], 2), ([], 1)])
def test_the_state_is_put_before_and_after_publishing_and_else_once(
    hostup: Fleet, metrics: list[str], puts: int
) -> None:
    rules = PublishRules(frozenset(metrics), 3 * HOUR_MS)
    hostup.run(15, rules)
    hostup.world.calls.clear()
    hostup.world.calls.parameters.clear()

    hostup.run(20, rules)

    written = [one["Item"]["sk"]["S"] for one in hostup.world.calls.parameters if "Item" in one]
    assert written.count("state#0") == puts


def test_an_event_ahead_of_the_clock_leaves_nothing_out(northflank: Fleet) -> None:
    api = "northflank/main/shop/services/api"
    northflank.door.silent = True
    northflank.run(0)

    northflank.run(slot_ms=TEN + 5 * 3_600_000)
    assert northflank.state(api).asked_ms == TEN - 300_000

    northflank.run(15)
    assert northflank.state(api).asked_ms == TEN + 600_000


def test_a_silent_resource_is_not_asked_for_days_again(northflank: Fleet) -> None:
    northflank.door.silent = True
    preview = "northflank/main/lab/services/preview"
    northflank.run(15)
    # What is current, six hours of history, and a day of it to be sure.
    assert northflank.door.metrics_asked("preview") == 3
    assert northflank.state(preview).watermark_ms == TEN + 600_000 - 3_600_000
    northflank.door.asked.clear()

    report = northflank.run(20)

    assert northflank.door.metrics_asked("preview") == 1
    assert northflank.state(preview).watermark_ms == TEN + 900_000 - 3_600_000
    assert report.behind_seconds == 0.0


def test_a_stopped_machine_is_idle_and_not_behind(hostup: Fleet) -> None:
    assert hostup.run(15).behind_seconds == 0.0
    assert hostup.state(STAGING).idle
    assert not hostup.state(WEB_1).idle


def test_the_registry_and_inventory_tell_what_was_found(hostup: Fleet) -> None:
    hostup.run(15)

    entry = hostup.entry(WEB_1)
    assert dict(entry.attributes) == {
        "provider": "hostup",
        "account": "main",
        "kind": "vps",
        "resource": WEB_1,
        "name": "web-1",
    }
    assert set(entry.instances) == {"-"}
    assert entry.instances["-"].metrics["cpu.utilization"] == 60_000
    assert entry.instances["-"].last_ms is None
    payloads = Inventory(hostup.world.table).payloads((WEB_1, WEB_2, BACKUP, STAGING))
    assert payloads[WEB_1]["primaryIp"] == "203.0.113.11"
    assert len(payloads) == 4


def test_projects_are_kept_as_they_were_listed(northflank: Fleet) -> None:
    northflank.run(15)

    kept = Inventory(northflank.world.table).projects(["northflank/main"])

    assert {one["id"]: one["name"] for one in kept["northflank/main"]} == {
        "shop": "Shop",
        "lab": "Lab",
    }


def test_projects_that_cannot_be_kept_are_counted(northflank: Fleet) -> None:
    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["Item"]["sk"] == {"S": "projects"}:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "too large"}}, "PutItem"
            )

    northflank.world.client.meta.events.register("provide-client-params.dynamodb.PutItem", refuse)

    report = northflank.run(15)

    assert report.errors == {"storage": 1}
    assert report.resources


def test_region_and_plan_are_asked_for_when_first_seen_and_daily(northflank: Fleet) -> None:
    northflank.door.silent = True
    northflank.run(15)
    api = "northflank/main/shop/services/api"
    assert northflank.entry(api).attributes["region"] == "europe-west"
    assert northflank.entry(api).attributes["plan"] == "nf-compute-20"

    def described() -> int:
        return sum(
            re.fullmatch(r".*/services/\w+\?", one) is not None for one in northflank.door.asked
        )

    assert described() == 6
    northflank.run(20)
    assert described() == 6
    northflank.run(15 + 1440)
    assert described() == 12


def test_details_that_fail_are_counted_and_asked_for_again(northflank: Fleet) -> None:
    northflank.door.broken = {"/services/": 500}
    assert northflank.run(15).errors == {"upstream": 11}
    assert "region" not in northflank.entry("northflank/main/shop/services/api").attributes
    northflank.door.broken = {"/metrics": 404}

    northflank.run(20)

    region = northflank.entry("northflank/main/shop/services/api").attributes["region"]
    assert region == "europe-west"


def test_a_run_within_the_same_five_minutes_changes_nothing(hostup: Fleet) -> None:
    hostup.run(15)
    before = hostup.world.items()

    # At 10:15:54 the same boundary is collected up to.
    hostup.run(15.9)

    assert hostup.world.items() == before


def test_a_failing_table_is_raised(hostup: Fleet) -> None:
    delete_table()

    with pytest.raises(StorageError):
        hostup.run(15)


def test_a_refused_key_is_counted_and_noted(hostup: Fleet) -> None:
    hostup.run(15)

    report = hostup.run(20, token="an-old-key")

    assert report.errors == {"credentials_refused": 1}
    assert "an-old-key" not in str(report)
    failure = hostup.state(WEB_1).failure
    assert isinstance(failure, Failure)
    assert failure.kind == "credentials_refused"


def test_instances_whose_samples_have_expired_leave_the_registry(hostup: Fleet) -> None:
    hostup.run(15)
    registry = Registry(hostup.world.table)
    [shard] = registry.shards_of("hostup/main")
    gone = Instance({}, {"cpu.utilization": 60_000}, TEN - 70 * DAY_MS, TEN - 61 * DAY_MS)
    ended = Instance({}, {"cpu.utilization": 60_000}, TEN - 70 * DAY_MS, TEN - 59 * DAY_MS)

    def with_both(stored: Shard) -> Shard:
        entry = stored.entries[WEB_1]
        instances = {**entry.instances, "gone": gone, "ended": ended}
        return replace(
            stored, entries={**stored.entries, WEB_1: replace(entry, instances=instances)}
        )

    registry.save(shard, with_both)

    hostup.run(20)

    assert sorted(hostup.entry(WEB_1).instances) == ["-", "ended"]


def test_a_payload_that_cannot_be_kept_fails_its_resource_alone(hostup: Fleet) -> None:
    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["Item"]["pk"]["S"].startswith("inv#") and params["Item"]["sk"]["S"] == WEB_2:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "too large"}}, "PutItem"
            )

    hostup.world.client.meta.events.register("provide-client-params.dynamodb.PutItem", refuse)

    report = hostup.run(15)

    assert report.errors == {"storage": 1}
    assert all(hostup.state(vps).failure is None for vps in (WEB_1, WEB_2, BACKUP))
    payloads = Inventory(hostup.world.table).payloads((WEB_1, WEB_2, BACKUP, STAGING))
    assert set(payloads) == {WEB_1, BACKUP, STAGING}
