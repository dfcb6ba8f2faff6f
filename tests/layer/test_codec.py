"""A chunk's bytes say everything that its columns say, in few bytes, and nothing else is one."""

import random
import zlib
from array import array

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.layer.samples import CPU, TEN, chunk_columns, key, rows
from tributary.codec import CorruptChunkError, decode, encode
from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.errors import FatalError
from tributary.metrics import CATALOGUE

SMALL = [
    rows([(0, 0.125), (10, 0.25), (20, 0.5)]),
    rows([(0, 1e300), (7.123, -2.5)], key("hostup.iops", "-", "", 1.0)),
]


@given(chunk_columns())
@example([])
@example([rows([(0, 0.5)])])
@example([rows([(0, 5e-324), (10, -1.7976931348623157e308), (20, 2.0**53 + 2)])])
@example([Column(CPU, array("q", [-(2**63), 2**63 - 1]), array("d", [0, 1]), (Run(2, 1, 1),))])
@settings(max_examples=100, deadline=None)
def test_decoding_gives_the_columns_that_were_encoded(columns: list[Column]) -> None:
    assert decode(encode(columns).data) == tuple(columns)


@given(chunk_columns(), st.sets(st.sampled_from(["cpu.utilization", "hostup.iops", "api-1", "-"])))
@settings(max_examples=100, deadline=None)
def test_decoding_the_wanted_columns_is_decoding_all_and_leaving_out_the_others(
    columns: list[Column], names: set[str]
) -> None:
    def wanted(named: ColumnKey) -> bool:
        return named.metric in names or named.instance in names

    found = decode(encode(columns).data, wanted)

    assert found == tuple(column for column in columns if wanted(column.key))


@given(chunk_columns())
@settings(max_examples=50, deadline=None)
def test_equal_columns_have_equal_bytes_and_digests(columns: list[Column]) -> None:
    again = [
        Column(one.key, array("q", one.times), array("d", one.values), tuple(one.runs))
        for one in columns
    ]

    assert encode(again) == encode(columns)


def test_digest_is_of_the_content_and_not_of_what_zlib_makes_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best = encode(SMALL)
    compressobj = zlib.compressobj
    monkeypatch.setattr(
        zlib, "compressobj", lambda *_, zdict: compressobj(0, zlib.DEFLATED, -15, zdict=zdict)
    )

    stored = encode(SMALL)

    assert stored.data != best.data
    assert stored.digest == best.digest
    assert decode(stored.data) == tuple(SMALL)
    assert len(stored.digest) == 8


@pytest.mark.parametrize(
    "other",
    [
        [rows([(0, 0.125), (10, 0.25), (20, 0.51)]), SMALL[1]],
        [rows([(0, 0.125), (10, 0.25), (21, 0.5)]), SMALL[1]],
        [rows([(0, 0.125), (10, 0.25), (20, 0.5)], resolution=20), SMALL[1]],
        [rows([(0, 0.125), (10, 0.25), (20, 0.5)], seen=TEN), SMALL[1]],
        [rows([(0, 0.125), (10, 0.25), (20, 0.5)], key(factor=0.02)), SMALL[1]],
        SMALL[:1],
    ],
    ids=["value", "time", "resolution", "seen", "factor", "column"],
)
def test_digest_differs_where_anything_differs(other: list[Column]) -> None:
    assert encode(other).digest != encode(SMALL).digest


def test_the_bytes_of_version_1_are_read_for_ever() -> None:
    written = bytes.fromhex(GOLDEN)

    assert decode(written) == tuple(SMALL)
    assert written[0] == 1


@pytest.mark.parametrize(("rows", "digest"), [(30, "cfea133a900f3884"), (360, "02751721a915666f")])
def test_the_content_of_version_2_stays_as_it_is(rows: int, digest: str) -> None:
    assert encode(realistic("api-78b4d4459d-sbtn8", rows)).digest.hex() == digest


def test_values_that_leave_the_scaled_integers_keep_every_bit() -> None:
    values = [0.1, 2.0**60, -3.3]
    column = rows(list(zip([0, 10, 20], values, strict=True)))

    (found,) = decode(encode([column]).data)

    assert list(found.values) == values


def test_every_cut_of_a_chunk_is_corrupt() -> None:
    data = encode(SMALL).data

    for length in range(len(data)):
        with pytest.raises(CorruptChunkError):
            decode(data[:length])


def test_what_follows_a_chunk_is_corrupt() -> None:
    with pytest.raises(CorruptChunkError):
        decode(encode(SMALL).data + b"\0")


@pytest.mark.parametrize("data", [b"", b"\0", b"\2abc", b"{}", b"\1", b"\1\xff\xff\xff"])
def test_bytes_of_no_known_version_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptChunkError):
        decode(data)


def test_a_corrupt_chunk_is_an_error_like_the_others_so_that_it_fails_one_resource_alone() -> None:
    with pytest.raises(FatalError, match="chunk of version 07, not 1"):
        decode(b"\7")


