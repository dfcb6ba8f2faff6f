"""What the live table and the lines of a run say."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from local.bars import about, bars
from local.live_table import Hosts, Row, fitting, host, now, sparks, state, table
from local.scheduler import Run
from local.screen import Screen, import_bars, run_line

AT = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)
COUNTS = {
    "resources": 6,
    "requests": 134,
    "samples": 319_453,
    "errors": 0,
    "secondsBehind": 59.9,
    "importedPercent": 100,
    "importSecondsLeft": 0.0,
}


@pytest.mark.parametrize(
    ("unit", "values", "text"),
    [
        ("1", [0.5, 0.1234, None], "12.3%"),
        ("By", [512_000_000.0], "512 MB"),
        ("By", [999_900_000.0], "1 GB"),
        ("By", [0.0], "0 B"),
        ("By/s", [1500.0], "1.5 kB/s"),
        ("By/s", [1_234_567.0], "1.23 MB/s"),
        ("By/s", [5e15], "5,000.0 TB/s"),
        ("{cpu}", [0.25], "0.25 CPUs"),
        ("{request}/s", [3.0], "3.00 req/s"),
        ("1", [0.5, *[None] * 10], "–"),
        ("1", [None], "–"),
        ("1", [], "–"),
    ],
)
def test_now_is_the_newest_value_there_is(unit: str, values: list[float | None], text: str) -> None:
    assert now(Row("p", "h", "m", unit, values)) == text


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


@pytest.mark.parametrize(
    ("attributes", "called"),
    [({"name": "web-1"}, "web-1"), ({"name": "API", "project": "shop"}, "shop/API")],
)
def test_a_host_is_called_what_people_call_it(attributes: dict[str, str], called: str) -> None:
    assert host(attributes) == called


@pytest.mark.parametrize(
    ("newest", "failing", "words"),
    [
        ("2026-11-22T12:00:15.310Z", 0, "p: 4 hosts, none failing, newest sample 12:00:15Z"),
        (None, 2, "p: 4 hosts, 2 failing, newest sample none yet"),
    ],
)
def test_a_providers_state_is_one_line(newest: str | None, failing: int, words: str) -> None:
    status = {"newestSample": newest, "resourcesMatched": 4, "resourcesFailing": failing}

    assert state("p", status) == words


def test_the_table_names_a_host_once_and_ends_with_the_providers_states() -> None:
    rows = [
        Row("hostup", "web-1", "memory.utilization", "1", [0.5]),
        Row("hostup", "web-1", "cpu.utilization", "1", [0.25]),
    ]
    written = io.StringIO()

    Console(file=written, width=100).print(table(Hosts(rows, ["hostup: fine"]), 40))

    _, first, second, *_, last = written.getvalue().splitlines()
    assert first.split() == ["hostup", "web-1", "cpu.utilization", "25.0%", "▁"]
    assert second.split() == ["memory.utilization", "50.0%", "▁"]
    assert last.strip() == "hostup: fine"


def test_eighty_columns_hold_the_longest_names_and_the_newest_minutes() -> None:
    rows = [Row("northflank", "shop/Storefront", "memory.utilization", "1", [*[0.1] * 20, 0.9])]
    written = io.StringIO()

    Console(file=written, width=80).print(table(Hosts(rows, []), 40))

    shown = f"northflank shop/Storefront memory.utilization 90.0% {'▁' * 20}█"
    assert shown in written.getvalue().splitlines()


def test_a_low_terminal_shows_fewer_metrics_of_each_host() -> None:
    rows = [
        Row("p", host, metric, "1", [0.5])
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
    run = Run("NorthflankCollectorFunction", AT, 20.46, COUNTS)

    assert run_line(run) == (
        "12:00:15Z northflank  6 resources, 134 requests, 319,453 samples, 20.5 s"
    )


def test_a_run_with_errors_or_far_behind_says_so() -> None:
    run = Run("HostupCollectorFunction", AT, 1.2, {**COUNTS, "errors": 2, "secondsBehind": 1800.0})

    assert run_line(run) == (
        "12:00:15Z hostup      6 resources, 134 requests, 319,453 samples, 2 errors (see the log),"
        " 30 min behind, 1.2 s"
    )


def test_a_run_that_leaves_history_to_the_next_says_how_far_it_came() -> None:
    counts = {**COUNTS, "importedPercent": 45, "importSecondsLeft": 600.0}

    assert run_line(Run("HostupCollectorFunction", AT, 1.2, counts)) == (
        "12:00:15Z hostup      6 resources, 134 requests, 319,453 samples,"
        " 45% of history imported, about 10 min left, 1.2 s"
    )


def test_a_provider_has_a_bar_until_its_history_is_imported() -> None:
    half = {**COUNTS, "importedPercent": 50, "importSecondsLeft": 30.0}
    runs = [
        Run("NorthflankCollectorFunction", AT, 1.0, half),
        Run("HostupCollectorFunction", AT, 1.0, COUNTS),
    ]
    written = io.StringIO()

    Console(file=written, width=100).print(bars(import_bars(runs)))

    assert written.getvalue().split() == [
        *("northflank", "history", "━" * 20, "50%", "about", "30", "s", "left")
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5000, "83 min"),
        (7200, "2 h"),
        (500_000, "6 days"),
    ],
)
def test_an_estimate_is_as_exact_as_it_can_be(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_a_failed_run_says_why() -> None:
    run = Run("HostupCollectorFunction", AT, 0.1, error="ValueError: no")

    assert run_line(run) == "12:00:15Z hostup      failed: ValueError: no, 0.1 s"


def test_lines_are_not_wrapped_so_that_they_can_be_pasted() -> None:
    written = io.StringIO()
    line = f"  curl -s -H 'Authorization: Bearer [x]' '{'a' * 200}'"

    Screen(Console(file=written, width=40)).line(line)

    assert written.getvalue() == line + "\n"


def test_the_first_runs_are_waited_for() -> None:
    written = io.StringIO()
    screen = Screen(Console(file=written, width=200))
    for name in ("A", "A", "B"):
        screen.ran(Run(f"{name}CollectorFunction", AT, 0.1, COUNTS))

    screen.wait_for_runs(frozenset({"ACollectorFunction", "BCollectorFunction"}))

    assert len(written.getvalue().splitlines()) == 3
