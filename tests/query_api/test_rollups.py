"""Rollups in answers: what they answer is what the samples answer, and outlives them."""

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import pytest

from tests.query_api.conftest import API, VPS, World
from tributary.compaction import Compaction
from tributary.hours import Hours, ResourceHours
from tributary.registry import Entry, Instance, Shard
from tributary.table import Key

MINUTE, HOUR, DAY = 60, 3600, 86_400
# 2026-11-22T00:00Z in seconds after 10:00, which is what the world counts from.
MIDNIGHT = -10 * HOUR
STEPS = ("5m", "10m", "1h", "3h", "1d")
OVER = ("avg", "min", "max", "sum", "count", "last")


class OpenHours(Hours):
    """Hours of which nothing is closed: everything is answered from samples."""

    def of_shards(self, shards: Iterable[Shard]) -> dict[str, ResourceHours]:
        return {name: ResourceHours() for shard in shards for name in shard.entries}


def bursts(
    chance: random.Random, first: int, last: int, seconds: int, scale: float = 1.0
) -> list[tuple[float, float]]:
    """Ten minutes of samples in each hour of [first, last), some missing."""
    return [
        (at, round(chance.random() * scale, 5))
        for hour in range(first, last, max(HOUR, seconds))
        for at in range(hour, min(hour + 700, last), seconds)
        if chance.random() < 0.9
    ]


def compact(world: World) -> None:
    compaction = Compaction.on(world.table, world.retention, world.clock)
    report = compaction.run(time.monotonic() + 60)
    assert (report.errors, report.behind_seconds) == ({}, 0)


def known(first: int, last: int | None, *resolutions: tuple[str, int], **names: str) -> Instance:
    metrics = {metric: seconds * 1000 for metric, seconds in resolutions}
    at = 1795341600
    return Instance(
        names, metrics, (at + first) * 1000, None if last is None else (at + last) * 1000
    )


@pytest.fixture
def busy(empty: World) -> World:
    """Three days of a service with four containers, and of a VPS; now it is the fourth, 06:00."""
    chance = random.Random(20261122)
    lives = {
        "api-1": (MIDNIGHT, MIDNIGHT + 3 * DAY, None),
        # Came and went within the second day.
        "api-2": (MIDNIGHT + DAY + 5 * HOUR, MIDNIGHT + DAY + 7 * HOUR, MIDNIGHT + DAY + 7 * HOUR),
        # Lived over a midnight, four hours in all.
        "api-3": (MIDNIGHT + 22 * HOUR, MIDNIGHT + 26 * HOUR, MIDNIGHT + 26 * HOUR),
    }
    instances = {}
    for name, (first, last, ended) in lives.items():
        empty.samples(API, "cpu.utilization", bursts(chance, first, last, 10), 10, name)
        rps = ("requests", "rps")
        empty.samples(API, "http.requests", bursts(chance, first, last, 60, 9), 60, name, rps)
        errors = bursts(chance, first, last, 60, 5)
        count = ("http4xxResponses", "count")
        empty.samples(API, "http.responses.4xx", errors, 60, name, count)
        instances[name] = known(
            first, ended, ("cpu.utilization", 10), ("http.requests", 60),
            ("http.responses.4xx", 60), container=name,
        )  # fmt: skip
    empty.resource(API, instances, {"project": "shop", "kind": "service"})
    first, last = MIDNIGHT, MIDNIGHT + 3 * DAY
    # One metric at four resolutions: the finest there is shows at each instant.
    for seconds in (60, 300, 1800, 6 * HOUR):
        empty.samples(VPS, "cpu.utilization", bursts(chance, first, last, seconds), seconds)
    empty.resource(VPS, {"-": known(first, None, ("cpu.utilization", 60))}, {"kind": "vps"})
    empty.now = float(1795341600 + MIDNIGHT + 3 * DAY + 6 * HOUR)
    compact(empty)
    return empty


type Lines = dict[str, tuple[list[float], bool]]


def lines(world: World, query: str, *, rolled_up: bool) -> Lines:
    """Values, -1 for none, of each line, and whether they are approximate: as it is planned, or
    from samples alone."""
    world.hours = Hours(world.table) if rolled_up else OpenHours(world.table)
    return {
        " ".join((one["metric"], *sorted(one["attributes"].values()))): (
            [-1.0 if value is None else value for value in one["values"]],
            one.get("approximate", False),
        )
        for one in world.query(query)["series"]
    }


def assert_alike(world: World, query: str) -> None:
    by_rollups = lines(world, query, rolled_up=True)
    by_samples = lines(world, query, rolled_up=False)
    assert by_samples
    assert by_rollups.keys() == by_samples.keys()
    for key, (values, approximate) in by_samples.items():
        assert by_rollups[key][0] == pytest.approx(values, rel=1e-6), (query, key)
        assert by_rollups[key][1] == approximate, (query, key)


RANGE = "start=2026-11-22T00:00:00Z&end=2026-11-25T00:00:00Z"


def test_rollups_answer_what_samples_answer(busy: World) -> None:
    metrics = "metric=cpu.utilization&metric=http.requests&metric=http.responses.4xx"
    for step, over in product(STEPS, OVER):
        assert_alike(busy, f"{metrics}&{RANGE}&step={step}&over={over}")