@given(chunk_columns(), st.data())
@settings(max_examples=60, deadline=None)
def test_changed_content_is_corrupt_or_columns_and_nothing_worse(
    columns: list[Column], data: st.DataObject
) -> None:
    content = bytearray(content_of(encode(columns).data))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))

    assert_corrupt_or_columns(with_content(bytes(content)))


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
@example(b"\0\1\0" + b"\xff" * 8 + b"\1")
@example(b"\0\1" + b"\xff" * 7 + b"\1\0\0\0\0\0")
@example(b"\0\1\x80\x80\x80\x80\x01\0\0\0\0\0")
@example(b"\xff" * 60)
def test_any_content_is_corrupt_or_columns_and_nothing_worse(content: bytes) -> None:
    assert_corrupt_or_columns(with_content(content))


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_corrupt_or_columns_and_nothing_worse(tail: bytes) -> None:
    assert_corrupt_or_columns(b"\1" + tail)


def test_runs_that_do_not_cover_the_rows_are_corrupt() -> None:
    column = rows([(0, 0.125), (10, 0.25), (20, 0.5)])
    wrong = Column(column.key, column.times, column.values, (Run(2, 10_000, TEN),))

    with pytest.raises(CorruptChunkError):
        decode(encode([wrong]).data)


def test_a_chunk_of_30_rows_of_10_metrics_takes_less_than_a_kilobyte_with_its_keys() -> None:
    data = encode(realistic("api-78b4d4459d-sbtn8", 30)).data

    assert len(data) < 1000


def test_an_hour_of_10_metrics_takes_less_than_two_bytes_a_sample() -> None:
    data = encode(realistic("api-78b4d4459d-sbtn8", 360)).data

    assert len(data) < 2 * 10 * 360


def test_a_column_that_stands_still_takes_no_bytes_for_its_rows() -> None:
    few = encode([rows([(second, 0.25) for second in range(0, 100, 10)])]).data
    many = encode([rows([(second, 0.25) for second in range(0, 3600, 10)])]).data

    assert len(many) <= len(few) + 2


# What `encode(SMALL)` gave when version 1 was made.
GOLDEN = (
    "0163e74713604d2cc8d4356486862337347967e6171433ea323031332e98c3f8e0fb94d507321899"
    "27f83dd87877ea021326c665f9b7964c058931c1c518189998ab45d6b93fac6ab1676064bd92c8c4"
    "c4c0c0c8ccc2cac2c600061fec1919e6309402591d0c360c4f18cc59ea0e0000"
)


def content_of(data: bytes) -> bytes:
    """What is in a chunk's deflate stream."""
    return zlib.decompressobj(-15, zdict=dictionary()).decompress(data[1:])


def with_content(content: bytes) -> bytes:
    """A chunk of any content."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    return b"\1" + deflate.compress(content) + deflate.flush()


def dictionary() -> bytes:
    """The preset dictionary, out of a stream that is one reference to all of it."""
    caught: list[bytes] = []
    decompressobj = zlib.decompressobj

    def spy(wbits: int, zdict: bytes) -> object:
        caught.append(zdict)
        return decompressobj(wbits, zdict=zdict)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zlib, "decompressobj", spy)
        decode(encode([]).data)
    return caught[0]


def assert_corrupt_or_columns(data: bytes) -> None:
    try:
        columns = decode(data)
    except CorruptChunkError:
        return
    assert all(len(one.times) == len(one.values) for one in columns)
    assert all(sum(run.rows for run in one.runs) == len(one) for one in columns)


def realistic(instance: str, count: int) -> list[Column]:
    """Ten metrics of a container that is neither idle nor steady, ten seconds apart."""
    wander = random.Random(7)
    columns = []
    for metric, provider, unit, level in (
        ("cpu.utilization", "cpu", "pct", 0.31),
        ("memory.utilization", "memory", "pct", 0.62),
        ("network.receive", "networkIngress", "kbps", 41_000.0),
        ("network.transmit", "networkEgress", "kbps", 68_000.0),
        ("network.connections", "tcpConnectionsOpen", "count", 34.0),
        ("filesystem.utilization", "diskUsage", "pct", 0.41),
        ("http.requests", "requests", "rps", 5.5),
        ("http.responses.4xx", "http4xxResponses", "count", 1.0),
        ("http.responses.5xx", "http5xxResponses", "count", 0.0),
        ("network.transfer", "bandwidthVolume", "mb", 650_000.0),
    ):
        named = ColumnKey(metric, instance, Origin(provider, unit, 1.0))
        samples, at = [], level
        for row in range(count):
            at += (level - at) * 0.2 + level * wander.gauss(0, 0.01)
            samples.append((row * 10 + 3.31, CATALOGUE[metric].quantise(at)))
        columns.append(rows(samples, named))
    return columns
