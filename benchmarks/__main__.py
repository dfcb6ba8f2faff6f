"""`make bench`: every part measured, one table; TRACES names a folder of CSV, PART one part."""

import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import fleet, growth, memory, peers, queries, storage, units
from benchmarks.report import machine, report
from benchmarks.row import Row
from benchmarks.traces import Trace, loaded, recorded
from local.failure import Failure
from tributary.windows import FIVE_MINUTES_MS

_YEAR_DAYS = 365


class Given:
    """What parts measure with: traces, loaded or recorded when first needed, and a folder that is
    removed in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def traces(self) -> list[Trace]:
        """Those in TRACES, else this machine's load."""
        named = os.environ.get("TRACES", "")
        if named:
            return loaded(Path(named))
        _tell("TRACES is not set: recording this machine's load for a minute")
        return recorded()


@dataclass(frozen=True, slots=True)
class Part:
    """A part by the name that PART gives; `rows` measures it."""

    name: str
    rows: Callable[[Given], Iterable[Row]]


PARTS = (
    Part("storage", lambda given: storage.rows(fleet.hosts(given.traces), given.folder)),
    Part("queries", lambda given: queries.rows(fleet.day(given.traces), given.folder)),
    Part(
        "year",
        lambda given: queries.year_rows(
            fleet.year(given.traces, _YEAR_DAYS, FIVE_MINUTES_MS), given.folder
        ),
    ),
    Part("units", lambda _: units.rows()),
    Part("memory", lambda _: memory.rows()),
    Part("growth", lambda _: growth.rows()),
)


def main() -> int:
    """Prints the table; 1 if something could not be measured, whatever the figures are."""
    rows: list[Row] = []
    failed = False
    peers.FOLDER.mkdir(exist_ok=True)
    try:
        parts = _chosen(os.environ.get("PART", ""))
        with TemporaryDirectory(prefix="run-", dir=peers.FOLDER) as folder:
            given = Given(Path(folder))
            for part in parts:
                failed |= not _measure(part, given, rows)
    except Failure as failure:
        _tell(str(failure))
        return 1
    print(machine(), report(rows), sep="\n\n")
    return int(failed)


def _chosen(name: str) -> list[Part]:
    parts = [part for part in PARTS if name in ("", part.name)]
    if not parts:
        known = ", ".join(part.name for part in PARTS)
        raise Failure(f"PART={name} is none of {known}.")
    return parts


def _measure(part: Part, given: Given, rows: list[Row]) -> bool:
    """Adds the part's rows; one that cannot be measured says why, and the next ones go on."""
    _tell(f"measuring {part.name}")
    try:
        rows.extend(part.rows(given))
    except Failure as failure:
        rows.append(Row(part.name, "could not be measured", str(failure)))
        return False
    # The outermost place: one part's defect is told in full and costs the table that part alone.
    except Exception as error:
        traceback.print_exc()
        rows.append(Row(part.name, "could not be measured", repr(error)))
        return False
    return True


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
