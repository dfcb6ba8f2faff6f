"""The bar of a backfill: how far it has come, and how long the rest takes at which rate."""

import time

from rich.console import Console
from rich.live import Live

from local.backfill_pace import Progress
from local.bars import Bar, about, bars

_LINE_EVERY_SECONDS = 30.0


class Shown:
    """The bar of a backfill: live on a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console, what: str) -> None:
        self._console, self._what = console, what
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._said_at = -_LINE_EVERY_SECONDS

    def __enter__(self) -> "Shown":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, progress: Progress) -> None:
        """Shows how far it has come."""
        bar = Bar(self._what, progress.percent, in_words(progress))
        if self._live:
            self._live.update(bars([bar]), refresh=True)
        elif time.monotonic() >= self._said_at + _LINE_EVERY_SECONDS:
            self._said_at = time.monotonic()
            line = f"{bar.what}  {bar.percent:.0f}%  {bar.words}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def in_words(progress: Progress) -> str:
    """How a backfill goes on."""
    left = progress.total - progress.done
    words = f"{left:,} requests left" if progress.total else "nothing asked yet"
    if left:
        rate = f"the budget allows {progress.per_hour:,.0f} an hour"
        words += f", about {about(progress.seconds_left)}; {rate}"
    if progress.waiting_seconds:
        words += f"; waits for it {about(progress.waiting_seconds)}"
    return words
