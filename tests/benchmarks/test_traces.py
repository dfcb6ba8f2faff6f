"""Traces are read from CSV and replayed for as long as is asked."""

from pathlib import Path

import pytest

from benchmarks.traces import ALONE, DAY_SAMPLES, Trace, loaded, replayed
from local.failure import Failure


def test_a_file_of_one_series_is_read_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text(
        "timestamp,value\n2014-04-10 00:09:00,56.0\n2014-04-10 00:04:00,94.0\n"
    )

    assert loaded(tmp_path) == [Trace(ALONE, "requests", (94.0, 56.0), 0, 2)]


def test_each_further_column_is_a_series_of_its_own_where_a_file_has_several(
    tmp_path: Path,
) -> None:
    (tmp_path / "host.csv").write_text("ts,cpu_pct,tcp\n1795311070,12.5,3\n1795311080,12.75,3\n")

    assert loaded(tmp_path) == [
        Trace("host", "cpu_pct", (12.5, 12.75), 2, 25),
        Trace("host", "tcp", (3.0, 3.0), 0, 3),
    ]


def test_rows_without_a_number_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "cpu.csv").write_text("ts,value\n1,5\n2,\n3,nan\n4,7\n")

    [trace] = loaded(tmp_path)

    assert trace.values == (5.0, 7.0)


def test_a_folder_without_csv_is_a_failure_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=f"TRACES={tmp_path} holds no CSV file"):
        loaded(tmp_path)


def test_a_short_trace_is_repeated_to_a_day_on_other_levels() -> None:
    trace = Trace("host", "memory", (4096.0, 40960.0), 0, 4096)

    values = replayed(trace, DAY_SAMPLES, seed="memory")

    assert len(values) == 8640
    assert values[:2].tolist() == [4096.0, 40960.0]
    highs = set(values[1::2])
    assert highs == {36864.0, 40960.0, 45056.0}


def test_values_of_no_quantum_are_shifted_as_they_are() -> None:
    trace = Trace("host", "rate", (1 / 3,), 16, 0)

    values = replayed(trace, 100, seed="rate")

    assert values[0] == 1 / 3
    assert 0.3 <= min(values) < max(values) <= 1.1 / 3
    assert len(set(values)) == 100


def test_a_replay_is_the_same_again_with_the_same_seed_and_another_with_another() -> None:
    trace = Trace("host", "load", (1.25, 2.5, 4.75), 2, 25)

    assert replayed(trace, 90, "a") == replayed(trace, 90, "a")
    assert replayed(trace, 90, "a") != replayed(trace, 90, "b")


def test_a_replay_begins_where_it_is_told() -> None:
    trace = Trace("host", "load", (1.0, 2.0, 3.0), 0, 1)

    assert replayed(trace, 2, "a", offset=4).tolist() == [2.0, 3.0]
