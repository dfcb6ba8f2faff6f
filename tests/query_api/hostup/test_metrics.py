"""HostUp-shaped metrics: every timeframe and alias, the summary, and ranges beyond them."""

from typing import Any

import pytest

from tests.query_api.conftest import World
from tests.query_api.hostup.conftest import ADAPTER, FIELDS, VPS_ID, listed, problem, sample, vps
from tests.query_api.serving import at, golden, store

METRICS = f"/api/v2/vps/{VPS_ID}/metrics"
NOTHING = {
    "avgDiskReadMbPerSecond": None,
    "avgDiskWriteMbPerSecond": None,
    "peakDiskReadMbPerSecond": None,
    "peakDiskWriteMbPerSecond": None,
    "totalDiskReadGb": None,
    "totalDiskWriteGb": None,
    "totalNetworkInboundGb": None,
    "totalNetworkOutboundGb": None,
    "avgNetworkInboundKbPerSecond": None,
    "avgNetworkOutboundKbPerSecond": None,
    "peakNetworkInboundKbPerSecond": None,
    "peakNetworkOutboundKbPerSecond": None,
}


def answer(*samples: dict[str, Any], timeframe: str = "hour") -> dict[str, Any]:
    return {"id": VPS_ID, "timeframe": timeframe, "samples": list(samples)}


def times(world: World, query: str = "") -> list[str]:
    found = world.get(METRICS, query)
    assert found.status == 200, found.text
    return [one["recordedAt"] for one in found.json["samples"]]


@pytest.fixture
def measured(empty: World) -> World:
    """A VPS at 10:15 with a minute now, of this day, of this week, of this month, of this year."""
    minutes = [f"10:{minute:02}" for minute in range(10, 15)]
    store(
        empty,
        ADAPTER,
        vps(),
        [
            answer(*(sample(f"2026-11-22T{time}:00.000Z") for time in minutes)),
            answer(*(sample(f"2026-11-22T03:{time[3:]}:00.000Z") for time in minutes)),
            answer(*(sample(f"2026-11-18T03:{time[3:]}:00.000Z") for time in minutes)),
            answer(*(sample(f"2026-11-01T03:{time[3:]}:00.000Z") for time in minutes)),
            answer(
                sample("2026-02-05T00:00:00.000Z"),
                sample("2026-02-05T06:00:00.000Z"),
                sample("2026-02-05T12:00:00.000Z"),
                timeframe="year",
            ),
        ],
    )
    return empty


def test_the_printed_example_comes_back_as_printed_with_a_summary_of_it(empty: World) -> None:
    printed = golden("hostup", "the-contracts-printed-example-does-not-fit-its-own-summary")
    at(empty, "2026-04-27T12:30:00Z")
    store(empty, ADAPTER, vps(), [printed])

    found = empty.get(METRICS)

    assert found.status == 200
    assert found.json == {
        "id": printed["id"],
        "timeframe": "hour",
        "samples": printed["samples"],
        "summary": {
            "avgDiskReadMbPerSecond": 1.05,
            "avgDiskWriteMbPerSecond": 0.52,
            "peakDiskReadMbPerSecond": 1.05,
            "peakDiskWriteMbPerSecond": 0.52,
            "totalDiskReadGb": 0.063,
            "totalDiskWriteGb": 0.0312,
            "totalNetworkInboundGb": 0.12288,
            "totalNetworkOutboundGb": 0.24576,
            "avgNetworkInboundKbPerSecond": 2048,
            "avgNetworkOutboundKbPerSecond": 4096,
            "peakNetworkInboundKbPerSecond": 2048,
            "peakNetworkOutboundKbPerSecond": 4096,
        },
    }
    assert '"networkInboundKbPerSecond":2048,' in found.text


def test_samples_have_their_six_fields_in_order(measured: World) -> None:
    [newest] = measured.get(METRICS).json["samples"][-1:]

    assert list(newest) == ["recordedAt", *FIELDS]


def test_an_hour_is_the_minutes_of_the_last_hour(measured: World) -> None:
    minutes = [f"2026-11-22T10:{minute}:00.000Z" for minute in range(10, 15)]

    assert times(measured) == minutes
    assert times(measured, "timeframe=hour") == minutes


@pytest.mark.parametrize(
    ("asked", "named", "oldest"),
    [
        ("hour", "hour", "2026-11-22T10:10:00.000Z"),
        ("1h", "hour", "2026-11-22T10:10:00.000Z"),
        ("day", "day", "2026-11-22T03:10:00.000Z"),
        ("24h", "day", "2026-11-22T03:10:00.000Z"),
        ("1d", "day", "2026-11-22T03:10:00.000Z"),
        ("week", "week", "2026-11-18T03:00:00.000Z"),
        ("7d", "week", "2026-11-18T03:00:00.000Z"),
        ("month", "month", "2026-11-01T03:00:00.000Z"),
        ("30d", "month", "2026-11-01T03:00:00.000Z"),
        ("year", "year", "2026-02-05T00:00:00.000Z"),
        ("1y", "year", "2026-02-05T00:00:00.000Z"),
    ],
)
def test_timeframes_and_their_aliases_are_answered_by_name(
    measured: World, asked: str, named: str, oldest: str
) -> None:
    found = measured.get(METRICS, f"timeframe={asked}").json

    assert found["timeframe"] == named
    assert found["samples"][0] == sample(oldest)


