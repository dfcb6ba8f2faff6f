"""An allowance: one run's hold on its account's request budget, one request at a time."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from tributary.errors import OutOfBudgetError, StorageError
from tributary.pacing import Standing
from tributary.rate_limit import LEAST_SECONDS, RateLimit
from tributary.request_budget import BudgetWindow
from tributary.windows import SECOND_MS

# Of the share, so that a long run that needs more than it thought reserves it in few puts.
_MORE = 10
# Later answers name the same end a little later, which is no news to other runs.
_NEWS_MS = 5 * SECOND_MS

type Change = Callable[[BudgetWindow], BudgetWindow]


class Allowance:
    """Requests that the holder has reserved and may send; may be used by several threads.

    `window` is the budget as `store` knows it; `store` changes what is stored and returns what that
    is then. What is heard is kept until there is something to store: another block, a 429, the end.
    """

    def __init__(
        self,
        holder: str,
        until_ms: int,
        window: BudgetWindow,
        store: Callable[[Change], BudgetWindow],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._holder, self._until_ms = holder, until_ms
        self._window, self._store = window, store
        self._clock, self._sleep = clock, sleep
        self._unanswered = 0
        self._changes: list[Change] = []
        self._lock = threading.Lock()

    def standing(self) -> Standing:
        """How the budget stands for this run, for all that it knows."""
        with self._lock:
            now_ms = self._now_ms()
            standing = Standing.of(self._window, now_ms)
            blocked = now_ms < self._window.blocked_until_ms
            return replace(standing, left=0 if blocked else standing.left + self._unsent(now_ms))

    def take(self, asked: str, seconds_left: float) -> int:
        """Waits until one request may be sent, and counts it as sent: at the instant returned.

        Reserves a further block where none is left. Raises OutOfBudgetError where there will be
        none until a second before the seconds are over, and StorageError where it can't be known.
        """
        ends = self._clock() + seconds_left - LEAST_SECONDS
        while True:
            with self._lock:
                now_ms = self._now_ms()
                opens_ms = self._taken(asked, now_ms)
            if opens_ms is None:
                return now_ms
            if opens_ms / SECOND_MS > ends:
                raise OutOfBudgetError(f"{asked} not sent: {self._explained(opens_ms, now_ms)}")
            self._sleep((opens_ms - now_ms) / SECOND_MS)

    def heard(self, sent: int, said: RateLimit) -> None:
        """Notes the answer to a request that was taken at `sent`, or that there was none.

        A 429 is stored at once, so that no other run asks until its time is over.
        """
        with self._lock:
            now_ms, before_ms = self._now_ms(), self._window.blocked_until_ms
            self._unanswered -= 1
            self._note(lambda window: window.answered(self._holder, sent, now_ms, said))
            self._give_back_excess(now_ms)
            if self._window.blocked_until_ms > before_ms + _NEWS_MS:
                # What can't be stored now is with the next put.
                with suppress(StorageError):
                    self._stored(lambda window: window)

    def closed(self, window: BudgetWindow) -> BudgetWindow:
        """The stored window, with all that was heard since and without what was not sent."""
        with self._lock:
            return self._with_changes(window).returned(self._holder, self._now_ms())

    def _taken(self, asked: str, now_ms: int) -> int | None:
        """None if a request was taken, else when to try again."""
        if now_ms >= self._until_ms:
            raise OutOfBudgetError(f"{asked} not sent: the run's time is over")
        if now_ms < self._window.blocked_until_ms:
            return self._window.opens_ms(now_ms)
        if not self._unsent(now_ms) and self._window.left(now_ms):
            more = max(1, self._window.allowed // _MORE)
            self._stored(lambda window: window.reserved(self._holder, more, self._until_ms, now_ms))
        if self._unsent(now_ms):
            self._unanswered += 1
            return None
        return self._window.opens_ms(now_ms)

    def _give_back_excess(self, now_ms: int) -> None:
        """Does without requests that are reserved and, by what was just heard, too many."""
        excess = min(self._window.excess(now_ms), self._unsent(now_ms))
        if excess:
            self._note(lambda window: window.returned(self._holder, now_ms, excess))

    def _unsent(self, now_ms: int) -> int:
        return max(0, self._window.at(now_ms).requests_of(self._holder) - self._unanswered)

    def _note(self, change: Change) -> None:
        self._changes.append(change)
        self._window = change(self._window)

    def _stored(self, change: Change) -> None:
        self._window = self._store(lambda window: change(self._with_changes(window)))
        self._changes.clear()

    def _with_changes(self, window: BudgetWindow) -> BudgetWindow:
        for change in self._changes:
            window = change(window)
        return window

    def _explained(self, opens_ms: int, now_ms: int) -> str:
        window, seconds = self._window, (opens_ms - now_ms) / SECOND_MS
        if window.blocked_until_ms > now_ms:
            return f"the provider takes no requests for {seconds:.0f} s"
        share = f"{window.allowed} of {window.provider_limit} requests"
        return f"its share of {share} is used up for {seconds:.0f} s"

    def _now_ms(self) -> int:
        return int(self._clock() * SECOND_MS)
