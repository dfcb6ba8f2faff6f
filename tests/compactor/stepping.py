"""Threads that take turns at the table: one call each time they are let on, killed where asked."""

import threading
from collections.abc import Callable, Iterable, Iterator

from tributary.table import Item, Key, Table


class Killed(BaseException):
    """The process is no more: nothing catches this but the actor's own thread."""


class Actor:
    """Something that runs in a thread of its own, from one table call to the next."""

    def __init__(self, act: Callable[["Actor"], None]) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._killed = False
        self._let_on = threading.Semaphore(0)
        self._waiting = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Lets the actor do one call and what follows it, up to before its next."""
        self._let_on.release()
        self._waiting.acquire()
        if self.done:
            self._thread.join()
        if self.error:
            raise self.error

    def kill(self) -> None:
        """Ends the actor before its next call."""
        self._killed = True
        self.step()

    def pause(self) -> None:
        """Waits, within the actor, until it is let on; a dead one does nothing any more."""
        if not self._killed:
            self._waiting.release()
        self._wait()

    def _run(self, act: Callable[["Actor"], None]) -> None:
        try:
            self._wait()
            act(self)
        except BaseException as error:
            self.error = None if isinstance(error, Killed) else error
        finally:
            self.done = True
            self._waiting.release()

    def _wait(self) -> None:
        if not self._killed:
            self._let_on.acquire()
        if self._killed:
            raise Killed


class SteppedTable(Table):
    """The table as one actor sees it, who pauses before each call."""

    def __init__(self, table: Table, actor: Actor) -> None:
        self.__dict__.update(table.__dict__)
        self._actor = actor

    def get(self, key: Key) -> Item | None:
        self._actor.pause()
        return super().get(key)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        self._actor.pause()
        return super().get_many(keys)

    def query(
        self, pk: str, first_sk: str, last_sk: str, *, consistent: bool = False
    ) -> Iterator[Item]:
        self._actor.pause()
        return super().query(pk, first_sk, last_sk, consistent=consistent)

    def put(self, item: Item, replacing: bytes | None) -> None:
        self._actor.pause()
        super().put(item, replacing)

    def extend(self, key: Key, expires_s: int) -> bool:
        self._actor.pause()
        return super().extend(key, expires_s)
