"""Points: literal samples in, literal points out, and folding points is folding samples."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.codec import CorruptChunkError
from tributary.columns import Column, ColumnKey, Origin, column, merge
from tributary.decoded import everything
from tributary.points import FIELDS, WHOLE, Points, SeriesKey, gathered, joined, rolled_up
from tributary.rollup_codec import NATURAL, decode, decode_folded, encode
from tributary.windows import DAY_MS, FIVE_MINUTES_MS, HOUR_MS

KEY = ColumnKey("cpu.utilization", "api-1", Origin("cpu", "pct", 0.01))
CPU = SeriesKey("cpu.utilization", "api-1")


def rows(
    samples: list[tuple[float, float]], seconds: int = 10, metric: str = "cpu.utilization"
) -> Column:
    """A column of samples (seconds, value), each for so many seconds."""
    key = KEY._replace(metric=metric)
    return column(key, [(int(at * 1000), value) for at, value in samples], seconds * 1000, 1)


def test_samples_of_a_point_are_counted_added_and_compared() -> None:
    points = rolled_up(rows([(0, 0.5), (10, 0.25), (290, 0.75), (300, 1.0)]), FIVE_MINUTES_MS)

    assert points == Points(
        scale=100_000.0,
        times=[0, 300_000],
        count=[3, 1],
        covered_ms=[30_000, 10_000],
        last_ms=[290_000, 300_000],
        least=[25_000, 100_000],
        greatest=[75_000, 100_000],
        last=[75_000, 100_000],
        total=[150_000, 100_000],
        weighted=[150_000 * 10_000, 100_000 * 10_000],
    )
    assert points.averages == [0.5, 1.0]
    assert points.values("total") == [1.5, 1.0]


def test_a_sample_counts_in_an_average_as_long_as_it_stands_for() -> None:
    mixed = merge([rows([(0, 0.5)], 60), rows([(70, 1.0)], 20)])

    points = rolled_up(mixed, FIVE_MINUTES_MS)

    assert points.averages == [(0.5 * 60 + 1.0 * 20) / 80]
    assert points.values("total") == [1.5]


def test_a_sample_as_long_as_a_point_shows_where_there_is_no_finer_one() -> None:
    mixed = merge([rows([(0, 0.5), (300, 0.75)], 300), rows([(10, 1.0)], 10)])

    points = rolled_up(mixed, FIVE_MINUTES_MS)

    assert (points.values("total"), list(points.count)) == ([1.0, 0.75], [1, 1])


def test_points_of_several_series_are_put_together_by_time() -> None:
    one = rolled_up(rows([(0, 0.5), (10, 0.25)]), FIVE_MINUTES_MS)
    other = rolled_up(rows([(20, 1.0), (310, 0.75)]), FIVE_MINUTES_MS)

    points = gathered([one, other], FIVE_MINUTES_MS)

    assert points.times == [0, 300_000]
    assert points.values("greatest") == [1.0, 0.75]
    assert points.values("last") == [1.0, 0.75]
    assert points.count == [3, 1]
    assert points.values("total") == [1.75, 0.75]


def test_numbers_beyond_integers_are_kept_as_they_are() -> None:
    huge = rolled_up(rows([(0, 1e300), (10, 0.5)]), FIVE_MINUTES_MS)
    plain = rolled_up(rows([(3600, 0.5)]), FIVE_MINUTES_MS)

    both = joined([huge, plain])

    assert (huge.scale, both.scale) == (1.0, 1.0)
    assert both.least == [0.5, 0.5]
    assert both.greatest == [1e300, 0.5]
    assert decode(encode({CPU: both}).data) == {CPU: both}


def test_between_leaves_out_points_that_start_elsewhere() -> None:
    points = rolled_up(rows([(0, 0.5), (300, 0.25), (600, 0.75)]), FIVE_MINUTES_MS)

    assert points.between(1, 600_000).values("last") == [0.25]
    assert points.between(0, 700_000) is points
    assert not points.between(700_000, 800_000)


def series_of(seed: int) -> Column:
    """A day of samples at up to three resolutions, with holes."""
    chance = random.Random(seed)
    parts = []
    for seconds in chance.sample((10, 30, 60, 240, 300), chance.randint(1, 3)):
        first = chance.randrange(0, 80_000)
        times = range(first, min(86_400, first + 9000), seconds)
        samples = [(float(at), round(chance.random(), 5)) for at in times if chance.random() < 0.8]
        parts.append(rows(samples or [(float(first), 0.5)], seconds))
    return merge(parts)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_points_of_points_are_points_of_samples(seed: int) -> None:
    samples = series_of(seed)
    fine = rolled_up(samples, FIVE_MINUTES_MS)
    hours = gathered([fine], HOUR_MS)

    days = gathered([hours], DAY_MS)

    assert days == gathered([fine], DAY_MS)
    if all(run.resolution_ms < FIVE_MINUTES_MS for run in samples.runs):
        assert days == rolled_up(samples, DAY_MS)
        assert hours == rolled_up(samples, HOUR_MS)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_points_come_back_from_their_bytes(seed: int) -> None:
    fine = rolled_up(series_of(seed), FIVE_MINUTES_MS)
    other = rolled_up(rows([(0, 5.0), (10, -3.5)], metric="http.requests"), FIVE_MINUTES_MS)
    series = {CPU: fine, SeriesKey("http.requests", WHOLE): other}

    data, digest = encode(series)

    found = decode(data)
    assert found.keys() == series.keys()
    for key, points in series.items():
        for name in FIELDS:
            assert getattr(found[key], name) == getattr(points, name), name
    assert encode(dict(reversed(series.items()))).digest == digest


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), huge=st.booleans())
def test_a_fold_is_read_from_the_bytes_without_the_others(seed: int, huge: bool) -> None:
    points = rolled_up(series_of(seed), FIVE_MINUTES_MS)
    if huge:
        points = joined([points, rolled_up(rows([(90_000, 1e300)]), FIVE_MINUTES_MS)])
    data = encode({CPU: points, SeriesKey("memory.usage", "api-1"): points}).data
    expected = {
        "avg": points.averages,
        "min": points.values("least"),
        "max": points.values("greatest"),
        "sum": points.values("total"),
        "last": points.values("last"),
        "count": points.count,
        NATURAL: points.averages,
    }
    for over, values in expected.items():
        ((key, folded),) = decode_folded(data, CPU.__eq__, over).items()

        assert key == CPU
        assert list(folded.values) == pytest.approx(values, rel=1e-12), over
        assert list(folded.times) == list(points.times)
        assert list(folded.axis.ends) == list(points.last_ms)
        assert list(folded.axis.weights) == list(points.covered_ms)


def test_sums_beyond_64_bits_are_kept_as_floats() -> None:
    # Days of a host's "no limit", and one without.
    count, greatest = 8640, 2**53 - 1
    total = [greatest * (count - 1), 5 * count, greatest * (count - 1)]
    points = Points(
        scale=100_000.0,
        times=[0, DAY_MS, 2 * DAY_MS],
        count=[count] * 3,
        covered_ms=[DAY_MS] * 3,
        last_ms=[DAY_MS - 10_000, 2 * DAY_MS - 10_000, 3 * DAY_MS - 10_000],
        least=[0, 5, 0],
        greatest=[greatest, 5, greatest],
        last=[greatest, 5, greatest],
        total=total,
        weighted=[one * 10_000 for one in total],
    )

    data, digest = encode({CPU: points})

    (read,) = decode(data).values()
    assert read.scale == 1.0
    for name in ("least", "greatest", "last", "total", "weighted"):
        assert read.values(name) == points.values(name)
    assert encode({CPU: read}) == (data, digest)
    averages = decode_folded(data, everything, "avg")[CPU].values
    assert averages.tolist() == pytest.approx(points.averages)


def test_the_natural_fold_of_deltas_is_their_sum() -> None:
    errors = rolled_up(rows([(0, 2.0), (10, 3.0)], metric="http.responses.5xx"), FIVE_MINUTES_MS)
    data = encode({SeriesKey("http.responses.5xx", WHOLE): errors}).data

    (folded,) = decode_folded(data, everything, NATURAL).values()

    assert list(folded.values) == [5.0]


def test_no_series_have_bytes_too() -> None:
    assert decode(encode({}).data) == {}


@pytest.mark.parametrize("data", [b"", b"\x07", b"\x01", b"\x01garbage"])
def test_other_bytes_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptChunkError):
        decode(data)


def test_bytes_cut_off_or_changed_are_corrupt_or_points() -> None:
    data = encode({CPU: rolled_up(series_of(5), FIVE_MINUTES_MS)}).data
    for at in range(1, len(data), 7):
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]):
            try:
                found = decode(changed)
            except CorruptChunkError:
                continue
            for points in found.values():
                assert {len(getattr(points, name)) for name in FIELDS} == {len(points)}
