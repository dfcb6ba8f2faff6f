"""The stack that runs on this machine: where other commands find it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from local.build import ROOT
from local.failure import Failure

NOTE = ROOT / ".local" / "running.json"


@dataclass(frozen=True)
class Running:
    """A running stack: the address of its API and of moto, and the name of its table."""

    url: str
    endpoint: str
    table: str
    pid: int


@contextmanager
def noted(url: str, endpoint: str, table: str, note: Path = NOTE) -> Iterator[None]:
    """Lets others find the stack of this process while in it."""
    note.write_text(json.dumps(asdict(Running(url, endpoint, table, os.getpid()))))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def running(note: Path = NOTE) -> Running:
    """The stack that runs here; Failure says how to start one."""
    try:
        found = Running(**json.loads(note.read_text()))
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError) as error:
        raise Failure(
            "No stack runs on this machine: start one with make run in another terminal, "
            "or name a deployed one's table: TABLE=…"
        ) from error
    return found
