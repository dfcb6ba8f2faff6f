"""Rows: what one measurement says, beside its peer and what it is to reach."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of `make bench`.

    `ours` and `peer` are figures with their units, as a person reads them; `ratio` is ours in
    terms of the peer's from the same run, None where there is no peer; `most` is the ratio, or
    without a peer the figure, that is to be reached at most, and `figure` what is held against it.
    """

    part: str
    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    figure: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the budget holds; None where there is none, or nothing to hold against it."""
        held = self.figure if self.ratio is None else self.ratio
        return None if self.most is None or held is None else held <= self.most
