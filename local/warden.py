"""Outlives the process that started it just long enough to end the groups it left behind."""

import signal
import sys
import time

from local.processes import signal_group

_GRACE_SECONDS = 1.0


def main() -> None:
    """Reads `+group` and `-group` lines until the pipe closes, then ends the groups that remain."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    if groups:
        _end(groups)


def _end(groups: set[int]) -> None:
    for group in groups:
        signal_group(group, signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)  # no child of ours: there is nothing to wait for but time
    for group in groups:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
