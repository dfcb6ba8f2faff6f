"""What the live table and the lines of a run say."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from local.scheduler import Run
from local.screen import Row, Screen, fitting, now, run_line, sparks

AT = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "values", "text"),
    [
        ("1", [0.5, 0.1234, None], "12.3%"),
        ("By", [512_000_000.0], "512 MB"),
        ("By/s", [1500.0], "1.5 kB/s"),
        ("{cpu}", [0.25], "0.25 cpu"),
        ("{request}/s", [3.0], "3.00 request/s"),
        ("1", [None], "–"),
        ("1", [], "–"),
    ],
)
def test_now_is_the_newest_value_there_is(unit: str, values: list[float | None], text: str) -> None:
    assert now(Row("h", "m", unit, values)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.0, 0.5, None, 1.0], "▁▅ █"),
        ([2.0, 2.0], "▁▁"),
        ([None], ""),
        ([], ""),
    ],
)
def test_sparks_run_from_the_least_to_the_greatest(values: list[float | None], text: str) -> None:
    assert sparks(values) == text


def test_a_low_terminal_shows_fewer_metrics_of_each_host() -> None:
    rows = [
        Row(host, metric, "1", [0.5])
        for host in ("b", "a")
        for metric in ("memory.utilization", "cpu.utilization", "network.receive")
    ]

    assert [(row.host, row.metric) for row in fitting(rows, 4)] == [
        ("a", "cpu.utilization"),
        ("a", "memory.utilization"),
        ("b", "cpu.utilization"),
        ("b", "memory.utilization"),
    ]
    assert len(fitting(rows, 6)) == 6
    assert len(fitting(rows, 1)) == 2


def test_a_run_is_one_line_with_its_counts() -> None:
    run = Run("HostupCollectorFunction", AT, 1.24, {"resources": 4, "samples": 96, "errors": {}})

    assert run_line(run) == "12:00:15Z hostup 1.2 s: resources 4, samples 96"


def test_a_failed_run_says_why() -> None:
    run = Run("HostupCollectorFunction", AT, 0.1, error="ValueError: no")

    assert run_line(run) == "12:00:15Z hostup 0.1 s: failed: ValueError: no"


def test_lines_are_not_wrapped_so_that_they_can_be_pasted() -> None:
    written = io.StringIO()
    line = f"  curl -s -H 'Authorization: Bearer [x]' '{'a' * 200}'"

    Screen(Console(file=written, width=40)).line(line)

    assert written.getvalue() == line + "\n"


def test_the_first_runs_are_waited_for() -> None:
    written = io.StringIO()
    screen = Screen(Console(file=written, width=200))
    for name in ("A", "A", "B"):
        screen.ran(Run(f"{name}CollectorFunction", AT, 0.1, {"samples": 1}))

    screen.wait_for_runs(frozenset({"ACollectorFunction", "BCollectorFunction"}))

    assert len(written.getvalue().splitlines()) == 3
