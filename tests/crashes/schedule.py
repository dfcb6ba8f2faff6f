"""The schedule that is disturbed, and which of its calls are tried."""

import os
from collections.abc import Sequence

import pytest

from tests.crashes.world import Invocation

SMALL = os.environ.get("SMALL", "1") != "0"

# First runs, runs five minutes later, and after outages of up to half an hour; a compaction of the
# first hour, one that closes the day, one of an hour that nothing marks, and a last one. However
# long a killed run is not made up for, HostUp still has every minute: what it had forgotten by then
# an undisturbed run would have stored, and nobody could any more.
SCHEDULE = tuple(
    Invocation(function, f"2026-11-{at}:00Z")
    for function, at in (
        ("northflank", "21T23:35"),
        ("hostup", "21T23:35"),
        ("northflank", "21T23:40"),
        ("hostup", "21T23:40"),
        ("compactor", "21T23:47"),
        ("northflank", "21T23:50"),
        ("hostup", "21T23:50"),
        ("northflank", "22T00:05"),
        ("hostup", "22T00:05"),
        ("northflank", "22T00:35"),
        ("hostup", "22T00:35"),
        ("compactor", "22T00:47"),
        ("northflank", "22T00:50"),
        ("hostup", "22T00:50"),
        ("compactor", "22T01:47"),
        ("compactor", "22T02:47"),
    )
)
# What is killed: every run after which there is another of its function.
KILLED = (*range(12), 14)
# A first run, and the one in its midst: its own event again, or another function that is late.
DOUBLED = (*((index, index) for index in KILLED), (4, 5), (5, 4), (11, 12), (12, 11))


def numbers(calls: Sequence[Sequence[str]], index: int, every: int, kinds: bool) -> list[int]:
    """Which calls of a run are tried: one in so many, with `kinds` also each that is the first of
    its kind in the schedule."""
    some = set(range(1, len(calls[index]) + 1)[index % every :: every])
    return sorted(some | _first_of_their_kinds(calls, index) if kinds else some)


def on_one_worker(index: int, *others: int) -> object:
    """Parameters of a test: trials of one run share what they find out."""
    return pytest.param(index, *others, marks=pytest.mark.xdist_group(f"crashes {index}"))


def _first_of_their_kinds(calls: Sequence[Sequence[str]], index: int) -> set[int]:
    known = {_kind(name) for run in calls[:index] for name in run}
    kinds = [_kind(name) for name in calls[index]]
    return {kinds.index(kind) + 1 for kind in set(kinds) - known}


def _kind(name: str) -> str:
    """`PutItem acc state`, whatever the resource, the account and the time are."""
    operation, *words = name.split("?")[0].split(" ")
    if operation != "GET":
        words = [word.split("#")[0] if "#" in word else "" for word in words]
    return " ".join([operation, *words])
