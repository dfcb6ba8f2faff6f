"""Chunks: whose window holds which samples, and that they end alike however they came."""

import random
from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layer.samples import SEEN, TEN, key, points, rows
from tributary.chunk import Chunk, by_instance, in_hours, split
from tributary.codec import encode
from tributary.columns import Column, ColumnKey, column, merge
from tributary.windows import Tier, Window

API = "northflank/main/shop/services/api"


def keys(chunks: list[Chunk]) -> list[str]:
    return [chunk.sort_key for chunk in chunks]


def test_samples_at_10_s_go_into_chunks_of_five_minutes() -> None:
    chunks = split(API, [rows([(290, 0.1), (299.999, 0.2), (300, 0.3), (310, 0.4)])])

    assert keys(chunks) == ["r#2026-11-22T10:00Z", "r#2026-11-22T10:05Z"]
    assert [list(chunk.columns[0].values) for chunk in chunks] == [[0.1, 0.2], [0.3, 0.4]]
    assert [chunk.resource for chunk in chunks] == [API, API]


def test_windows_without_samples_have_no_chunk() -> None:
    assert keys(split(API, [rows([(0, 0.1), (3600, 0.2)])])) == [
        "r#2026-11-22T10:00Z",
        "r#2026-11-22T11:00Z",
    ]


def test_a_stray_sample_of_1970_costs_no_window_between() -> None:
    started = perf_counter()

    chunks = split(API, [rows([(-TEN / 1000, 0.1), (0, 0.2)])])

    assert keys(chunks) == ["r#1970-01-01T00:00Z", "r#2026-11-22T10:00Z"]
    assert perf_counter() - started < 1  # the six million windows between take far longer


def test_each_resolution_goes_into_its_tier() -> None:
    columns = [
        rows([(0, 0.1)], key("cpu.usage"), resolution=10),
        rows([(0, 0.2), (3600, 0.2)], resolution=60),
        rows([(0, 0.3)], key("memory.usage"), resolution=1800),
        rows([(0, 0.4)], key("disk.read"), resolution=86_400),
    ]

    assert sorted(keys(split(API, columns))) == [
        "d#2026-11-22T00:00Z",
        "h#2026-11-22T10:00Z",
        "h#2026-11-22T11:00Z",
        "m#2026-11-01T00:00Z",
        "r#2026-11-22T10:00Z",
    ]


def test_a_column_of_two_resolutions_comes_apart() -> None:
    mixed = merge([rows([(0, 0.1)], resolution=1800), rows([(1800, 0.2)], resolution=60)])

    assert keys(split("hostup/main/vps_1", [mixed])) == [
        "d#2026-11-22T00:00Z",
        "h#2026-11-22T10:00Z",
    ]


def test_days_and_months_begin_where_the_calendar_says() -> None:
    half_hours = rows([(13.5 * 3600, 0.1), (14 * 3600, 0.2)], resolution=1800)
    days = rows([(8 * 86_400, 0.1), (9 * 86_400, 0.2)], key("disk.read"), resolution=86_400)

    assert sorted(keys(split("hostup/main/vps_1", [half_hours, days]))) == [
        "d#2026-11-22T00:00Z",
        "d#2026-11-23T00:00Z",
        "m#2026-11-01T00:00Z",
        "m#2026-12-01T00:00Z",
    ]


def test_columns_of_one_key_are_merged_and_others_stay_apart() -> None:
    other = key("cpu.utilization", unit="fraction", factor=1.0)

    (chunk,) = split(API, [rows([(0, 0.1)]), rows([(10, 0.2)], other), rows([(10, 0.3)])])

    assert [column.key for column in chunk.columns] == sorted([rows([]).key, other])
    assert chunk.samples == 3


def test_no_samples_have_no_chunk() -> None:
    assert split(API, [rows([])]) == []
    assert split(API, []) == []


def test_a_raw_chunk_is_a_piece_of_its_hour() -> None:
    (raw,) = split(API, [rows([(3590, 0.1)])])

    hour = in_hours(raw)

    assert hour.tier is Tier.HOUR
    assert hour.window == Window(TEN, TEN + 3_600_000)
    assert hour.sort_key == "h#2026-11-22T10:00Z"
    assert hour.columns == raw.columns


