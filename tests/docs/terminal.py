"""A terminal in which a command runs as a person would see it."""

import os
import re
import selectors
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from local.build import ROOT

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SIZE = (60, 160)
_READ_BYTES = 65536


class Terminal:
    """What a command writes to its terminal, read as it comes."""

    def __init__(self, screen: int, process: subprocess.Popen[bytes]) -> None:
        self._screen = screen
        self._process = process
        self._written = b""
        os.set_blocking(screen, False)

    @property
    def lines(self) -> list[str]:
        """Everything so far, line by line and without control sequences."""
        text = self._written.decode(errors="replace")
        return _CONTROLS.sub("", text).replace("\r", "").splitlines()

    def read_until(self, words: str, seconds: float) -> None:
        """Reads until a line has these words; AssertionError if none does in time."""
        deadline = time.monotonic() + seconds
        while not any(words in line for line in self.lines):
            assert time.monotonic() < deadline, f"no {words!r} in {self.lines[-20:]}"
            assert self._read(1.0), f"ended without {words!r}: {self.lines[-20:]}"

    def interrupt(self) -> int:
        """Presses Ctrl-C, which goes to all that the command started; the exit status."""
        os.killpg(self._process.pid, signal.SIGINT)
        while self._read(60.0):
            pass
        return self._process.wait(60)

    def _read(self, seconds: float) -> bool:
        """Reads what comes within the time; False once nobody can write any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._screen, selectors.EVENT_READ)
            if not selector.select(seconds):
                return True
        try:
            read = os.read(self._screen, _READ_BYTES)
        except OSError:  # Linux's way to say that the other side is closed
            return False
        self._written += read
        return bool(read)


@contextmanager
def terminal(command: Sequence[str], **environment: str) -> Iterator[Terminal]:
    """Runs a command in the checkout, on a terminal, with these variables set; ends it after."""
    screen, keyboard = os.openpty()
    termios.tcsetwinsize(screen, _SIZE)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm"} | environment,
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
    )
    os.close(keyboard)
    try:
        yield Terminal(screen, process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        os.close(screen)
