"""Documents packed into items say what they said, and equal ones are equal."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.packed import packed, unpacked
from tributary.table import Key

KEY = Key("acc#northflank/main", "state#0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(JSON)
@settings(max_examples=50)
def test_a_document_comes_back(document: object) -> None:
    assert unpacked(packed(KEY, document)) == document


def test_the_order_of_names_makes_no_difference() -> None:
    assert packed(KEY, {"a": 1, "b": 2}) == packed(KEY, {"b": 2, "a": 1})


def test_documents_that_differ_have_other_digests() -> None:
    assert packed(KEY, {"a": 1}).digest != packed(KEY, {"a": 2}).digest
    assert len(packed(KEY, {}).digest) == 8


def test_the_digest_is_of_the_document_and_not_of_what_zlib_makes_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best = packed(KEY, {"a": [1] * 100})
    compress = zlib.compress
    monkeypatch.setattr(zlib, "compress", lambda data, _: compress(data, 0))

    stored = packed(KEY, {"a": [1] * 100})

    assert stored.data != best.data
    assert stored.digest == best.digest
