"""Catching up: what an outage left out, what a provider forgot of it, and what was there before."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from local.providers.hostup_fleet import Vps
from local.providers.northflank_fleet import SMALL, Container, Project, Workload
from local.providers.settling import Provisional
from local.providers.timeline import Share
from tests.layer.collecting import Fleet, fleet
from tests.layer.samples import TEN, points
from tests.layer.world import World
from tributary.request_budget import RequestLimit
from tributary.windows import MINUTE_MS

API = "northflank/main/shop/services/api"
WEB = "hostup/main/vps_1"
START = TEN / 1000
HOUR, DAY = 3600, 86_400
FOREVER = float("inf")


def container(name: str, created: float = -90 * DAY, ended: float = FOREVER) -> Container:
    """One that lives so many seconds after 10:00."""
    return Container(name, Share(name, 1.0), 0, START + created, START + ended)


def service(*containers: Container, name: str = "api", **changes: Any) -> Workload:
    api = Workload("services", name, name, "deployment", "", SMALL, containers=containers)
    return replace(api, **changes)


def shop(*workloads: Workload) -> tuple[Project, ...]:
    return (Project("shop", "Shop", "", "europe-west", workloads),)


ONE = shop(service(container("api-1-a")))


def vps(**changes: Any) -> Vps:
    web = Vps("vps_1", "web", "203.0.113.1", 1, 1, 10, False, Share("web", 1.0))
    return replace(web, **changes)


def steps(one: Fleet, resource: str, instance: str = "-") -> dict[int, int]:
    """The resolution in seconds of each minute after 10:00 that has samples of CPU."""
    found: dict[int, int] = {}
    for key, time_ms, _, step_ms, _ in points(one.stored(resource)):
        if key.metric == "cpu.utilization" and key.instance == instance:
            found.setdefault((time_ms - TEN) // MINUTE_MS, step_ms // 1000)
    return found


def gaps(one: Fleet, resource: str) -> list[tuple[float, float, int]]:
    """Minutes after 10:00 and resolution of what is not stored in full."""
    coverage = one.state(resource).coverage
    assert coverage
    return [
        ((gap.start_ms - TEN) / MINUTE_MS, (gap.end_ms - TEN) / MINUTE_MS, gap.resolution_ms)
        for gap in coverage.gaps
    ]


def asked(one: Fleet) -> list[str]:
    """Start and end, to the minute, of the ranges that were asked for."""
    time = r"2026-11-\d\dT(\d\d)%3A(\d\d)%3A"
    ranges = (re.search(f"startTime={time}.*endTime={time}", one) for one in one.door.asked)
    return ["{}:{}-{}:{}".format(*found.groups()) for found in ranges if found]


def assert_each_once(minutes: Iterable[float], first: int, last: int) -> None:
    assert sorted(minutes) == list(range(first, last))


def test_after_an_outage_what_is_current_comes_first_and_then_the_oldest(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)
        northflank.door.asked.clear()

        northflank.run(6 + 8 * 60)

        assert asked(northflank) == [
            "16:04-18:05",  # two hours of what is current
            # and the oldest two hours, each from a little before where the gap begins
            "10:04-12:05",
            "12:04-14:05",
            "14:04-16:05",
        ]
        assert gaps(northflank, API) == []
        assert steps(northflank, API, "api-1-a").keys() >= set(range(-60, 8 * 60 + 5))


def test_a_gap_that_the_budget_does_not_hold_stays_known_until_it_does(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)

        report = northflank.run(6 + 8 * 60, requests=7)

        assert gaps(northflank, API) == [(125, 365, 0)]
        assert report.gap_seconds == 14_400
        state = northflank.state(API)
        assert state.watermark_ms == TEN + 125 * MINUTE_MS
        assert state.live_ms == TEN + 8 * 60 * MINUTE_MS + 5 * MINUTE_MS

        northflank.run(11 + 8 * 60)

        assert gaps(northflank, API) == []
        assert northflank.state(API).watermark_ms == northflank.state(API).live_ms


def test_a_gap_that_fails_waits_half_an_hour_while_what_is_current_goes_on(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)
        northflank.door.broken = {"startTime=2026-11-22T10": 404}
        tried = []
        for minute in range(486, 526, 5):
            northflank.door.asked.clear()
            report = northflank.run(minute)
            if any(one.startswith("10:") for one in asked(northflank)):
                tried.append(minute)
                assert report.errors == {"gone": 1}

        assert tried == [486, 516]
        state = northflank.state(API)
        assert (state.failure, state.live_ms) == (None, TEN + 520 * MINUTE_MS)


def test_hostups_lost_minutes_are_repaired_by_half_hours_once_these_are_over(
    world: World,
) -> None:
    with fleet(world, "hostup", vpses=[vps()]) as hostup:
        hostup.run(15)

        hostup.run(195)

        # Minutes until the outage, half-hours of `day` in it, and minutes of the last hour again.
        found = {minute: step for minute, step in steps(hostup, WEB).items() if minute >= 0}
        assert found == (
            dict.fromkeys(range(10), 60)
            | dict.fromkeys(range(30, 135, 30), 1800)
            | dict.fromkeys(range(135, 190), 60)
        )
        assert gaps(hostup, WEB) == [(10, 135, 1_800_000)]


def test_a_gap_that_a_host_does_not_answer_for_yet_is_left_for_the_next_run(world: World) -> None:
    # The half-hours after that of its stop have no samples yet, though minutes were answered.
    off = ((START + 110 * 60, START + 176 * 60),)
    with fleet(world, "hostup", vpses=[vps(off=off)]) as hostup:
        hostup.run(15)
        hostup.door.asked.clear()

        hostup.run(186)

        assert hostup.door.metrics_asked() == 3
        assert gaps(hostup, WEB) == [(10, 120, 1_800_000), (120, 135, 0)]

        hostup.run(201)

        assert gaps(hostup, WEB) == [(10, 120, 1_800_000), (120, 135, -1)]


def test_a_stopped_vps_has_no_gap(world: World) -> None:
    off = ((START + 12 * 60, START + 150 * 60),)
    with fleet(world, "hostup", vpses=[vps(off=off)]) as hostup:
        for minute in range(16, 200, 5):
            hostup.run(minute)

        assert gaps(hostup, WEB) == []
        assert set(steps(hostup, WEB)) >= set(range(11)) | set(range(151, 190))


@pytest.mark.parametrize(
    ("off", "again", "expected"),
    [((120, 300), 196, (20, 120)), ((12, 120), 196, (120, 136))],
    ids=["stopped", "started"],
)
def test_of_a_vps_that_stopped_or_started_in_an_outage_the_time_it_ran_is_a_gap(
    world: World, off: tuple[float, float], again: float, expected: tuple[float, float]
) -> None:
    first, last = (START + minute * 60 for minute in off)
    with fleet(world, "hostup", vpses=[vps(off=((first, last),))]) as hostup:
        hostup.run(16)
        hostup.run(21)
        hostup.run(again)

        assert gaps(hostup, WEB) == [(*expected, 1_800_000)]


@pytest.mark.parametrize("newest", [False, True])
def test_answers_that_are_shorter_than_asked_are_noticed_and_the_rest_asked_for(
    world: World, newest: bool
) -> None:
    options = {"most_samples": 100, "keeps_newest": newest, "retention_seconds": 5 * HOUR}
    with fleet(world, "northflank", projects=ONE, **options) as northflank:
        northflank.run(6)
        northflank.run(6 + 110)

        assert gaps(northflank, API) == []
        assert set(steps(northflank, API, "api-1-a")) >= set(range(-55, 115))


def test_what_containers_measured_before_they_ended_is_asked_for_by_name(world: World) -> None:
    projects = shop(
        service(
            container("api-1-a", ended=8 * 60 + 15),
            container("api-2-b", created=6 * 60 + 30, ended=7 * 60 + 45),
            container("api-2-c", created=8 * 60),
        )
    )
    with fleet(world, "northflank", projects=projects) as northflank:
        northflank.run(6)
        northflank.run(11)

        assert max(steps(northflank, API, "api-1-a")) == 8
        assert list(steps(northflank, API, "api-2-b")) == [6, 7]
        assert list(steps(northflank, API, "api-2-c")) == [8, 9]
        ended = northflank.entry(API).instances["api-1-a"].last_ms
        assert ended == TEN + 8 * MINUTE_MS + 10_000


def test_a_jobs_runs_of_a_minute_are_not_missed(world: World) -> None:
    job = Workload(
        "jobs", "report", "Report", "cron", "", SMALL,
        containers=(container("report-1", created=6 * 60, ended=7 * 60),),
    )  # fmt: skip
    with fleet(world, "northflank", projects=shop(job)) as northflank:
        northflank.run(6)

        report = northflank.run(11)

        assert list(steps(northflank, "northflank/main/shop/jobs/report", "report-1")) == [6]
        assert report.behind_seconds == 0


def test_the_times_between_a_jobs_runs_are_no_gap(world: World) -> None:
    runs = [container(f"report-{n}", n * 1800, n * 1800 + 60) for n in range(-2, 20)]
    job = Workload("jobs", "report", "Report", "cron", "", SMALL, containers=tuple(runs))
    report = "northflank/main/shop/jobs/report"
    with fleet(world, "northflank", projects=shop(job), retention_seconds=DAY) as northflank:
        northflank.run(6)

        northflank.run(6 + 8 * 60)

        assert gaps(northflank, report) == []
        assert list(steps(northflank, report, "report-7")) == [210]


def test_a_range_that_the_host_refuses_to_be_asked_for_is_given_up(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)
        northflank.door.broken = {"startTime=2026-11-22T10%3A": 400}
        report = northflank.run(6 + 8 * 60)
        northflank.door.asked.clear()

        northflank.run(11 + 8 * 60)

        assert "not asked for again: GET" in report.messages[0]
        assert report.errors == {}
        ((start, end, resolution),) = gaps(northflank, API)
        assert (start, resolution) == (5, -1)
        assert 120 < end < 125
        assert asked(northflank) == ["18:04-18:10"]


def test_history_that_the_host_refuses_to_be_asked_for_is_none(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.door.broken = {"startTime=2026-11-22T03%3A": 400}

        northflank.run(6)

        assert northflank.state(API).imported == 100
        assert northflank.state(API).failure is None


def test_the_minutes_of_a_short_outage_are_published_once_each(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)
        northflank.run(11)
        northflank.cloudwatch.clear()

        northflank.run(6 + 165)
        northflank.run(11 + 165)

        assert_each_once(northflank.minutes_sent(API), 10, 175)
        assert {datum["StatisticValues"]["SampleCount"] for datum in northflank.datums(API)} == {6}


def test_minutes_of_a_gap_that_cloudwatch_refuses_are_told_later(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6)
        northflank.run(11)
        northflank.cloudwatch.clear()
        # The first request tells of what is current, the second of the gap.
        second = northflank.cloudwatch.requests + 1

        def refuse(**_: object) -> None:
            northflank.cloudwatch.refusing = int(northflank.cloudwatch.requests == second)

        event = "provide-client-params.cloudwatch.PutMetricData"
        northflank.cloudwatch_client.meta.events.register_first(event, refuse)
        assert northflank.run(141).errors == {"storage": 1}
        for minute in (146, 151, 176):
            northflank.run(minute)

        assert_each_once(northflank.minutes_sent(API), 10, 175)
        assert gaps(northflank, API) == []


def test_a_budget_that_is_too_small_stretches_for_all_alike(world: World) -> None:
    many = [service(container(f"s{n}-1-a"), name=f"s{n:02}") for n in range(12)]
    limit = RequestLimit(30, 3600)
    options = {"projects": shop(*many), "requests_per_hour": 30}
    with fleet(world, "northflank", **options) as northflank:
        for minute in range(6, 6 + 150, 5):
            report = northflank.run(minute, limit=limit)

        assert all(
            window.refused == 0 and window.allowed <= 24
            for window in northflank.simulator.budget.windows()
        )
        assert report.errors == {}
        assert 1800 <= report.every_seconds < 4000
        assert "resources now: each is collected about every" in report.messages[0]
        for n in range(12):
            name = f"northflank/main/shop/services/s{n:02}"
            assert gaps(northflank, name) == []
            known = set(steps(northflank, name, f"s{n}-1-a"))
            # From what its first turn, in the second hour at the latest, asked back for.
            assert known >= set(range(15, 150 - 50)), n


def test_a_key_that_is_refused_is_sent_no_more_in_the_same_run(world: World) -> None:
    many = [service(container(f"s{n}-1-a"), name=f"s{n:02}") for n in range(12)]
    with fleet(world, "northflank", projects=shop(*many)) as northflank:
        northflank.run(6)
        northflank.door.asked.clear()

        report = northflank.run(11, token="another")

        assert len(northflank.door.asked) == 1
        assert report.errors == {"credentials_refused": 1}


def test_what_was_missed_is_asked_for_before_what_only_describes(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, retention_seconds=DAY) as northflank:
        northflank.run(6, requests=6)  # lists, samples, and containers, and no details any more
        assert northflank.entry(API).described_ms == 0
        northflank.door.asked.clear()

        northflank.run(6 + 180)

        paths = [one.partition("?")[0] for one in northflank.door.asked]
        assert gaps(northflank, API) == []
        api = "/v1/projects/shop/services/api"
        asked = [path.removeprefix(api) for path in paths if path.startswith(api)]
        missed = asked.index("", asked.index("/metrics") + 1)
        assert asked[:missed].count("/metrics") == 2
        assert northflank.entry(API).described_ms == TEN + 186 * MINUTE_MS


def test_a_service_made_anew_under_its_name_is_another_from_its_creation_on(
    world: World,
) -> None:
    old = service(container("api-1-a", ended=20 * 60), deleted_at=START + 20 * 60)
    new = service(container("api-2-b", created=HOUR), created_at=START + HOUR, tags=("second",))
    with fleet(world, "northflank", projects=shop(old, new)) as northflank:
        for minute in (6, 11, 16, 21, 61, 66, 71, 76):
            northflank.run(minute)

        again = f"{API}~2026-11-22T11:00:00Z"
        assert set(northflank.shards()[0].entries) == {API, again}
        assert northflank.entry(API).gone_ms == TEN + 61 * MINUTE_MS
        entry = northflank.entry(again)
        assert (entry.gone_ms, entry.attributes["resource"]) == (None, again)
        assert entry.attributes["tag.second"] == "true"
        assert min(steps(northflank, again, "api-2-b")) == 60
        assert steps(northflank, again, "api-1-a") == {}
        assert max(steps(northflank, API, "api-1-a")) == 14
        assert steps(northflank, API, "api-2-b") == {}


def test_what_its_provider_lists_no_more_is_marked_and_comes_back_as_it_was(
    world: World,
) -> None:
    api, web = service(container("api-1-a")), service(container("web-1-a"), name="web")
    with fleet(world, "northflank", projects=shop(api, web)) as northflank:
        northflank.run(6)
        northflank.simulator.projects = shop(web)
        northflank.run(11)
        assert northflank.entry(API).gone_ms == TEN + 11 * MINUTE_MS
        northflank.door.asked.clear()
        northflank.run(16)
        assert northflank.door.metrics_asked("services/api") == 0

        northflank.simulator.projects = shop(api, web)
        northflank.run(21)  # asks for its details, since it may be another
        northflank.run(26)

        assert northflank.entry(API).gone_ms is None
        assert gaps(northflank, API) == []
        assert set(steps(northflank, API, "api-1-a")) >= set(range(20))


def test_renamed_resources_keep_their_history(world: World) -> None:
    with fleet(world, "hostup", vpses=[vps()]) as hostup:
        hostup.run(16)
        hostup.simulator.vpses = [vps(name="frontend")]

        hostup.run(21)

        assert hostup.entry(WEB).attributes["name"] == "frontend"
        assert set(steps(hostup, WEB)) >= set(range(20))


def test_new_series_past_the_quota_are_left_out_counted_and_shown(world: World) -> None:
    few = [container(f"api-1-{n}") for n in range(2)]
    with fleet(world, "northflank", projects=shop(service(*few))) as northflank:
        northflank.run(6)
        flood = [container(f"api-2-{n}", created=7 * 60) for n in range(5)]
        northflank.simulator.projects = shop(service(*few, *flood))

        report = northflank.run(11, new_series=26)

        assert report.refused == 10
        assert "NewSeriesPerDay" in report.messages[0]
        assert northflank.entry(API).refused == 10
        assert len(northflank.entry(API).instances) == 5
        assert max(steps(northflank, API, "api-1-0")) == 9


def test_what_a_provider_revises_is_not_settled_until_it_stays_the_same(world: World) -> None:
    with fleet(world, "northflank", projects=ONE, revised=Provisional(seconds=400)) as northflank:
        northflank.run(6)
        first = northflank.state(API).settled_ms
        northflank.run(11)
        state = northflank.state(API)

        assert first <= state.settled_ms < TEN + 5 * MINUTE_MS
        assert state.live_ms == TEN + 10 * MINUTE_MS


@pytest.mark.parametrize("minutes", [-7, 7])
def test_now_is_the_providers(world: World, minutes: int) -> None:
    def clock() -> float:
        return world.now + minutes * 60

    with fleet(world, "hostup", vpses=[vps()], clock=clock) as hostup:
        hostup.run(16)
        report = hostup.run(21)

        ends = {-7: 10, 7: 25}
        assert hostup.state(WEB).asked_ms == TEN + ends[minutes] * MINUTE_MS
        assert report.behind_seconds == 0
        assert gaps(hostup, WEB) == []
