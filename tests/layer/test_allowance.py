"""Runs that ask simulated providers through the real client, and what the providers counted."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from functions.hostup_collector.provider import DIALECT as HOSTUP
from functions.northflank_collector.provider import DIALECT as NORTHFLANK
from local.providers import HostupSimulator, NorthflankSimulator, serve
from tests.layer.samples import TEN
from tests.layer.world import World
from tests.local.simulated_machine import KnownLoad
from tests.providers.loopback import Clock
from tests.wire import Wire, lost
from tributary.client import Client, Dialect
from tributary.credentials import Credentials
from tributary.errors import OutOfBudgetError, RateLimitedError
from tributary.rate_limit import NOTHING_SAID
from tributary.request_budget import RequestLimit
from tributary.run_record import Run, RunRecords

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = "a-token-that-nobody-may-log"


class Counting:
    """A WSGI app before a provider that notes the status of every answer."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.statuses: list[int] = []
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, headers, error)

        return self._app(environ, started)


class Account:
    """Runs over an account at a provider, of which each sends requests until it may send no more.

    Its time passes by sleeping, and by a fifth of a second at each request.
    """

    def __init__(
        self, clock: Clock, records: RunRecords, url: str, dialect: Dialect, limit: RequestLimit,
        path: str,
    ) -> None:  # fmt: skip
        self.clock, self.records = clock, records
        self.url, self.dialect, self.limit, self.path = url, dialect, limit, path
        self.runs = 0

    def begin(self, wanted: int, seconds: float = 240) -> Run:
        self.runs += 1
        until_ms = int((self.clock.now + seconds + 30) * 1000)
        run = self.records.begin(
            f"{self.dialect.provider}/main", f"run {self.runs}", until_ms, self.limit, TOKEN,
            lambda known: wanted,
        )  # fmt: skip
        assert run is not None
        return run

    def client(self, run: Run, credentials: Credentials, seconds: float = 240) -> Client:
        return Client(
            self.url, credentials, self.dialect, allowance=run.allowance,
            deadline=self.clock.now + seconds, clock=self.clock, wall_clock=self.clock,
            sleep=self.clock.sleep,
        )  # fmt: skip

    def ask(self, client: Client, count: int, threads: int = 1) -> int:
        """How many of the requests could be sent."""

        def asked(_: int) -> bool:
            self.clock.now += 0.2
            try:
                client.get(self.path)
            except OutOfBudgetError:
                return False
            return True

        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(asked, range(count)))


@contextmanager
def hostup(world: World) -> Iterator[tuple[Account, Counting]]:
    """An account at a HostUp that takes 60 requests a minute and says so in its 429 alone."""
    clock = Clock(TEN / 1000)
    door = Counting(HostupSimulator(TOKEN, clock=clock, load=KnownLoad(), requests_per_minute=60))
    with serve(door) as server:
        records = RunRecords(world.table, clock, clock.sleep)
        limit = RequestLimit(60, 60)
        yield Account(clock, records, server.url, HOSTUP, limit, "/api/v2/vps"), door


@pytest.mark.parametrize("wanted", [0, 48, 500])
def test_a_provider_that_says_nothing_of_its_limit_never_has_to_refuse(
    world: World, wanted: int
) -> None:
    with hostup(world) as (account, door):
        sent = 0
        for _ in range(2):
            run, credentials = account.begin(wanted), Credentials(TOKEN)
            sent += account.ask(account.client(run, credentials), 100)
            run.finish(credentials)
            account.clock.now += 3
    assert set(door.statuses) == {200}
    # Every run could wait for the windows that it needed.
    assert len(door.statuses) == sent == 200


def test_threads_together_keep_to_the_budget_as_one_does(world: World) -> None:
    with hostup(world) as (account, door):
        run = account.begin(20)
        sent = account.ask(account.client(run, Credentials(TOKEN)), 110, threads=4)
    assert set(door.statuses) == {200}
    assert len(door.statuses) == sent >= 90


def test_runs_that_die_leave_no_more_than_is_allowed(world: World) -> None:
    with hostup(world) as (account, door):
        sent = 0
        for _ in range(6):
            run = account.begin(30, seconds=15)
            sent += account.ask(account.client(run, Credentials(TOKEN), 15), 30)
            account.clock.now = max(account.clock.now, run.ends_ms / 1000)
    assert set(door.statuses) == {200}
    assert len(door.statuses) == sent >= 90