def test_groups_of_rollups_are_groups_of_samples(busy: World) -> None:
    for agg in ("avg", "max", "sum", "count", "p50"):
        assert_alike(busy, f"metric=cpu.utilization&{RANGE}&step=1h&by=provider&agg={agg}")


@pytest.fixture
def past(empty: World) -> World:
    """A service whose first container ended two months ago and whose second lives, a day of
    samples of each and both compacted; now it is 2027-02-01T00:00Z."""
    cpu = ("cpu.utilization", 300)
    last = MIDNIGHT + 69 * DAY
    lives = {"api-1": (MIDNIGHT, 0.25), "api-2": (MIDNIGHT, 0.75), "api-9": (last, 0.5)}
    end = MIDNIGHT + DAY - 300
    instances = {
        "api-1": known(MIDNIGHT, end, cpu, container="api-1"),
        "api-2": known(MIDNIGHT, end, cpu, container="api-2"),
        "api-9": known(last, None, cpu, container="api-9"),
    }
    for at in (MIDNIGHT, last):
        empty.resource(API, instances, {"project": "shop"})
        # There is nothing to be compacted in the two months between.
        empty.hours.close(empty.registry.shards()[0], (1795341600 + at) * 1000, {})
        for name, (first, level) in lives.items():
            if first == at:
                rows = [(float(first + second), level) for second in range(0, DAY, 300)]
                empty.samples(API, "cpu.utilization", rows, 300, name)
        empty.now = float(1795341600 + at + DAY + HOUR)
        compact(empty)
    living = Entry(API, {}, instances).without(
        {name: instances[name] for name in ("api-1", "api-2")}
    )
    own = {"provider": "northflank", "account": "main", "name": "api", "project": "shop"}
    shard = Shard("northflank/main", 0, {})
    entry = replace(living, attributes=own)
    empty.registry.save(shard, lambda stored: replace(stored, entries={API: entry}))
    empty.collected(API, last + DAY - 300, 300, asked=last + DAY)
    empty.now = float(1795341600 + MIDNIGHT + 71 * DAY)
    return empty


FIRST_DAY = "start=2026-11-22T00:00:00Z&end=2026-11-23T00:00:00Z"
BOTH_DAYS = "start=2026-11-22T00:00:00Z&end=2027-01-31T00:00:00Z"


def test_the_history_of_a_service_survives_its_containers(past: World) -> None:
    answer = past.query(f"metric=cpu.utilization&{BOTH_DAYS}&step=1d&by=resource")

    (line,) = answer["series"]
    assert (line["values"][0], line["values"][-1]) == (0.5, 0.5)
    assert line["values"][1:-1] == [None] * 68
    # Two containers were one line each when they were known, and are one together now.
    assert line["approximate"] is True


@pytest.mark.parametrize("fold", ["min", "max"])
def test_extremes_of_a_service_are_those_of_its_containers(past: World, fold: str) -> None:
    query = f"metric=cpu.utilization&{FIRST_DAY}&step=1h&by=resource&over={fold}&agg={fold}"

    (line,) = past.query(query)["series"]

    assert line["values"] == [{"min": 0.25, "max": 0.75}[fold]] * 24
    assert "approximate" not in line


def test_a_service_is_a_line_of_its_own_where_containers_are_asked_for(past: World) -> None:
    answer = past.query(f"metric=cpu.utilization&{BOTH_DAYS}&step=1d")

    found = {one["attributes"]["instance"]: one["values"] for one in answer["series"]}
    assert (found["-"][0], found["-"][-1]) == (0.5, None)
    assert (found["api-9"][0], found["api-9"][-1]) == (None, 0.5)


def test_a_filter_that_only_containers_fit_leaves_the_service_out(past: World) -> None:
    answer = past.query(f"metric=cpu.utilization&{FIRST_DAY}&step=1h&where=container:api*")

    assert answer["series"] == []


def test_percentiles_of_what_only_rollups_tell_are_approximate(past: World) -> None:
    answer = past.query(f"metric=cpu.utilization&{FIRST_DAY}&step=1h&over=p90")

    (line,) = answer["series"]
    assert (line["values"], line["approximate"]) == ([0.5] * 24, True)


def test_steps_finer_than_rollups_repeat_them_where_there_is_nothing_finer(past: World) -> None:
    minutes = "start=2026-11-22T00:00:00Z&end=2026-11-22T01:00:00Z&step=1m"

    (average,) = past.query(f"metric=cpu.utilization&{minutes}")["series"]
    (greatest,) = past.query(f"metric=cpu.utilization&{minutes}&over=max")["series"]
    (number,) = past.query(f"metric=cpu.utilization&{minutes}&over=count")["series"]

    assert (average["values"], average.get("approximate")) == ([0.5] * 60, None)
    assert (greatest["values"], greatest["approximate"]) == ([0.75] * 60, True)
    assert number["values"] == [2.0, None, None, None, None] * 12


def test_a_corrupt_rollup_is_left_out_with_a_warning(busy: World) -> None:
    key = Key(VPS, "D#2026-11-01T00:00Z")
    stored = busy.table.get(key)
    assert stored is not None
    busy.table.put(replace(stored, data=b"\xff", digest=b"other"), stored.digest)

    answer = busy.query(f"metric=cpu.utilization&{RANGE}&step=1d&where=provider:hostup")

    assert answer["warnings"] == [f"{VPS}: some stored samples can't be read and are left out."]
