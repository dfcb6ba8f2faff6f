"""The stack that runs on this machine: where other commands find it, by its port."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.build import ROOT
from local.failure import Failure

NOTES = ROOT / ".local"


@dataclass(frozen=True)
class Running:
    """A running stack: its process, moto's address, and the name of its table."""

    endpoint: str
    table: str
    pid: int


@contextmanager
def noted(url: str, endpoint: str, table: str, notes: Path = NOTES) -> Iterator[None]:
    """Lets others find the stack of this process, whose API is at the address, while in it."""
    note = _note(str(urlsplit(url).port), notes)
    note.write_text(json.dumps(asdict(Running(endpoint, table, os.getpid()))))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def running(port: str, notes: Path = NOTES) -> Running:
    """The stack whose API has the port; Failure says how to start one."""
    try:
        found = Running(**json.loads(_note(port, notes).read_text()))
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError) as error:
        raise Failure(
            f"No stack runs on this machine at port {port}: start one with make run in another "
            "terminal, say its port (PORT=…), or name a deployed one's table (TABLE=…)."
        ) from error
    return found


def _note(port: str, notes: Path) -> Path:
    return notes / f"running-{port}.json"
