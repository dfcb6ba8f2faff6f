"""Parameters, times and filters: what a query string means, and what is wrong with it."""

import pytest

from functions.query_api.parameters import (
    CoverageQuery,
    Paging,
    parse_coverage_query,
    parse_query,
    parse_resources_query,
)
from functions.query_api.problems import BadRequestError
from functions.query_api.times import instant, length, length_text
from tests.query_api.conftest import NOW
from tributary.matching import Filter, matcher, parse_filter
from tributary.windows import Window

NOW_MS = NOW * 1000


def faults(raw: str) -> list[tuple[str, str]]:
    with pytest.raises(BadRequestError) as raised:
        parse_query(raw, NOW_MS)
    return [(fault.parameter, fault.code) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("now", 1795342500000),
        ("-6h", 1795320900000),
        ("-90s", 1795342410000),
        ("-1w", 1794737700000),
        ("1795341600", 1795341600000),
        ("1795341600.1239", 1795341600123),
        ("2026-11-22T10:00:00Z", 1795341600000),
        ("2026-11-22T10:00:00.5z", 1795341600500),
        ("2026-11-22T11:00:00+01:00", 1795341600000),
        ("2026-11-22T11:00:00 01:00", 1795341600000),
    ],
)
def test_instants_are_read_in_every_way(text: str, milliseconds: int) -> None:
    assert instant(text, NOW_MS) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "6h", "-6", "+6h", "2026-11-22", "2026-11-22T10:00:00",
        "2026-13-22T10:00:00Z", "1795341600000", "-999999999999w", "٣",
    ],
)  # fmt: skip
def test_what_is_no_instant_says_what_to_send(text: str) -> None:
    with pytest.raises(ValueError, match="send RFC 3339"):
        instant(text, NOW_MS)


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("5m", 300), ("2h", 7200), ("1d", 86400)]
)
def test_lengths_are_read_with_and_without_a_unit(text: str, seconds: int) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["0", "-5m", "1.5m", "5 m", "m", "5M", "999999999999w"])
def test_what_is_no_length_says_what_to_send(text: str) -> None:
    with pytest.raises(ValueError, match="send 60, 60s, 5m"):
        length(text)


def test_lengths_are_written_as_they_are_read() -> None:
    assert [length_text(seconds) for seconds in (30, 60, 90, 7200, 86400)] == [
        "30s", "1m", "90s", "2h", "1d",
    ]  # fmt: skip


def test_a_query_has_defaults() -> None:
    query = parse_query("metric=cpu.usage", NOW_MS)

    assert (query.start_ms, query.end_ms) == (NOW_MS - 3_600_000, NOW_MS)
    assert (query.step_s, query.over, query.agg, query.format) == (None, None, None, "json")
    assert not query.grouped
    assert not query.settled
    assert query.moving


def test_repeats_are_read_from_the_raw_string_and_decoded() -> None:
    query = parse_query(
        "metric=cpu.usage&metric=memory.usage&by=provider,project&by=name"
        "&where=name%3Aa%2Cb&where=tag.note:x+y%26z:1",
        NOW_MS,
    )

    assert query.metrics == ("cpu.usage", "memory.usage")
    assert query.by == ("provider", "project", "name")
    assert query.where == (Filter("name", "a,b"), Filter("tag.note", "x y&z:1"))
    assert query.grouped


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("", [("metric", "missing_parameter")]),
        ("metric=a&metrics=b", [("metrics", "unknown_parameter")]),
        ("metric=a&step=60&step=60", [("step", "repeated_parameter")]),
        ("metric=a&step=", [("step", "invalid_value")]),
        ("metric=", [("metric", "invalid_value")]),
        ("metric=a&by=project&agg=none", [("agg", "invalid_value")]),
        ("metric=a&agg=last", [("agg", "invalid_value")]),
        ("metric=a&over=p100", [("over", "invalid_value")]),
        ("metric=a&over=p0", [("over", "invalid_value")]),
        ("metric=a&where=provider", [("where", "invalid_value")]),
        ("metric=a&format=xml", [("format", "invalid_value")]),
        ("metric=a&settled=yes", [("settled", "invalid_value")]),
        ("metric=a&settled=", [("settled", "invalid_value")]),
        ("metric=a&settled=true&settled=true", [("settled", "repeated_parameter")]),
        ("metric=a&start=now&end=-1h", [("start", "invalid_value")]),
        ("metric=a&start=x&end=y", [("end", "invalid_value"), ("start", "invalid_value")]),
        ("metric=%zz", [("metric", "broken_encoding")]),
        ("metric=%", [("metric", "broken_encoding")]),
        ("metric=%ff", [("metric", "broken_encoding")]),
        ("metric=a&" * 501, [("", "too_many_parameters")]),
    ],
)
def test_every_fault_is_named(raw: str, found: list[tuple[str, str]]) -> None:
    assert faults(raw) == found


def test_whether_to_ask_for_settled_values_alone_is_true_or_false() -> None:
    assert parse_query("metric=a&settled=true", NOW_MS).settled
    assert not parse_query("metric=a&settled=false", NOW_MS).settled
    with pytest.raises(BadRequestError, match="'1' is neither true nor false: send one"):
        parse_query("metric=a&settled=1", NOW_MS)


def test_coverage_is_of_the_last_day_unless_a_range_is_given() -> None:
    assert parse_coverage_query("", NOW_MS) == CoverageQuery(
        Window(NOW_MS - 86_400_000, NOW_MS), Paging((), 100, "")
    )
    assert parse_coverage_query("start=-2h&end=-1h&limit=5&where=kind:vps", NOW_MS) == (
        CoverageQuery(
            Window(NOW_MS - 7_200_000, NOW_MS - 3_600_000),
            Paging((parse_filter("kind:vps"),), 5, ""),
        )
    )


def test_all_that_is_wrong_with_what_coverage_is_asked_is_said() -> None:
    with pytest.raises(BadRequestError) as raised:
        parse_coverage_query("start=now&end=-1h&limit=0&step=60", NOW_MS)

    assert [(fault.parameter, fault.code) for fault in raised.value.faults] == [
        ("step", "unknown_parameter"),
        ("start", "invalid_value"),
        ("limit", "invalid_value"),
    ]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1e3", "ten", "99999999999999999999"])
def test_limits_out_of_range_are_refused(limit: str) -> None:
    with pytest.raises(BadRequestError, match="send a number from 1 to 1000"):
        parse_resources_query(f"limit={limit}")


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        ([], ["api", "web", "vps"]),
        (["kind:service"], ["api", "web"]),
        (["name:api", "name:web"], ["api", "web"]),
        (["name:api", "kind:vps"], []),
        (["name:w*", "kind:service"], ["web"]),
        (["project:*"], ["api", "web"]),
        (["name!:api"], ["web", "vps"]),
        (["name!:api", "name!:w*"], ["vps"]),
        (["project!:shop"], ["web", "vps"]),
        (["kind:service", "project!:shop"], ["web"]),
    ],
)
def test_filters_of_one_attribute_are_or_and_different_ones_and(
    where: list[str], passing: list[str]
) -> None:
    matches = matcher(map(parse_filter, where))

    assert [
        attributes["name"]
        for attributes in (
            {"name": "api", "kind": "service", "project": "shop"},
            {"name": "web", "kind": "service", "project": "blog"},
            {"name": "vps", "kind": "vps"},
        )
        if matches(attributes)
    ] == passing
