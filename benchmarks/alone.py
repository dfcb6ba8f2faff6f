"""Alone: work in a process of its own, so that its memory is its own too."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def alone[**P, R](work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """What `work`, a function of a module, returns or raises in a process started for it."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(work, *arguments, **named).result()


def peak_bytes() -> int:
    """The most memory that this process has had resident so far, interpreter included."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: Linux counts in it what the parent had when it started the process.
        (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
