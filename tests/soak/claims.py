"""What is wrong with what a resource's state claims: gaps against what is stored, by minutes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tributary.collected import Collected
from tributary.coverage import NOTHING, OPEN
from tributary.windows import MINUTE_MS, Window, floor_to, rfc3339

# Shorter holes are no gaps: hosts leave out samples.
_HOLE_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Minutes:
    """Of a resource, minutes (ms): in which the host measured, of which all that it measured is
    stored as fine as it was, none of it, and that coarser samples cover, by their resolution."""

    measured: frozenset[int]
    whole: frozenset[int]
    lost: frozenset[int]
    coarse: Mapping[int, int]


def wrong_claims(
    resource: str, state: Collected, minutes: Minutes, known: Window, unheard: Sequence[Window] = ()
) -> Iterator[str]:
    """Sentences about the gaps within a window of which everything is known.

    Of what was `unheard`, since nobody could ask in time, nobody knows whether anything ran in it.
    """
    claimed = dict(_claimed(state, known))
    yield from _said(
        f"{resource}: a gap ({{}} ms) is claimed where everything is stored",
        ((at, claimed[at]) for at in minutes.whole & claimed.keys()),
    )
    everything = range(floor_to(MINUTE_MS, known.start_ms), known.end_ms, MINUTE_MS)
    yield from _said(
        f"{resource}: an open gap ({{}}) is claimed where there is nothing to be had",
        ((at, OPEN) for at in everything if claimed.get(at) == OPEN),
    )
    yield from _said(
        f"{resource}: what is lost is claimed to be {{}} ms",
        (
            (at, claimed.get(at, 0))
            for at in _long(minutes.lost & set(everything))
            if claimed.get(at) != minutes.coarse.get(at, NOTHING)
        ),
    )
    yield from _said(
        f"{resource}: a gap ({{}} ms) is claimed where the host did not measure",
        (
            (at, claimed[at])
            for at in claimed.keys() - minutes.measured
            # A coarse sample stands for all of its time, whenever in it the host measured.
            if at in everything
            and claimed[at] != minutes.coarse.get(at)
            and not (claimed[at] == NOTHING and any(at in one for one in unheard))
        ),
    )
    if state.imported != 100:
        yield f"{resource}: {state.imported} % imported"


def _claimed(state: Collected, known: Window) -> Iterator[tuple[int, int]]:
    """Each minute that lies in a gap wholly, with what the gap says of it."""
    for gap in state.coverage.gaps if state.coverage else ():
        within = gap.window.common(known)
        first = -floor_to(MINUTE_MS, -within.start_ms)
        for at_ms in range(first, within.end_ms - MINUTE_MS + 1, MINUTE_MS):
            yield at_ms, gap.resolution_ms


def _long(minutes: Iterable[int]) -> Iterator[int]:
    """Those that are no short holes."""
    for run in _runs(minutes):
        if len(run) >= _HOLE_MINUTES:
            yield from run


def _runs(minutes: Iterable[int]) -> Iterator[list[int]]:
    numbered = enumerate(sorted(minutes))
    for _, run in groupby(numbered, key=lambda one: one[1] - one[0] * MINUTE_MS):
        yield [at for _, at in run]


def _said(what: str, found: Iterable[tuple[int, int]]) -> Iterator[str]:
    claims = dict(found)
    for state in sorted(set(claims.values())):
        for run in _runs(at for at, claim in claims.items() if claim == state):
            span = f"{rfc3339(run[0])} to {rfc3339(run[-1] + MINUTE_MS)}"
            yield f"{what.format(state)}: {span}"