def test_others_who_use_the_whole_limit_stop_every_run_until_the_provider_says(
    world: World,
) -> None:
    with hostup(world) as (account, door):
        others = Client(account.url, TOKEN, HOSTUP, clock=account.clock)
        for _ in range(60):
            others.get("/api/v2/vps")
        run = account.begin(5, seconds=20)
        with pytest.raises(RateLimitedError, match="answered 429"):
            account.client(run, Credentials(TOKEN), 20).get("/api/v2/vps")
        # The run dies here, and the next one knows all the same.
        account.clock.now = run.ends_ms / 1000
        following = account.begin(5, seconds=5)
        assert account.ask(account.client(following, Credentials(TOKEN), 5), 3) == 0
        following.finish(Credentials(TOKEN))
        assert door.statuses == [200] * 60 + [429]
        account.clock.now += 10
        last = account.begin(5)
        assert account.ask(account.client(last, Credentials(TOKEN)), 3) == 3


@contextmanager
def northflank(world: World) -> Iterator[tuple[Account, Counting]]:
    """An account at a Northflank that takes 100 requests an hour, where 1000 are configured."""
    clock = Clock(TEN / 1000)
    door = Counting(
        NorthflankSimulator(TOKEN, clock=clock, load=KnownLoad(), requests_per_hour=100)
    )
    with serve(door) as server:
        records = RunRecords(world.table, clock, clock.sleep)
        limit = RequestLimit(1000, 3600)
        yield Account(clock, records, server.url, NORTHFLANK, limit, "/v1/projects"), door


@pytest.mark.parametrize("wanted", [10, 500])
def test_a_provider_that_counts_aloud_keeps_a_fifth_for_others_and_never_refuses(
    world: World, wanted: int
) -> None:
    with northflank(world) as (account, door):
        others = Client(account.url, TOKEN, NORTHFLANK, clock=account.clock)
        for _ in range(30):
            others.get("/v1/projects")
        sent = []
        for slot in range(14):
            account.clock.now = TEN / 1000 + slot * 300 + 1
            run, credentials = account.begin(wanted), Credentials(TOKEN)
            sent.append(account.ask(account.client(run, credentials), 20))
            assert run.allowance.standing().allowed == 80
            run.finish(credentials)
    assert set(door.statuses) == {200}
    assert sent[:12] == [20, 20, 10] + [0] * 9
    # An hour after the first request of all the next window opens.
    assert sent[12:] == [20, 20]


def test_what_others_take_meanwhile_is_not_asked_for_though_it_was_reserved(world: World) -> None:
    with northflank(world) as (account, door):
        others = Client(account.url, TOKEN, NORTHFLANK, clock=account.clock)
        run, credentials = account.begin(80), Credentials(TOKEN)
        client = account.client(run, credentials)
        assert account.ask(client, 10) == 10
        for _ in range(50):
            others.get("/v1/projects")
        # The first answer tells of the fifty.
        assert account.ask(client, 40) == 20
        assert client.remaining == 20
        run.finish(credentials)
    assert set(door.statuses) == {200}


@pytest.mark.parametrize(("threads", "least"), [(1, 80), (4, 77)])
def test_all_of_the_share_can_be_used(world: World, threads: int, least: int) -> None:
    with northflank(world) as (account, door):
        run, credentials = account.begin(80), Credentials(TOKEN)
        sent = account.ask(account.client(run, credentials), 90, threads)
        run.finish(credentials)
    # Of those of other threads that are under way nobody knows whether they were counted.
    assert least <= sent <= 80
    assert door.statuses == [200] * sent


def test_puts_whose_answers_are_lost_count_once(wire: Wire) -> None:
    world, clock = World(), Clock(TEN / 1000)
    records = RunRecords(world.table, clock, clock.sleep)
    limit = RequestLimit(1000, 3600)
    account = Account(clock, records, "http://127.0.0.1:1", NORTHFLANK, limit, "/v1/projects")

    wire.next("PutItem", lost)
    run = account.begin(1)
    for _ in range(2):
        wire.next("PutItem", lost)
        run.allowance.heard(run.allowance.take("GET /x", 240), NOTHING_SAID)
    assert records.get("northflank/main", limit).budget.left(TEN) == 800 - 1 - 80
    wire.next("PutItem", lost)
    run.finish(Credentials(TOKEN))

    assert records.get("northflank/main", limit).budget.left(TEN) == 798
