"""Child processes in groups of their own, ended whole: even when this process is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_GRACE_SECONDS = 3.0


class Processes:
    """Starts children and ends all of them on exit, each with whatever it started itself.

    A warden process holds the other end of a pipe: if this process dies without a word, the pipe
    closes, and the warden ends the groups it was told of.
    """

    def __init__(self) -> None:
        self._warden = subprocess.Popen(
            [sys.executable, "-m", "local.warden"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        directory: Path,
        log: IO[bytes],
        *,
        piped: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Starts a command whose output goes to `log`; `piped` gives it stdin and stdout instead.

        Raises OSError if the command cannot be run.
        """
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else log,
            stderr=log,
            start_new_session=True,
        )
        self._tell_warden(f"+{child.pid}")
        self._children.append(child)
        return child

    def end(self, child: subprocess.Popen[bytes]) -> None:
        """Ends a child and its group: asked first, made to after three seconds."""
        if child in self._children:
            self._children.remove(child)
            end_group(child)
            self._tell_warden(f"-{child.pid}")

    def close(self) -> None:
        """Ends every child, the last started first, and the warden."""
        while self._children:
            self.end(self._children[-1])
        if self._warden.stdin:
            self._warden.stdin.close()
        self._warden.wait()

    def _tell_warden(self, line: str) -> None:
        assert self._warden.stdin is not None
        self._warden.stdin.write(line + "\n")
        self._warden.stdin.flush()


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Ends a child that leads a process group, and whatever is left of the group after it."""
    signal_group(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):  # it was asked: now the whole group is made to
        child.wait(_GRACE_SECONDS)
    signal_group(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()


def signal_group(group: int, number: signal.Signals) -> None:
    """Signals every process of a group; one that has ended already is no error."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: PermissionError for a group of zombies
        return
