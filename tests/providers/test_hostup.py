"""HostUp's adapter: discovery page by page, the choice of windows, resolutions, and its README."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from functions.hostup_collector.normalise import METRICS, UnitFactors, resolutions_ms
from functions.hostup_collector.provider import DIALECT, Hostup, seconds_until_reset
from tests.providers.loopback import Asked, Clock, Loopback, Recorded, in_turn, loopback
from tributary.client import Client
from tributary.errors import (
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    SettingsError,
    UpstreamError,
)
from tributary.metrics import CATALOGUE
from tributary.provider import Progress, Resource
from tributary.windows import DAY_MS, HOUR_MS, Window, parse_rfc3339

WEB = Resource("hostup/main/vps_01hxa3b4c5d6e7f8g9h0j1k2m3", {}, {})
END = parse_rfc3339("2026-11-22T10:20:00Z")
MINUTE = 60_000


@contextmanager
def hostup(answer: Callable[[Asked], Recorded]) -> Iterator[tuple[Hostup, Loopback]]:
    clock = Clock()
    with loopback(answer) as server:
        client = Client(server.url, "hu-test-key", DIALECT, clock=clock, sleep=clock.sleep)
        yield Hostup(client, "main"), server


def test_discover_reads_every_page() -> None:
    first = Recorded.of({"data": [{"id": "vps_1"}], "hasMore": True, "nextCursor": "C+/=2"})
    last = Recorded.of({"data": [{"id": "vps_2"}], "hasMore": False, "nextCursor": None})
    with hostup(in_turn(first, last)) as (provider, server):
        found = [resource.id for resource in provider.discover()]
    assert found == ["hostup/main/vps_1", "hostup/main/vps_2"]
    assert [(asked.path, asked.query) for asked in server.asked] == [
        ("/api/v2/vps", [("limit", "100")]),
        ("/api/v2/vps", [("limit", "100"), ("cursor", "C+/=2")]),
    ]


@pytest.mark.parametrize(
    "end",
    [
        {},
        {"nextCursor": None},
        {"nextCursor": ""},
        {"hasMore": True},
        {"hasMore": False, "nextCursor": "more"},
    ],
)
def test_pages_end_without_a_cursor_or_without_more(end: dict[str, object]) -> None:
    with hostup(in_turn(Recorded.of({"data": [{"id": "vps_1"}], **end}))) as (provider, server):
        assert len(list(provider.discover())) == 1
    assert len(server.asked) == 1


def test_repeated_cursor_is_an_error_instead_of_an_endless_list() -> None:
    page = Recorded.of({"data": [], "hasMore": True, "nextCursor": "same"})
    with (
        hostup(in_turn(page)) as (provider, _),
        pytest.raises(MalformedAnswerError, match="hostup repeats a cursor"),
    ):
        list(provider.discover())


def test_discover_gives_the_models_attributes_and_the_payload_untouched() -> None:
    item = {
        "id": "vps_01hxa3b4c5d6e7f8g9h0j1k2m3",
        "name": "web-1",
        "primaryIp": "192.0.2.10",
        "serviceStatus": "active",
        "powerState": "running",
        "resources": {"cpuCores": 2, "memoryGb": 4, "storageGb": 50},
        "productName": "VPS M",
        "region": {"name": "Stockholm"},
        "tags": ["web", {"name": "blue"}],
    }
    with hostup(in_turn(Recorded.of({"data": [item]}))) as (provider, _):
        (resource,) = provider.discover()
    assert resource.attributes == {
        "provider": "hostup",
        "account": "main",
        "kind": "vps",
        "resource": "hostup/main/vps_01hxa3b4c5d6e7f8g9h0j1k2m3",
        "name": "web-1",
        "plan": "VPS M",
        "region": "Stockholm",
        "tag.web": "true",
        "tag.blue": "true",
    }
    assert resource.payload == item
    assert resource.idle is False


@pytest.mark.parametrize(
    ("item", "idle"),
    [
        ({"powerState": "stopped", "serviceStatus": "active"}, True),
        ({"powerState": None, "serviceStatus": "suspended"}, True),
        ({"powerState": None}, False),
        ({}, False),
    ],
)
def test_stopped_or_suspended_vps_is_idle(item: dict[str, object], idle: bool) -> None:
    with hostup(in_turn(Recorded.of({"data": [{"id": "vps_1", **item}]}))) as (provider, _):
        assert [resource.idle for resource in provider.discover()] == [idle]


def test_item_without_an_id_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    page = Recorded.of({"data": [{"name": "x"}, {"id": "vps_1"}]})
    with hostup(in_turn(page)) as (provider, _):
        assert [resource.id for resource in provider.discover()] == ["hostup/main/vps_1"]
    assert caplog.messages == ["an item of GET /api/v2/vps left out: it has no id"]


def test_list_of_another_shape_is_malformed() -> None:
    with (
        hostup(in_turn(Recorded.of({"data": {}}))) as (provider, _),
        pytest.raises(MalformedAnswerError, match="without a list in data"),
    ):
        list(provider.discover())


def test_describe_asks_nothing() -> None:
    with hostup(in_turn(Recorded(500))) as (provider, server):
        assert provider.describe(WEB) == {}
    assert server.asked == []


def timeframes(progress: Progress | None) -> list[tuple[str, Window]]:
    with hostup(in_turn(Recorded())) as (provider, _):
        requests = list(provider.plan(WEB, progress, END))
    assert {request.path for request in requests} == {
        "/api/v2/vps/vps_01hxa3b4c5d6e7f8g9h0j1k2m3/metrics"
    }
    return [(dict(request.parameters)["timeframe"], request.window) for request in requests]


def test_plan_of_a_new_vps_is_the_day_once_and_then_the_hour() -> None:
    assert timeframes(None) == [
        ("day", Window(END - DAY_MS, END)),
        ("hour", Window(END - HOUR_MS, END)),
    ]


def test_plan_is_the_hour_while_it_reaches_back_far_enough() -> None:
    assert timeframes(Progress(END - 5 * MINUTE, MINUTE)) == [
        ("hour", Window(END - HOUR_MS, END)),
    ]


@pytest.mark.parametrize(
    ("minutes", "resolution_ms", "planned"),
    [
        (47, MINUTE, ["hour"]),
        (48, MINUTE, ["day", "hour"]),
        (5, 30 * MINUTE, ["day", "hour"]),
        (10_000, MINUTE, ["day", "hour"]),
    ],
)
def test_plan_takes_the_day_too_once_the_hour_is_too_short(
    minutes: int, resolution_ms: int, planned: list[str]
) -> None:
    progress = Progress(END - minutes * MINUTE, resolution_ms)
    assert [timeframe for timeframe, _ in timeframes(progress)] == planned


def test_plan_of_a_stopped_vps_is_one_request() -> None:
    with hostup(in_turn(Recorded())) as (provider, _):
        stopped = replace(WEB, idle=True)
        hours_ago = Progress(END - 300 * MINUTE, MINUTE)
        planned = [dict(each.parameters) for each in provider.plan(stopped, hours_ago, END)]
    assert planned == [{"timeframe": "hour"}]


def test_fetch_asks_for_the_timeframe() -> None:
    with hostup(in_turn(Recorded.of({"samples": []}))) as (provider, server):
        (request,) = provider.plan(WEB, Progress(END, MINUTE), END)
        assert provider.fetch(request) == {"samples": []}
    assert server.asked[0].path == "/api/v2/vps/vps_01hxa3b4c5d6e7f8g9h0j1k2m3/metrics"
    assert server.asked[0].query == [("timeframe", "hour")]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (409, "vps_not_ready", UpstreamError),
        (409, "upstream_failed", UpstreamError),
        (403, "forbidden", ForbiddenError),
        (404, "vps_not_found", GoneError),
        (502, "external_provider_failed", UpstreamError),
    ],
)
def test_problem_documents_are_decided_on_code_and_status(
    status: int, code: str, error: type[Exception]
) -> None:
    problem = {"code": code, "status": status, "title": "Whatever", "instance": "/api/v2/resource"}
    with (
        hostup(in_turn(Recorded.of(problem, status))) as (provider, _),
        pytest.raises(error, match=f"answered {status} {code}"),
    ):
        list(provider.discover())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2026-11-22T10:00:30.000Z", 30.0),
        ("2026-11-22T09:00:00.000Z", 0.0),
        ("30", None),
        ("soon", None),
    ],
)
def test_reset_header_is_an_iso_time(header: str, seconds: float | None) -> None:
    assert seconds_until_reset(header, 1795341600.0) == seconds


@pytest.mark.parametrize(
    ("seconds", "resolutions"),
    [
        ([], []),
        ([0], [60]),
        ([0, 30], [30, 30]),
        ([0, 60, 120], [60, 60, 60]),
        ([0, 1800, 3600], [1800, 1800, 1800]),
        # Two samples with a hole between them, or without: they can't tell.
        ([0, 3000], [60, 60]),
        # A hole in samples a minute apart, and samples alone between two holes.
        ([0, 60, 120, 180, 900, 960, 1020, 1080], [60] * 8),
        ([0, 60, 120, 180, 900, 1800, 1860, 1920, 1980], [60] * 9),
        # One missing here and there.
        ([0, 60, 120, 180, 300, 360, 480, 540, 600], [60] * 9),
        # Half hours from an old file, then minutes, with and without a seam on the grid.
        (
            [0, 1800, 3600, 5400, 5820, 5880, 5940, 6000],
            [1800, 1800, 1800, 1800, 60, 60, 60, 60],
        ),
        ([0, 1800, 3600, 5400, 5460, 5520, 5580], [1800, 1800, 1800, 60, 60, 60, 60]),
        # Milliseconds off the grid.
        ([0.31, 60.12, 119.98, 180.4], [60] * 4),
    ],
)
def test_resolutions_follow_the_spacing_and_no_hole(
    seconds: list[float], resolutions: list[int]
) -> None:
    times = [round(second * 1000) for second in seconds]
    assert resolutions_ms(times) == [resolution * 1000 for resolution in resolutions]


def test_unit_factors_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTUP_KB_BYTES", "1024")
    monkeypatch.setenv("HOSTUP_MB_BYTES", "1048576")
    monkeypatch.delenv("HOSTUP_GB_BYTES", raising=False)
    assert UnitFactors.from_env() == UnitFactors(1024, 1_048_576, 1_000_000_000)


def test_unit_factor_that_is_no_positive_number_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOSTUP_GB_BYTES", "lots")
    with pytest.raises(SettingsError, match="HOSTUP_GB_BYTES is 'lots'"):
        UnitFactors.from_env()


def test_readme_table_is_the_codes_table() -> None:
    formulas = {
        (1.0, 100.0): "÷ 100",
        (1_000_000.0, 1.0): "× 1000000",
        (1000.0, 1.0): "× 1000",
    }
    ratios = UnitFactors().ratios()
    expected = [
        f"| {field} | {unit} | {name} | {CATALOGUE[name].unit} | {formulas[ratios[unit]]} |"
        for field, (name, unit) in METRICS.items()
    ]
    readme = Path("functions/hostup_collector/README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.split(" | ")[0][2:] in METRICS] == expected
