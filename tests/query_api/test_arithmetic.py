"""Arithmetic: lists and arrays fold alike, whatever steps rows fall into."""

import random
import subprocess
import sys
from array import array
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.query_api.arithmetic import Lists, arithmetic_for
from functions.query_api.arrays import Arrays

OVER = ("avg", "min", "max", "sum", "count", "last", "p90")
AGG = ("avg", "min", "max", "sum", "count", "p50")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.integers(0, 4), min_size=1, max_size=20),
    before=st.integers(0, 3),
    weighted=st.booleans(),
)
def test_lists_and_arrays_fold_steps_alike(
    seed: int, steps: list[int], before: int, weighted: bool
) -> None:
    chance = random.Random(seed)
    bounds = array("q", [before + rows for rows in accumulate(steps, initial=0)])
    rows = bounds[-1] + chance.randrange(3)
    values = array("d", [chance.uniform(-5, 5) for _ in range(rows)])
    weights = array("q", [chance.randrange(1, 9) for _ in range(rows)]) if weighted else None
    for over in OVER:
        by_lists = Lists().in_steps(values, weights, bounds, over)
        by_arrays = Arrays().in_steps(values, weights, bounds, over)

        assert Arrays().listed(by_arrays) == pytest.approx(by_lists), over
        assert [value is None for value in by_lists] == [count == 0 for count in steps]


@settings(max_examples=60, deadline=None)
@given(
    members=st.integers(1, 4).flatmap(
        lambda steps: st.lists(
            st.lists(
                st.none() | st.floats(-1e6, 1e6, allow_nan=False), min_size=steps, max_size=steps
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_lists_and_arrays_fold_series_alike(members: list[list[float | None]]) -> None:
    for agg in AGG:
        by_lists = Lists().across(members, agg)
        by_arrays = Arrays().across([Arrays().taken(values) for values in members], agg)

        assert Arrays().listed(by_arrays, 6) == pytest.approx(Lists().listed(by_lists, 6), abs=2e-6)
        assert Arrays().has_any(by_arrays) == Lists().has_any(by_lists)


def test_even_steps_are_folded_as_uneven_ones_are() -> None:
    values = array("d", [4.0, 1.0, 3.0, 8.0])

    assert Lists().in_steps(values, None, array("q", [0, 2, 4]), "avg") == [2.5, 5.5]
    assert Lists().in_steps(values, None, array("q", [0, 2, 3]), "avg") == [2.5, 3.0]
    assert Lists().in_steps(values, None, array("q", [0, 1, 2]), "p99") == [4.0, 1.0]
    assert Lists().in_steps(values, None, array("q", [0, 0, 0]), "sum") == [None, None]


def test_numpy_is_imported_where_there_are_many_rows_only() -> None:
    code = (
        "import sys; from functions.query_api.arithmetic import arithmetic_for as chosen;"
        "small = type(chosen(299_999)).__name__, 'numpy' in sys.modules;"
        "big = type(chosen(300_000)).__name__, 'numpy' in sys.modules;"
        "print(small, big, type(chosen(5_000)).__name__, type(chosen(4_999)).__name__)"
    )
    path = {"PYTHONPATH": "layers/tributary:."}
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path
    ).stdout

    assert said == "('Lists', False) ('Arrays', True) Arrays Lists\n"


def test_lists_do_where_there_is_no_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "functions.query_api.arrays")
    monkeypatch.setitem(sys.modules, "numpy", None)

    assert isinstance(arithmetic_for(10_000_000), Lists)
