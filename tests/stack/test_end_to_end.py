"""The whole way, number for number: what the API answers is what the simulators say they served."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conversions import HOSTUP, NORTHFLANK
from tests.stack.collected import CollectedStack, Served, collected_stack, rfc3339

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

API = "shop/services/api"
STOREFRONT = "shop/services/storefront"
SEARCH = "shop/services/search"
WORKER = "lab/services/worker"

# Totals of a service, under whatever container they come: one line without an instance.
TOTALS = {"requests", "http4xxResponses", "http5xxResponses", "bandwidth", "bandwidthVolume"}

type Line = Mapping[int, float]


def ask(stack: CollectedStack, *parameters: tuple[str, str]) -> dict[str, Any]:
    """The answer to a query."""
    answer: dict[str, Any] = stack.json(f"/v1/query?{urlencode(parameters)}")
    return answer


def lines(answer: dict[str, Any], name: str) -> dict[str, Line]:
    """The lines of an answer by an attribute: the values that are there, by time in seconds."""
    found: dict[str, Line] = {
        series["attributes"].get(name, "-"): {
            ts: value
            for ts, value in zip(answer["timestamps"], series["values"], strict=True)
            if value is not None
        }
        for series in answer["series"]
    }
    assert len(found) == len(answer["series"])
    return found


def window(series: Served, start_ms: int, end_ms: int, step_ms: int) -> dict[int, float]:
    """What was served of a series in a window, by step in seconds: at most one sample in each."""
    samples = [(ts, value) for ts, value in series.samples.items() if start_ms <= ts < end_ms]
    found = {ts // step_ms * step_ms // 1000: value for ts, value in samples}
    assert len(found) == len(samples)
    return found


def compare(
    stack: CollectedStack,
    resource: str,
    served: Mapping[str, Mapping[int, float]],
    conversion: tuple[str, float, float],
    span: tuple[int, int, int],
) -> int:
    """Asks for one metric of one resource and compares every value; returns how many there are."""
    metric, factor, precision = conversion
    start_ms, end_ms, step_ms = span
    answer = ask(
        stack,
        ("metric", metric),
        ("where", f"resource:{resource}"),
        ("start", rfc3339(start_ms)),
        ("end", rfc3339(end_ms)),
        ("step", str(step_ms // 1000)),
    )
    answered = lines(answer, "instance")
    assert answered.keys() == served.keys()
    for instance, line in answered.items():
        expected = {ts: value * factor for ts, value in served[instance].items()}
        assert line.keys() == expected.keys()
        wrong = {
            ts: (value, expected[ts])
            for ts, value in line.items()
            if abs(value - expected[ts]) > precision / 2 * (1 + 1e-9)
        }
        assert wrong == {}
    return sum(map(len, answered.values()))


@pytest.mark.parametrize("native", [API, STOREFRONT, SEARCH, WORKER])
def test_every_northflank_sample_is_answered_at_its_time(
    stack: CollectedStack, native: str
) -> None:
    end_ms = stack.settled_ms // 10_000 * 10_000
    span = (end_ms - 23 * HOUR_MS, end_ms, 10_000)
    served: defaultdict[tuple[str, str], dict[str, Line]] = defaultdict(dict)
    for series in stack.served("northflank"):
        if series.resource == native and (line := window(series, *span)):
            instance = "-" if series.metric in TOTALS else series.instance
            served[series.metric, series.unit][instance] = line

    compared = {
        pair: compare(stack, f"northflank/demo/{native}", by_instance, NORTHFLANK[pair], span)
        for pair, by_instance in served.items()
    }

    assert compared
    # a sample every ten seconds, but for the few that the measuring machine may have missed
    assert all(count > 23 * 360 * 0.95 for count in compared.values())


def test_the_units_that_were_compared_are_those_the_issue_names(stack: CollectedStack) -> None:
    served = {(series.metric, series.unit) for series in stack.served("northflank")}

    assert served == set(NORTHFLANK)
    assert {(each.metric, each.unit) for each in stack.served("hostup")} == set(HOSTUP)


def test_every_hostup_minute_of_the_last_hour_is_answered_at_its_time(
    stack: CollectedStack,
) -> None:
    end_ms = stack.settled_ms // MINUTE_MS * MINUTE_MS
    compare_hostup(stack, (end_ms - 50 * MINUTE_MS, end_ms, MINUTE_MS), vpses=3)


def test_every_hostup_half_hour_before_is_answered_at_its_time(stack: CollectedStack) -> None:
    end_ms = (stack.settled_ms - 2 * HOUR_MS) // (HOUR_MS // 2) * (HOUR_MS // 2)
    compare_hostup(stack, (end_ms - 20 * HOUR_MS, end_ms, HOUR_MS // 2), vpses=4)


def compare_hostup(stack: CollectedStack, span: tuple[int, int, int], vpses: int) -> None:
    """Compares every metric of every VPS that has samples of the step's resolution, up to the last.

    A VPS that was stopped may have a coarser one after it, in which it ran for most of the time.
    """
    start_ms, _, step_ms = span
    compared = [
        compare(
            stack,
            f"hostup/demo/{series.resource}",
            {"-": line},
            HOSTUP[series.metric, series.unit],
            (start_ms, max(line) * 1000 + step_ms, step_ms),
        )
        for series in stack.served("hostup")
        if series.resolution_seconds * 1000 == span[2] and (line := window(series, *span))
    ]

    assert len(compared) == vpses * len(HOSTUP)


def test_one_call_draws_one_line_per_provider(stack: CollectedStack) -> None:
    """Each step's value is the mean over instances of each one's mean in that step."""
    end_ms = stack.settled_ms // MINUTE_MS * MINUTE_MS
    start_ms = end_ms - 45 * MINUTE_MS

    answer = ask(
        stack,
        ("metric", "cpu.utilization"),
        ("by", "provider"),
        ("start", rfc3339(start_ms)),
        ("end", rfc3339(end_ms)),
        ("step", "60"),
    )

    drawn = lines(answer, "provider")
    assert set(drawn) == {"hostup", "northflank"}
    for provider, pair, resolution in (
        ("northflank", ("cpu", "pct"), 10),
        ("hostup", ("cpuUsagePercent", "percent"), 60),
    ):
        expected = means(stack.served(provider), pair, resolution, (start_ms, end_ms))
        assert drawn[provider].keys() == expected.keys()
        assert len(expected) > 40
        for ts, value in drawn[provider].items():
            assert value == pytest.approx(expected[ts], abs=0.5e-5)
    assert answer["warnings"] == []


def means(
    served: list[Served], pair: tuple[str, str], resolution: int, span: tuple[int, int]
) -> dict[int, float]:
    """The mean, by minute in Unix seconds, of the means of the series in it, as shares of one."""
    by_minute: defaultdict[int, list[float]] = defaultdict(list)
    for series in served:
        if (series.metric, series.unit) != pair or series.resolution_seconds != resolution:
            continue
        minutes: defaultdict[int, list[float]] = defaultdict(list)
        for ts, value in series.samples.items():
            if span[0] <= ts < span[1]:
                minutes[ts // MINUTE_MS * 60].append(value / 100)
        for minute, values in minutes.items():
            by_minute[minute].append(fmean(values))
    return {minute: fmean(values) for minute, values in by_minute.items()}


def test_a_stopped_vps_and_a_paused_service_are_not_failing(stack: CollectedStack) -> None:
    resources = {each["id"]: each for each in stack.json("/v1/resources")["resources"]}
    stopped = next(one for one in resources.values() if one["attributes"]["name"] == "staging")
    paused = resources["northflank/demo/lab/services/preview"]

    assert (stopped["idle"], stopped["failing"]) == (True, False)
    assert (paused["newestSample"], paused["failing"]) == (None, False)
    status = ask(stack, ("metric", "cpu.utilization"), ("start", "-1h"))["status"]
    # What stopped five hours ago has no series in the last one.
    assert status["hostup"]["resourcesMatched"] == 3
    assert [one["resourcesFailing"] for one in status.values()] == [0, 0]


def test_nothing_is_open_of_what_was_just_collected(stack: CollectedStack) -> None:
    answer = stack.json("/v1/coverage?start=-30m")
    idle = {one["id"]: one["idle"] for one in stack.json("/v1/resources")["resources"]}

    assert answer["totals"]["open"] == 0
    assert {one["id"] for one in answer["resources"]} == set(idle)
    assert all(one["until"] for one in answer["resources"] if not idle[one["id"]])


def test_collections_say_what_they_did(stack: CollectedStack) -> None:
    by_provider = {run.answer["provider"]: run.answer for run in stack.runs}

    assert by_provider["northflank"]["resources"] == 8
    assert by_provider["hostup"]["resources"] == 4
    # a resolution at most: the paused service and the stopped VPS are not behind
    assert all(run.answer["secondsBehind"] <= 60 for run in stack.runs)


def test_without_the_emulator_the_same_functions_answer_the_same() -> None:
    with collected_stack("process", collections=1) as stack:
        end_ms = stack.settled_ms // 10_000 * 10_000
        span = (end_ms - HOUR_MS, end_ms, 10_000)
        served = {
            series.instance: line
            for series in stack.served("northflank")
            if (series.resource, series.metric) == (API, "cpu") and (line := window(series, *span))
        }
        resource = f"northflank/demo/{API}"

        assert compare(stack, resource, served, NORTHFLANK["cpu", "pct"], span) > 600
        answer = ask(stack, ("metric", "cpu.utilization"), ("by", "provider"), ("start", "-1h"))
        assert set(lines(answer, "provider")) == {"hostup", "northflank"}
