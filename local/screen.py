"""What a local run shows: progress, a line for each collection, the hosts, and bars for history."""

import queue
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from local import live_table
from local.bars import Bar, about, bars
from local.scheduler import Run
from local.template import JSON

_REFRESH_SECONDS = 3.0
# Providers' samples are up to this old when they are published, so that this is no delay of ours.
_USUALLY_BEHIND_SECONDS = 120.0


class Screen:
    """Writes to a terminal, or plain lines where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._runs: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._newest: dict[str, Run] = {}

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
            self._show(run)
            missing.discard(run.function)

    def follow(self, url: str, token: str) -> None:
        """Shows collections, and on a terminal the table and bars, until interrupted."""
        if not self._console.is_terminal:
            while True:
                self._show(self._runs.get())
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._picture(url, token), refresh=True)
                for run in self._runs_within(_REFRESH_SECONDS):
                    self._show(run)

    def _show(self, run: Run) -> None:
        self.line(run_line(run))
        if run.error is None:
            self._newest[run.function] = run

    def _runs_within(self, seconds: float) -> Iterator[Run]:
        try:
            yield self._runs.get(timeout=seconds)
            while True:
                yield self._runs.get_nowait()
        except queue.Empty:
            return

    def _picture(self, url: str, token: str) -> RenderableType:
        importing = import_bars(self._newest.values())
        table = self._table(url, token, self._console.height - len(importing))
        return Group(table, bars(importing)) if importing else table

    def _table(self, url: str, token: str, lines: int) -> Table:
        try:
            return live_table.table(live_table.ask(url, token), lines)
        except OSError as error:
            return live_table.unanswered(error)


def run_line(run: Run) -> str:
    """A collection in one line: when it was due, whose, what it brought, how long it took."""
    who = _provider(run)
    said = [f"failed: {run.error}"] if run.error is not None else _counts(run.answer)
    return f"{run.scheduled_time:%H:%M:%S}Z {who:<10}  {', '.join([*said, f'{run.seconds:.1f} s'])}"


def import_bars(newest: Iterable[Run]) -> list[Bar]:
    """A bar for each provider whose history is not all imported, by its newest run."""
    return [
        Bar(f"{_provider(run)} history", run.answer["importedPercent"], _left(run.answer))
        for run in sorted(newest, key=_provider)
        if run.answer["importedPercent"] < 100
    ]


def _provider(run: Run) -> str:
    return run.function.removesuffix("CollectorFunction").lower()


def _left(answer: JSON) -> str:
    return f"about {about(answer['importSecondsLeft'])} left"


def _counts(answer: JSON) -> Iterator[str]:
    """A collector's counts in words; what is nought and need not be said is left out."""
    yield f"{answer['resources']:,} resources"
    yield f"{answer['requests']:,} requests"
    yield f"{answer['samples']:,} samples"
    if answer["errors"]:
        yield f"{answer['errors']:,} errors (see the log)"
    if answer["secondsBehind"] > _USUALLY_BEHIND_SECONDS:
        yield f"{answer['secondsBehind'] / 60:,.0f} min behind"
    if answer["importedPercent"] < 100:
        yield f"{answer['importedPercent']}% of history imported, {_left(answer)}"
