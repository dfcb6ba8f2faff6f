"""HostUp's adapter: discovery page by page, the choice of windows, resolutions, and its README."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from functions.hostup_collector.normalise import METRICS, UnitFactors, resolutions_ms
from functions.hostup_collector.provider import Hostup, seconds_until_reset
from functions.hostup_collector.timeframe import TIMEFRAMES
from tests.providers.accounts import hostup
from tests.providers.loopback import Recorded, in_turn
from tributary.errors import (
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    SettingsError,
    UpstreamError,
)
from tributary.metrics import CATALOGUE
from tributary.provider import Details, Provider, Request, Resource
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, Window, parse_rfc3339

WEB = Resource(
    "hostup/main/vps_01hxa3b4c5d6e7f8g9h0j1k2m3", "vps_01hxa3b4c5d6e7f8g9h0j1k2m3", {}, {}
)
END = parse_rfc3339("2026-11-22T10:20:00Z")
NOW = END + 2 * MINUTE_MS
# Until when each timeframe is sure to reach back by the time that it is asked for: ten minutes, and
# a step of the coarsest known, less than its length.
REACHED = {
    "hour": NOW - 50 * MINUTE_MS,
    "day": NOW - (24 * 60 - 40) * MINUTE_MS,
    "week": NOW - (7 * 24 * 60 - 190) * MINUTE_MS,
    "month": NOW - (30 * 24 * 60 - 730) * MINUTE_MS,
    "year": NOW - (358 * 24 * 60 - 10) * MINUTE_MS,
}


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
    assert resource.native == "vps_01hxa3b4c5d6e7f8g9h0j1k2m3"
    assert resource.payload == item
    assert resource.idle is False


def test_no_id_holds_what_sets_later_lives_apart() -> None:
    with hostup(in_turn(Recorded.of({"data": [{"id": "vps~1/2"}]}))) as (provider, _):
        (resource,) = provider.discover()
    assert (resource.id, resource.native) == ("hostup/main/vps%7E1%2F2", "vps%7E1%2F2")


def test_renamed_vps_keeps_its_id() -> None:
    answers = [Recorded.of({"data": [{"id": "vps_1", "name": name}]}) for name in ("web", "shop")]
    with hostup(in_turn(*answers)) as (provider, _):
        before, after = [*provider.discover(), *provider.discover()]
    assert (before.id, before.native) == (after.id, after.native)
    assert after.attributes["name"] == "shop"


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
        assert provider.describe(WEB) == Details({}, None)
    assert server.asked == []


def planned(ask: Callable[[Hostup], Request | None]) -> tuple[str, Window] | None:
    """Timeframe and window of what is asked for next, while HostUp must not be asked."""
    with hostup(in_turn(Recorded(500))) as (provider, server):
        request = ask(provider)
        adapter: Provider = provider
        # HostUp takes no ranges, so that nothing less can be asked for.
        assert request is None or adapter.ranged(request, request.window) is None
    assert server.asked == []
    if request is None:
        return None
    assert request.path == "/api/v2/vps/vps_01hxa3b4c5d6e7f8g9h0j1k2m3/metrics"
    ((name, timeframe),) = request.parameters
    assert name == "timeframe"
    return timeframe, request.window


@pytest.mark.parametrize(
    ("wanted", "since"),
    [(8 * MINUTE_MS, 8 * MINUTE_MS), (HOUR_MS, 50 * MINUTE_MS), (9 * DAY_MS, 50 * MINUTE_MS)],
)
def test_current_is_the_hour_for_what_it_is_sure_to_reach(wanted: int, since: int) -> None:
    asked = planned(lambda provider: provider.current(WEB, Window(END - wanted, END)))
    assert asked == ("hour", Window(END - since, END))


def test_current_is_nothing_where_nothing_is_wanted() -> None:
    assert planned(lambda provider: provider.current(WEB, Window(END, END))) is None


@pytest.mark.parametrize(
    ("start", "end", "timeframe", "window"),
    [
        # What the hour reaches all of, and where it reaches the end alone.
        (30, 20, "hour", (NOW - 30 * MINUTE_MS, NOW - 20 * MINUTE_MS)),
        (300, 49, "hour", (REACHED["hour"], NOW - 49 * MINUTE_MS)),
        # Ten minutes are left for the asking.
        (55, 51, "day", (NOW - 55 * MINUTE_MS, NOW - 51 * MINUTE_MS)),
        (2 * 1440, 60, "day", (REACHED["day"], NOW - 60 * MINUTE_MS)),
        (9 * 1440, 1410, "week", (REACHED["week"], NOW - 1410 * MINUTE_MS)),
        (50 * 1440, 7 * 1440, "month", (REACHED["month"], NOW - 7 * DAY_MS)),
        (50 * 1440, 40 * 1440, "year", (NOW - 50 * DAY_MS, NOW - 40 * DAY_MS)),
        # What nothing reaches is asked for all the same, so that it is known to be lost.
        (400 * 1440, 40 * 1440, "year", (NOW - 400 * DAY_MS, NOW - 40 * DAY_MS)),
        (500 * 1440, 400 * 1440, "year", (NOW - 500 * DAY_MS, NOW - 400 * DAY_MS)),
    ],
)
def test_missing_is_the_gaps_newest_part_by_the_smallest_timeframe_that_reaches_it(
    start: int, end: int, timeframe: str, window: tuple[int, int]
) -> None:
    gap = Window(NOW - start * MINUTE_MS, NOW - end * MINUTE_MS)
    assert planned(lambda provider: provider.missing(WEB, gap, NOW)) == (timeframe, Window(*window))


def test_missing_closes_a_gap_of_more_than_a_year_in_five_requests() -> None:
    gap, asked = Window(NOW - 500 * DAY_MS, END), []
    while gap.length_ms:
        found = planned(partial(Hostup.missing, resource=WEB, gap=gap, now_ms=NOW))
        assert found is not None
        assert found[1].end_ms == gap.end_ms
        asked.append(found[0])
        gap = Window(gap.start_ms, found[1].start_ms)
    assert asked == ["hour", "day", "week", "month", "year"]


def test_older_goes_from_timeframe_to_timeframe_until_the_year() -> None:
    before_ms, asked = END - 50 * MINUTE_MS, []
    # Each some minutes after the one before, as runs are.
    for now_ms in range(NOW, NOW + 8 * 5 * MINUTE_MS, 5 * MINUTE_MS):
        found = planned(
            partial(Hostup.older, resource=WEB, before_ms=before_ms, empty_ms=0, now_ms=now_ms)
        )
        if found is None:
            break
        assert found[1].end_ms == before_ms
        before_ms = found[1].start_ms
        asked.append(found[0])
    assert asked == ["day", "week", "month", "year"]


@pytest.mark.parametrize(
    ("before_ms", "timeframe"),
    [
        (NOW - 5 * MINUTE_MS, "hour"),
        # Reaches further back, but by the time that it is answered not by much.
        (NOW - 45 * MINUTE_MS, "day"),
        (REACHED["day"] + HOUR_MS, "day"),
        # A first run days ago, of which the import was cut off.
        (REACHED["day"] - 3 * DAY_MS, "week"),
        (REACHED["week"] - 3 * DAY_MS, "month"),
        (REACHED["month"], "year"),
    ],
)
def test_older_is_the_smallest_timeframe_that_reaches_further(
    before_ms: int, timeframe: str
) -> None:
    # That what came before was empty says nothing: a VPS may have been stopped for long.
    asked = planned(lambda provider: provider.older(WEB, before_ms, 40 * DAY_MS, NOW))
    assert asked == (timeframe, Window(REACHED[timeframe], before_ms))


def test_a_vps_has_no_instances_that_end() -> None:
    with hostup(in_turn(Recorded(500))) as (provider, server):
        assert list(provider.ended(WEB, Window(END - HOUR_MS, END), {"-"}, set())) == []
    assert server.asked == []


def test_finest_samples_are_kept_for_an_hour() -> None:
    with hostup(in_turn(Recorded(500))) as (provider, _):
        assert provider.reach_ms == HOUR_MS


def test_fetch_asks_for_the_timeframe() -> None:
    with hostup(in_turn(Recorded.of({"samples": []}))) as (provider, server):
        request = provider.current(WEB, Window(END - MINUTE_MS, END))
        assert request is not None
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
        # The last two half hours of an old file, before they leave the window.
        ([0, 1800, 3600, 3660, 3720, 3780], [1800, 1800, 60, 60, 60, 60]),
        # One alone can't be told from a hole, nor can two that lie just anywhere.
        ([1800, 3600, 3660, 3720, 3780], [60] * 5),
        ([100, 1900, 3700, 3760, 3820, 3880], [60] * 6),
        # The finer step first, with its seam and with one or more samples of the coarser.
        (
            [0, 60, 120, 180, 1800, 3600, 5400, 7200],
            [60, 60, 60, 60, 1800, 1800, 1800, 1800],
        ),
        ([1500, 1560, 1620, 1680, 1800, 3600, 5400], [60] * 4 + [1800] * 3),
        ([1500, 1560, 1620, 1680, 1800, 3600], [60] * 6),
        # Three steps, as of a week over two changes.
        (
            [0, 10800, 21600, 23400, 25200, 27000, 27060, 27120, 27180],
            [10800, 10800, 1800, 1800, 1800, 60, 60, 60, 60],
        ),
        # Two holes of the same length within minutes.
        ([0, 60, 120, 240, 360, 420, 480, 540], [60] * 8),
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


def test_readme_says_how_far_each_timeframe_reaches() -> None:
    def told(span_ms: int) -> str:
        minutes = span_ms // MINUTE_MS
        parts = [(minutes // 1440, "days"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
        if minutes <= 1440:
            parts = [(minutes // 60, "h"), (minutes % 60, "min")]
        return " ".join(f"{number} {unit}" for number, unit in parts if number)

    expected = [
        f"| {one.name} | {told(one.length_ms)} | {told(one.reach_ms)} |" for one in TIMEFRAMES
    ]
    readme = Path("functions/hostup_collector/README.md").read_text().splitlines()
    names = {one.name for one in TIMEFRAMES}
    assert [line for line in readme if line.split(" | ")[0].removeprefix("| ") in names] == expected
