"""The one place that calls pass: what a kill at one of them leaves undone."""

import pytest

from tests.crashes.calls import Calls, Killed


def run(calls: Calls) -> list[str]:
    """What took effect of the three calls of a run."""
    done: list[str] = []
    try:
        for name in ("first", "second", "third"):
            calls.make(name, lambda name=name: done.append(name))  # type: ignore[misc]
    except Killed:
        # Another of its threads, say.
        with pytest.raises(Killed):
            calls.make("later", lambda: done.append("later"))
    return done


def test_every_call_takes_effect_where_nothing_is_killed() -> None:
    calls = Calls()

    assert run(calls) == calls.made == calls.effective == ["first", "second", "third"]
    assert not calls.killed


def test_a_run_that_is_killed_before_a_call_leaves_it_undone() -> None:
    calls = Calls(2)

    assert run(calls) == ["first"]
    assert calls.killed
    assert calls.effective == ["first"]


def test_a_run_that_is_killed_after_a_call_has_done_it() -> None:
    calls = Calls(2, after=True)

    assert run(calls) == ["first", "second"]
    assert calls.killed
    assert calls.effective == ["first", "second"]


def test_a_refused_call_is_made_and_takes_no_effect() -> None:
    calls = Calls()

    def refuse() -> None:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        calls.make("refused", refuse)

    assert (calls.made, calls.effective) == (["refused"], [])


def test_what_comes_between_comes_before_the_call() -> None:
    seen: list[list[str]] = []
    calls = Calls(2, meanwhile=lambda: seen.append(list(calls.effective)))

    assert run(calls) == ["first", "second", "third"]
    assert seen == [["first"]]
