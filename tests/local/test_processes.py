"""No child outlives the process that started it, however that process ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from local.build import ROOT
from local.processes import Processes
from local.runtime import wait_until

# A child that starts a child of its own, both deaf to a polite request.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], "no more"] + sys.argv[1:2]) \
    if len(sys.argv) == 2 else None
print(child.pid if child else "", flush=True)
time.sleep(60)
"""

STARTER = """
import sys, time
from pathlib import Path
from local.processes import Processes
with Processes() as processes, open(sys.argv[2], "wb") as log:
    child = processes.start([sys.executable, "-c", sys.argv[1], sys.argv[1]], {}, Path("/"), log)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def family(log: Path, leader: int) -> list[psutil.Process]:
    """The stubborn child and its own child, once both are there."""
    assert wait_until(lambda: log.read_text().strip() != "", 10)
    return [psutil.Process(leader), psutil.Process(int(log.read_text().split()[0]))]


def ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_ending_a_child_ends_its_own_children_too(tmp_path: Path) -> None:
    with Processes() as processes, (tmp_path / "log").open("wb") as log:
        child = processes.start([sys.executable, "-c", STUBBORN, STUBBORN], {}, tmp_path, log)
        members = family(tmp_path / "log", child.pid)

        processes.end(child)

        assert wait_until(lambda: all(map(ended, members)), 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_children_end_when_their_starter_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, STUBBORN, log], stdout=subprocess.PIPE, cwd=ROOT
    )
    with starter:
        assert starter.stdout is not None
        members = family(log, int(starter.stdout.readline()))

        os.kill(starter.pid, number)

        assert wait_until(lambda: all(map(ended, members)), 10)


def test_what_a_child_prints_goes_to_its_log() -> None:
    with tempfile.TemporaryFile() as log, Processes() as processes:
        child = processes.start(["/bin/sh", "-c", "echo out; echo err >&2"], {}, Path("/"), log)
        child.wait()
        log.seek(0)

        assert log.read() == b"out\nerr\n"
