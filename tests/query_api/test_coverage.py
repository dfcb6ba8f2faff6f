"""`/v1/coverage`: what is missing of each resource, and why, and nothing else."""

from typing import Any

import pytest

from tests.query_api.conftest import API, TEN, VPS, World, instance
from tributary.coverage import NOTHING, OPEN

HOST_FORGOT = "The host was asked for this after it had given up its finer samples."
HOST_HAS_NONE = "The host was asked for this and had no samples of it."
NOT_ASKED = (
    "The host has not been asked for this yet: collecting was interrupted, or the request budget "
    "is used up."
)
SILENT = "The host was asked for this and had no samples yet; they may still come."


def coverage(world: World, query: str = "where=kind:vps") -> Any:
    found = world.get("/v1/coverage", query)
    assert found.status == 200, found.text
    return found.json


def gaps(world: World, query: str = "where=kind:vps") -> list[tuple[str, str, str, str]]:
    """Start and end without the day, state and reason of the only resource's gaps."""
    [found] = coverage(world, query)["resources"]
    return [
        (one["start"][11:], one["end"][11:], one["state"], one["reason"]) for one in found["gaps"]
    ]


def test_gaps_are_listed_with_what_became_of_them(world: World) -> None:
    world.collected(
        VPS, 780, 60, gaps=[(-7200, -3600, 300_000), (-3600, -3300, NOTHING), (0, 90, OPEN)]
    )

    assert coverage(world) == {
        "start": "2026-11-21T10:15:00Z",
        "end": "2026-11-22T10:15:00Z",
        "resources": [
            {
                "id": VPS,
                "attributes": {
                    "provider": "hostup", "account": "main", "name": "vps_01", "kind": "vps",
                },
                "since": "2026-11-21T10:00:00Z",
                "until": "2026-11-22T10:14:00Z",
                "settledUntil": "2026-11-22T10:00:00Z",
                "gaps": [
                    {
                        "start": "2026-11-22T08:00:00Z", "end": "2026-11-22T09:00:00Z",
                        "state": "repaired", "resolution": 300,
                        "reason": "host_forgot", "detail": HOST_FORGOT,
                    },
                    {
                        "start": "2026-11-22T09:00:00Z", "end": "2026-11-22T09:05:00Z",
                        "state": "unrecoverable", "resolution": None,
                        "reason": "host_has_none", "detail": HOST_HAS_NONE,
                    },
                    {
                        "start": "2026-11-22T10:00:00Z", "end": "2026-11-22T10:01:30Z",
                        "state": "open", "resolution": None,
                        "reason": "not_asked", "detail": NOT_ASKED,
                    },
                ],
            }
        ],
        "nextCursor": None,
        "total": 1,
        "totals": {"open": 90, "repaired": 3600, "unrecoverable": 300},
    }  # fmt: skip


def test_gaps_are_cut_to_the_range(world: World) -> None:
    world.collected(VPS, 780, 60, gaps=[(-7200, -3600, 300_000), (-3600, -3300, NOTHING)])

    answer = coverage(world, f"where=kind:vps&start={TEN - 4000}&end={TEN - 3600}")

    assert [(one["start"], one["end"]) for one in answer["resources"][0]["gaps"]] == [
        ("2026-11-22T08:53:20Z", "2026-11-22T09:00:00Z")
    ]
    assert answer["totals"] == {"open": 0, "repaired": 400, "unrecoverable": 0}


@pytest.mark.parametrize(
    ("attempts", "detail"),
    [
        (1, "Asking failed (rate_limited) at 2026-11-22T10:15:00Z; it is tried again."),
        (
            4,
            "Asking failed 4 times in succession (rate_limited), the last time at "
            "2026-11-22T10:15:00Z; it is tried again.",
        ),
    ],
)
def test_what_is_open_of_a_failing_resource_is_so_because_it_fails(
    world: World, attempts: int, detail: str
) -> None:
    world.collected(
        VPS, 780, 60, "rate_limited", attempts=attempts, gaps=[(0, 60, OPEN), (120, 180, NOTHING)]
    )

    [found] = coverage(world)["resources"]

    assert [(one["reason"], one["detail"]) for one in found["gaps"]] == [
        ("rate_limited", detail),
        ("host_has_none", HOST_HAS_NONE),
    ]


