"""Windows by the clock: which chunk holds an instant, and how instants are written."""

import pytest

from tributary.windows import (
    Tier,
    Window,
    floor_to,
    key_time,
    parse_all_rfc3339,
    parse_rfc3339,
    rfc3339,
    tier_for,
    window_holding,
    windows_over,
)

# 2026-11-22T10:00:00Z
TEN = 1_795_341_600_000


@pytest.mark.parametrize(
    ("seconds", "tier"),
    [
        (1, Tier.RAW),
        (10, Tier.RAW),
        (30, Tier.RAW),
        (30.001, Tier.HOUR),
        (60, Tier.HOUR),
        (300, Tier.HOUR),
        (300.001, Tier.DAY),
        (1800, Tier.DAY),
        (3600, Tier.DAY),
        (3600.001, Tier.MONTH),
        (604_800, Tier.MONTH),
    ],
)
def test_tier_is_by_resolution(seconds: float, tier: Tier) -> None:
    assert tier_for(int(seconds * 1000)) is tier


@pytest.mark.parametrize(
    ("tier", "instant", "start", "end"),
    [
        (Tier.RAW, "2026-11-22T10:04:59.999Z", "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"),
        (Tier.RAW, "2026-11-22T10:05:00Z", "2026-11-22T10:05:00Z", "2026-11-22T10:10:00Z"),
        (Tier.HOUR, "2026-11-22T10:59:59.999Z", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"),
        (Tier.HOUR, "2026-11-22T11:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"),
        (Tier.DAY, "2026-11-22T23:59:59.999Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        (Tier.MONTH, "2026-11-30T23:59:59.999Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        (Tier.MONTH, "2026-12-31T12:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        (Tier.MONTH, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        (Tier.MONTH, "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"),
        (Tier.RAW, "1969-12-31T23:59:59.999Z", "1969-12-31T23:55:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_window_holding_an_instant(tier: Tier, instant: str, start: str, end: str) -> None:
    time_ms = parse_rfc3339(instant)

    window = window_holding(tier, time_ms)

    assert window == Window(parse_rfc3339(start), parse_rfc3339(end))
    assert time_ms in window
    assert window.end_ms not in window


def test_windows_over_a_span_are_those_that_overlap_it_in_order() -> None:
    assert [key_time(one.start_ms) for one in windows_over(Tier.RAW, TEN + 1, TEN + 600_001)] == [
        "2026-11-22T10:00Z",
        "2026-11-22T10:05Z",
        "2026-11-22T10:10Z",
    ]


def test_windows_end_before_one_that_begins_at_the_end_of_the_span() -> None:
    assert list(windows_over(Tier.RAW, TEN, TEN + 300_000)) == [Window(TEN, TEN + 300_000)]


def test_windows_over_nothing_are_none() -> None:
    assert list(windows_over(Tier.HOUR, TEN, TEN)) == []


def test_months_over_a_turn_of_the_year() -> None:
    start, end = parse_rfc3339("2026-11-15T00:00:00Z"), parse_rfc3339("2027-02-01T00:00:00Z")

    assert [key_time(window.start_ms) for window in windows_over(Tier.MONTH, start, end)] == [
        "2026-11-01T00:00Z",
        "2026-12-01T00:00Z",
        "2027-01-01T00:00Z",
    ]


def test_key_times_go_to_the_minute() -> None:
    assert key_time(TEN + 300_000) == "2026-11-22T10:05Z"


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-11-22T10:00:00Z", TEN),
        ("2026-11-22T11:00:00+01:00", TEN),
        ("2026-11-22T10:00:00.123Z", TEN + 123),
        ("2026-11-22T10:00:00.123999Z", TEN + 123),
        ("2026-11-22T10:00:00.999999999Z", TEN + 999),
        ("1969-12-31T23:59:59.5Z", -500),
    ],
)
def test_rfc3339_times_are_floored_to_milliseconds(text: str, time_ms: int) -> None:
    assert parse_rfc3339(text) == time_ms


@pytest.mark.parametrize(
    "text", ["2026-11-22T10:00:00", "2026-11-22", "yesterday", "", "1795341600"]
)
def test_what_is_no_rfc3339_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)


def test_a_time_without_a_zone_is_refused_with_what_to_add() -> None:
    with pytest.raises(ValueError, match=r"add Z or an offset such as \+01:00"):
        parse_rfc3339("2026-11-22T10:00:00")


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (TEN, "2026-11-22T10:00:00Z"),
        (TEN + 123, "2026-11-22T10:00:00.123Z"),
        (TEN + 999, "2026-11-22T10:00:00.999Z"),
    ],
)
def test_times_are_written_with_milliseconds_where_there_are_any(time_ms: int, text: str) -> None:
    assert rfc3339(time_ms) == text


def test_floor_to_is_the_last_multiple_not_after_the_instant() -> None:
    assert floor_to(300_000, TEN + 299_999) == TEN
    assert floor_to(300_000, TEN) == TEN


INSTANTS = (
    "2026-11-22T10:00:03.310Z",
    "2026-11-22T10:00:03.310999Z",
    "2026-11-22T11:00:00+01:00",
    "1969-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
)


def test_many_times_are_parsed_as_each_is() -> None:
    assert parse_all_rfc3339(INSTANTS) == [parse_rfc3339(instant) for instant in INSTANTS]
    assert parse_all_rfc3339(INSTANTS[:4]) == [TEN + 3310, TEN + 3310, TEN, -1]


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T10:00:00"])
def test_one_that_is_no_time_spoils_many(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_all_rfc3339(["2026-11-22T10:00:00Z", text])
