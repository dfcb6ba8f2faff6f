"""An account of each provider, over real HTTP to a loopback server that gives recorded answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from functions.hostup_collector import provider as hostup_provider
from functions.hostup_collector.provider import Hostup
from functions.northflank_collector import provider as northflank_provider
from functions.northflank_collector.provider import Northflank
from tests.providers.loopback import Asked, Clock, Loopback, Recorded, loopback
from tributary.client import Client


@contextmanager
def northflank(
    answer: Callable[[Asked], Recorded], team: str | None = None
) -> Iterator[tuple[Northflank, Loopback]]:
    """The adapter of an account called main, and the server that it asks."""
    clock, dialect = Clock(), northflank_provider.DIALECT
    with loopback(answer) as server:
        client = Client(server.url, "nf-test-token", dialect, clock=clock, sleep=clock.sleep)
        yield Northflank(client, "main", team), server


@contextmanager
def hostup(answer: Callable[[Asked], Recorded]) -> Iterator[tuple[Hostup, Loopback]]:
    """The adapter of an account called main, and the server that it asks."""
    clock, dialect = Clock(), hostup_provider.DIALECT
    with loopback(answer) as server:
        client = Client(server.url, "hu-test-key", dialect, clock=clock, sleep=clock.sleep)
        yield Hostup(client, "main"), server
