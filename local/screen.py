"""What a local run shows: progress, a line for each collection, and a live table of the hosts."""

import json
import queue
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.scheduler import Run
from local.template import JSON

# What a host is shown by, as many as there is room for.
METRICS = (
    "cpu.utilization",
    "cpu.usage",
    "memory.utilization",
    "memory.usage",
    "network.receive",
    "http.requests",
)
_REFRESH_SECONDS = 3.0
_ASK_SECONDS = 10.0
_LINES_BESIDE_THE_TABLE = 8
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Row:
    """One metric of one host: the values of the last minutes, oldest first."""

    host: str
    metric: str
    unit: str
    values: Sequence[float | None]


class Screen:
    """Writes to a terminal, or plain lines where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._runs: queue.SimpleQueue[Run] = queue.SimpleQueue()

    def progress(self, step: str) -> None:
        """A step of the set-up, before it begins."""
        self.line(f"· {step} …")

    def line(self, text: str) -> None:
        """A line as it is: neither wrapped nor coloured, so that it can be pasted."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def ran(self, run: Run) -> None:
        """A collection has ended; may be called from any thread."""
        self._runs.put(run)

    def wait_for_runs(self, functions: frozenset[str]) -> None:
        """Shows collections until each of these functions has ended one."""
        missing = set(functions)
        while missing:
            run = self._runs.get()
            self.line(run_line(run))
            missing.discard(run.function)

    def follow(self, url: str, token: str) -> None:
        """Shows collections, and on a terminal the table, until interrupted."""
        if not self._console.is_terminal:
            while True:
                self.line(run_line(self._runs.get()))
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._table(url, token), refresh=True)
                for run in self._runs_within(_REFRESH_SECONDS):
                    self.line(run_line(run))

    def _runs_within(self, seconds: float) -> Iterator[Run]:
        try:
            yield self._runs.get(timeout=seconds)
            while True:
                yield self._runs.get_nowait()
        except queue.Empty:
            return

    def _table(self, url: str, token: str) -> Table:
        table = Table("host", "metric", "now", "last 20 minutes", expand=False)
        try:
            rows = ask(url, token)
        except OSError as error:
            table.caption = f"the API did not answer: {error}"
            return table
        for row in fitting(rows, self._console.height - _LINES_BESIDE_THE_TABLE):
            table.add_row(row.host, row.metric, now(row), sparks(row.values))
        return table


def ask(url: str, token: str) -> list[Row]:
    """The last 20 minutes of every host, asked of the API itself.

    Raises OSError if it does not answer, or not with 200.
    """
    query = urlencode(
        [
            *(("metric", name) for name in METRICS),
            ("by", "resource"),
            ("start", "-20m"),
            ("step", "60"),
        ]
    )
    request = urllib.request.Request(
        f"{url}/v1/query?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as response:
        answer: JSON = json.load(response)
    return [
        Row(each["attributes"]["resource"], each["metric"], each["unit"], each["values"])
        for each in answer["series"]
    ]


def fitting(rows: Sequence[Row], lines: int) -> list[Row]:
    """The rows by host, of each host as many metrics as there is room for, and at least one."""
    hosts: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.host, METRICS.index(row.metric))):
        hosts.setdefault(row.host, []).append(row)
    most = next(
        (most for most in range(len(METRICS), 1, -1) if _height(hosts, most) <= lines),
        1,
    )
    return [row for host in hosts.values() for row in host[:most]]


def _height(hosts: Mapping[str, Sequence[Row]], most: int) -> int:
    return sum(min(most, len(rows)) for rows in hosts.values())


def run_line(run: Run) -> str:
    """A collection in one line: when, who, how long, and what the handler says of it."""
    who = run.function.removesuffix("CollectorFunction").lower()
    head = f"{run.scheduled_time:%H:%M:%S}Z {who} {run.seconds:.1f} s"
    if run.error is not None:
        return f"{head}: failed: {run.error}"
    return f"{head}: {_summary(run.answer)}"


def _summary(answer: JSON) -> str:
    if not isinstance(answer, dict):
        return "done"
    return ", ".join(
        f"{name} {value}" for name, value in answer.items() if not isinstance(value, (dict, list))
    )


def now(row: Row) -> str:
    """The newest value there is, in words for people."""
    value = next((value for value in reversed(row.values) if value is not None), None)
    if value is None:
        return "–"
    match row.unit:
        case "1":
            return f"{value:.1%}"
        case "By":
            return f"{value / 1e6:,.0f} MB"
        case "By/s":
            return f"{value / 1e3:,.1f} kB/s"
        case unit:
            return f"{value:,.2f} {unit.replace('{', '').replace('}', '')}"


def sparks(values: Sequence[float | None]) -> str:
    """A bar for each value between the least and the greatest; a blank where there is none."""
    present = [value for value in values if value is not None]
    if not present:
        return ""
    least, span = min(present), max(present) - min(present)
    return "".join(
        " " if value is None else _BARS[_bar((value - least) / span if span else 0.0)]
        for value in values
    )


def _bar(share: float) -> int:
    return min(int(share * len(_BARS)), len(_BARS) - 1)