def test_a_week_is_averages_of_half_an_hour(empty: World) -> None:
    minutes = [
        sample(f"2026-11-20T03:{minute}:00.000Z", minute, 50, 0, 0, 100, 200)
        for minute in range(10, 15)
    ]
    store(empty, ADAPTER, vps(), [answer(*minutes)])

    found = empty.get(METRICS, "timeframe=week").json

    assert found["samples"] == [sample("2026-11-20T03:00:00.000Z", 12, 50, 0, 0, 100, 200)]


def test_a_step_counts_no_longer_than_it_is_in_the_range(empty: World) -> None:
    minutes = [
        sample(f"2026-11-22T10:{minute:02}:00.000Z", 10, 50, 0, 0, 1000, 0) for minute in range(10)
    ]
    store(empty, ADAPTER, vps(), [answer(*minutes)])

    found = empty.get(METRICS, "start=2026-11-22T10:00:00Z&end=2026-11-22T10:10:00Z&step=1h").json

    # Ten minutes of 1,000 Kb a second, and not an hour of them.
    assert found["summary"]["totalNetworkInboundGb"] == 0.6


def test_the_summary_is_over_what_is_returned(empty: World) -> None:
    rows = [
        sample("2026-11-22T10:10:00.000Z", 10, 50, 1, 0.5, 1000, 0),
        sample("2026-11-22T10:11:00.000Z", 20, 50, 3, 0.5, 3000, 0),
        sample("2026-11-22T09:10:00.000Z", 90, 50, 9, 9, 9000, 9),
    ]
    store(empty, ADAPTER, vps(), [answer(*rows)])

    assert empty.get(METRICS).json["summary"] == {
        "avgDiskReadMbPerSecond": 2,
        "avgDiskWriteMbPerSecond": 0.5,
        "peakDiskReadMbPerSecond": 3,
        "peakDiskWriteMbPerSecond": 0.5,
        "totalDiskReadGb": 0.24,
        "totalDiskWriteGb": 0.06,
        "totalNetworkInboundGb": 0.24,
        "totalNetworkOutboundGb": 0,
        "avgNetworkInboundKbPerSecond": 2000,
        "avgNetworkOutboundKbPerSecond": 0,
        "peakNetworkInboundKbPerSecond": 3000,
        "peakNetworkOutboundKbPerSecond": 0,
    }


def test_a_vps_without_samples_has_an_empty_list_and_a_summary_of_nulls(empty: World) -> None:
    listed(empty, vps())

    for timeframe in ("hour", "year"):
        found = empty.get(METRICS, f"timeframe={timeframe}")
        assert found.json == {
            "id": VPS_ID,
            "timeframe": timeframe,
            "samples": [],
            "summary": NOTHING,
        }


def test_a_sample_that_lacks_a_field_is_left_out(empty: World) -> None:
    rows = [sample(f"2026-11-22T10:{minute}:00.000Z") for minute in (10, 11, 12)]
    rows[1]["diskReadMbPerSecond"] = None
    store(empty, ADAPTER, vps(), [answer(*rows)])

    assert times(empty) == ["2026-11-22T10:10:00.000Z", "2026-11-22T10:12:00.000Z"]


def test_half_hours_show_where_there_are_no_minutes(empty: World) -> None:
    minutes = [sample(f"2026-11-22T10:{minute:02}:00.000Z") for minute in range(5)]
    coarse = [sample(f"2026-11-22T{at}:00.000Z") for at in ("08:30", "09:00", "09:30", "10:00")]
    store(empty, ADAPTER, vps(), [answer(*coarse, timeframe="day"), answer(*minutes)])

    assert times(empty, "timeframe=day") == [
        *(f"2026-11-22T{at}:00.000Z" for at in ("08:30", "09:00", "09:30")),
        *(f"2026-11-22T10:{minute:02}:00.000Z" for minute in range(5)),
    ]


def test_a_range_is_what_hostup_has_not(measured: World) -> None:
    query = "start=2026-11-22T03:10:00Z&end=2026-11-22T03:12:00Z"
    found = measured.get(METRICS, query).json

    assert [one["recordedAt"] for one in found["samples"]] == [
        "2026-11-22T03:10:00.000Z",
        "2026-11-22T03:11:00.000Z",
    ]
    assert "timeframe" not in found
    assert times(measured, "start=-3m&end=-2m") == ["2026-11-22T10:12:00.000Z"]


def test_a_step_makes_averages(measured: World) -> None:
    query = "start=2026-11-22T03:00:00Z&end=2026-11-22T04:00:00Z&step=5m"

    assert times(measured, query) == ["2026-11-22T03:10:00.000Z"]
    assert times(measured, "step=5m") == ["2026-11-22T10:10:00.000Z"]


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ("timeframe=decade", "timeframe", "send one of hour, day, week, month, year, 1h"),
        ("timeframe=Hour", "timeframe", "send one of hour"),
        ("timeframe=", "timeframe", "send one of hour"),
        ("timeframe=hour&timeframe=day", "timeframe", "send it once"),
        ("timeframe=hour&start=-1h", "timeframe", "send timeframe, or start and end"),
        ("start=-1h&end=-2h", "start", "send a start before the end"),
        ("start=then", "start", "is no time"),
        ("step=0", "step", "is no length of time"),
        ("start=2020-01-01T00:00:00Z&step=1", "step", "or more"),
        ("interval=60", "interval", "There is no parameter 'interval'"),
    ],
)
def test_bad_parameters_are_hostups_400(
    measured: World, query: str, parameter: str, says: str
) -> None:
    told = problem(measured.get(METRICS, query), 400, "invalid_request", "Invalid request")

    assert [fault["pointer"] for fault in told["errors"]] == [f"/query/{parameter}"]
    assert says in told["detail"]