# Collected every five minutes, with a minute's delay and samples: 15 minutes are not late.
LATE = 15 * 60


def test_what_is_not_yet_due_is_no_gap(world: World) -> None:
    world.now = TEN + 840 + LATE

    assert gaps(world) == []


def test_what_should_have_been_collected_by_now_is_an_open_gap(world: World) -> None:
    world.now = TEN + 840 + LATE + 120

    assert gaps(world) == [("10:14:00Z", "10:16:00Z", "open", "not_asked")]
    assert gaps(world, f"where=kind:vps&end={TEN + 900}") == [
        ("10:14:00Z", "10:15:00Z", "open", "not_asked")
    ]

    world.collected(VPS, 780, 60, "upstream")
    assert gaps(world) == [("10:14:00Z", "10:16:00Z", "open", "upstream")]


def test_how_often_an_account_is_collected_says_what_is_due(world: World) -> None:
    world.now = TEN + 840 + LATE + 120

    world.collected(VPS, 780, 60, every=3600)

    assert gaps(world) == []


@pytest.mark.parametrize(
    ("idle", "gone", "known"),
    [(True, None, ("open", "not_asked")), (False, 840, ("unrecoverable", "gone"))],
)
def test_of_what_is_stopped_or_gone_nothing_more_is_due(
    world: World, idle: bool, gone: int | None, known: tuple[str, str]
) -> None:
    world.now = TEN + 86_400
    world.resource(VPS, {"-": instance({"cpu.utilization": 60})}, {"kind": "vps"}, gone=gone)
    world.collected(VPS, 780, 60, idle=idle, gaps=[(0, 60, OPEN)])

    assert gaps(world, f"where=kind:vps&start={TEN - 60}") == [("10:00:00Z", "10:01:00Z", *known)]


def test_a_host_that_was_asked_and_has_no_samples_yet_is_said_to_be_silent(world: World) -> None:
    world.now = TEN + 3600
    # Asked until 10:40, due until 10:45.
    world.collected(VPS, 780, 60, asked=2400)

    [found] = coverage(world)["resources"]

    assert gaps(world) == [
        ("10:14:00Z", "10:40:00Z", "open", "silent"),
        ("10:40:00Z", "10:45:00Z", "open", "not_asked"),
    ]
    assert found["gaps"][0]["detail"] == SILENT


def test_of_a_resource_that_never_had_samples_none_are_missed_while_it_is_asked(
    world: World,
) -> None:
    world.now = TEN + 3600
    world.collected(VPS, None, 0, asked=2400)

    assert gaps(world) == [("10:40:00Z", "10:45:00Z", "open", "not_asked")]


def test_of_a_resource_that_never_was_answered_for_nothing_is_known(world: World) -> None:
    world.collected(VPS, None, 0, "credentials_refused", asked=None)
    world.resource("hostup/main/vps_02", {}, {"kind": "vps"})

    first, second = coverage(world)["resources"]

    nothing: dict[str, Any] = {"since": None, "until": None, "settledUntil": None, "gaps": []}
    assert {name: first[name] for name in nothing} == nothing
    assert {name: second[name] for name in nothing} == nothing


def test_totals_are_of_all_that_match_whatever_is_on_the_page(world: World) -> None:
    world.collected(VPS, 780, 60, gaps=[(0, 60, OPEN), (120, 150, 60_000)])
    world.collected(API, 830, 10, gaps=[(0, 30, OPEN)])

    first = coverage(world, "limit=1")
    second = coverage(world, f"limit=1&cursor={first['nextCursor']}")

    assert [one["id"] for one in first["resources"] + second["resources"]] == [VPS, API]
    assert first["totals"] == second["totals"] == {"open": 90, "repaired": 30, "unrecoverable": 0}
    assert (first["total"], second["nextCursor"]) == (2, None)


def test_what_is_missing_takes_no_more_reading_than_to_list_resources(world: World) -> None:
    def units(path: str) -> float:
        before = world.table.consumed
        assert world.get(path).status == 200
        return (world.table.consumed - before).read_units

    assert units("/v1/coverage") == units("/v1/resources")
