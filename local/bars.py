"""Bars: how far bringing in what a host has from before has come, and about how long it takes."""

from dataclasses import dataclass

from rich.progress_bar import ProgressBar
from rich.table import Table

_WIDTH = 40
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True)
class Bar:
    """So much of a whole that is called `what`, with `words` on how it goes on."""

    what: str
    percent: float
    words: str


def bars(shown: list[Bar]) -> Table:
    """The bars below each other."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(width=_WIDTH)
    grid.add_column(justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for bar in shown:
        done = ProgressBar(total=100, completed=bar.percent, width=_WIDTH)
        grid.add_row(bar.what, done, f"{bar.percent:.0f}%", bar.words)
    return grid


def about(seconds: float) -> str:
    """A length of time that is an estimate, in words."""
    if seconds < 1.5 * _MINUTE:
        return f"{max(1, seconds):.0f} s"
    if seconds < 1.5 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 48 * _HOUR:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / (24 * _HOUR):.0f} days"