def test_chunks_come_apart_by_instance_whole() -> None:
    columns = [rows([(0, 0.1)], key(instance=f"api-{number}")) for number in range(3)]
    (chunk,) = split(API, columns)

    parts = by_instance(chunk, lambda instance: "odd" if instance == "api-1" else "even")

    assert {name: part.samples for name, part in parts.items()} == {"even": 2, "odd": 1}
    assert all(part.sort_key == chunk.sort_key for part in parts.values())


def test_news_over_a_stored_chunk_are_what_it_lacks() -> None:
    (stored,) = split(API, [rows([(0, 0.1), (10, 0.2)])])
    (incoming,) = split(API, [rows([(0, 0.1), (20, 0.3)]), rows([(0, 5)], key("memory.usage"))])

    fresh = incoming.news_over(stored)

    assert fresh is not None
    assert fresh.columns == (rows([(20, 0.3)]), rows([(0, 5)], key("memory.usage")))
    assert stored.news_over(stored) is None


SAMPLES = st.dictionaries(
    st.tuples(
        st.sampled_from(["api-1", "api-2"]),
        st.sampled_from(["cpu.utilization", "http.requests"]),
        st.integers(0, 59),
        st.sampled_from([10, 20]),
    ),
    st.tuples(st.integers(0, 100), st.sampled_from([SEEN, SEEN + 300_000])),
    min_size=1,
    max_size=30,
)


@given(SAMPLES, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_the_same_samples_end_in_the_same_bytes_however_they_came(
    samples: dict[tuple[str, str, int, int], tuple[int, int]], seed: int
) -> None:
    chaos = random.Random(seed)
    made = [
        column(key(metric, instance), [(TEN + at * 10_000, value / 100)], step * 1000, seen)
        for (instance, metric, at, step), (value, seen) in samples.items()
    ]

    whole = kept(split(API, made))
    chaos.shuffle(made)
    repeated = made + chaos.choices(made, k=5)
    pieces: dict[str, Chunk] = {}
    while repeated:
        size = chaos.randint(1, len(repeated))
        taken, repeated = repeated[:size], repeated[size:]
        for chunk in split(API, taken):
            stored = pieces.get(chunk.sort_key)
            fresh = chunk.news_over(stored) if stored else chunk
            if fresh:
                pieces[chunk.sort_key] = stored.merged_with(fresh) if stored else fresh

    assert kept(list(pieces.values())) == whole


def kept(chunks: list[Chunk]) -> dict[str, bytes]:
    """What would be stored, by sort key."""
    return {chunk.sort_key: encode(chunk.columns).data for chunk in chunks}


COLUMNS = st.builds(
    lambda named, samples, step: column(named, samples, step, SEEN),
    st.sampled_from([key(), key("memory.usage"), key(instance="api-2")]),
    st.lists(st.tuples(st.integers(TEN, TEN + 10**8), st.sampled_from([0.0, 1.0]))),
    st.sampled_from([10_000, 60_000, 1_800_000, 86_400_000]),
)


@given(st.lists(COLUMNS, max_size=4, unique_by=lambda made: (made.key, made.runs)))
@settings(max_examples=100, deadline=None)
def test_splitting_loses_and_adds_nothing_and_keeps_to_windows(columns: list[Column]) -> None:
    chunks = split(API, columns)

    by_resolution: dict[tuple[ColumnKey, int], set[int]] = {}
    for named, time, _, resolution, _ in points(columns):
        by_resolution.setdefault((named, resolution), set()).add(time)
    found: dict[tuple[ColumnKey, int], set[int]] = {}
    for chunk in chunks:
        for named, time, _, resolution, _ in points(chunk.columns):
            assert time in chunk.window
            found.setdefault((named, resolution), set()).add(time)
    assert found == by_resolution
    assert len(keys(chunks)) == len(set(keys(chunks)))


def test_a_chunk_weighs_its_columns_and_rows_by_how_exactly_a_metric_is_kept() -> None:
    (chunk,) = split(API, [rows([(0, 0.1), (10, 0.2)]), rows([(0, 1.5)], key("hostup.iops"))])

    assert chunk.weight_bytes == 32 + 2 * 2 + 32 + 8


@given(st.lists(COLUMNS, max_size=4), st.lists(COLUMNS, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_chunk_gets_no_lighter_by_merging(first: list[Column], second: list[Column]) -> None:
    others = {chunk.sort_key: chunk for chunk in split(API, second)}

    for one in split(API, first):
        other = others.get(one.sort_key, one)
        merged = one.merged_with(other)
        assert merged.weight_bytes >= max(one.weight_bytes, other.weight_bytes)
