"""The report: all rows as one table, under what they were measured on."""

import os
import platform
from collections.abc import Sequence

import psutil

from benchmarks.row import Row

_HEADINGS = ("part", "what", "ours", "peer", "ratio", "budget", "")
_GIB = 2**30


def report(rows: Sequence[Row]) -> str:
    """The table as people read it in a terminal."""
    lines = [_HEADINGS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    rule = "  ".join("-" * width for width in widths).rstrip()
    return "\n".join([texts[0], rule, *texts[1:]])


def machine() -> str:
    """Cores, memory, system and Python that the figures are from."""
    memory = psutil.virtual_memory().total / _GIB
    return (
        f"{os.process_cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    budget = "" if row.most is None else f"{row.most:g}"
    return row.part, row.what, row.ours, row.peer, ratio, budget, _verdict(row)


def _verdict(row: Row) -> str:
    if row.most is None:
        return ""
    return {True: "reached", False: "MISSED", None: "not measured"}[row.reached]
