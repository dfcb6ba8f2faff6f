"""`make backfill` against a table that missed something, and simulated hosts that still have it."""

import io
import json
import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import boto3
import pytest
from rich.console import Console

from local.backfill import main
from local.backfill_bar import in_words
from local.backfill_pace import Progress, per_hour, seconds_for, spare
from local.build import ROOT
from local.failure import Failure
from local.providers import HostupSimulator, NorthflankSimulator, serve
from local.providers.hostup_timeframes import PROXMOX_9
from tests.dynamodb import KEYS, TABLE
from tests.layer.collecting import PLENTY, TOKEN, Door, Fleet
from tests.layer.samples import TEN
from tests.layer.world import World
from tests.local.fleet import container, project, vps, workload
from tests.local.simulated_machine import KnownLoad
from tributary.columns import Column
from tributary.coverage import NOTHING
from tributary.pacing import Standing
from tributary.report import Report
from tributary.run_record import RunRecords
from tributary.table import Table
from tributary.windows import HOUR_MS

pytestmark = pytest.mark.moto("dynalite would keep the second table for the next test")

API, WORKER = "northflank/main/p/services/api", "northflank/main/p/services/worker"
WEB = "hostup/main/web"
A_DAY_OF_MINUTES = (*PROXMOX_9[:2], *(replace(one, samples=0) for one in PROXMOX_9[2:]))
# Time, value and resolution.
type Row = tuple[int, float, int]
type Simulator = NorthflankSimulator | HostupSimulator


class Ending(threading.Event):
    """A wish to stop that comes once so many requests were sent; waiting costs no time."""

    def __init__(self, world: World, door: Door, after_requests: float = float("inf")) -> None:
        super().__init__()
        self._world, self._door, self._after = world, door, after_requests

    def is_set(self) -> bool:
        return len(self._door.asked) >= self._after

    def wait(self, timeout: float | None = None) -> bool:
        self._world.now += timeout or 0.0
        return self.is_set()


@dataclass
class Site:
    """A simulated host, a table that collects from it with an outage, and one without."""

    simulator: Simulator
    door: Door
    disturbed: Fleet
    undisturbed: Fleet
    said: list[str] = field(default_factory=list)
    hours: int = 0

    @property
    def world(self) -> World:
        return self.disturbed.world

    def collect(self, hours: float, *fleets: Fleet) -> None:
        """A scheduled run of each, so many hours after 10:00."""
        for one in fleets:
            self.world.now = one.world.now = TEN / 1000 + hours * 3600
            report = one.run(hours * 60)
            assert not report.errors

    def outage(self, hours: int = 6) -> None:
        """Both collect at 10:00, and then one of them alone."""
        self.collect(0, self.disturbed, self.undisturbed)
        self.hours = hours
        for hour in range(2, hours + 1, 2):
            self.collect(hour, self.undisturbed)

    def backfill(self, *arguments: str, after_requests: float = float("inf")) -> int:
        """Its exit status; what it says is kept."""
        written = io.StringIO()
        ending = Ending(self.world, self.door, len(self.door.asked) + after_requests)
        given = [f"--provider={self.disturbed.name}", f"--table={TABLE}", *arguments]
        try:
            return main(given, os.environ, Console(file=written), ending, self.world.clock)
        finally:
            self.said = written.getvalue().splitlines()

    def samples(self, fleet: Fleet, resource: str) -> dict[tuple[str, str], list[Row]]:
        """Everything stored of a resource in the outage, whoever asked for it when."""
        return {
            (column.key.metric, column.key.instance): _rows(column)
            for column in fleet.world.read(0, self.hours * 3600 - 600, resource)
        }


def _rows(column: Column) -> list[Row]:
    return [
        (column.times[row], column.values[row], run.resolution_ms)
        for first, last, run in column.spans()
        for row in range(first, last)
    ]


@contextmanager
def site(simulated: Callable[[World], Simulator], name: str) -> Iterator[Site]:
    """A host as it is simulated by a world's clock, and both tables."""
    world, other = World(TEN / 1000), World(TEN / 1000)
    client = boto3.client("dynamodb")
    client.create_table(TableName="undisturbed", BillingMode="PAY_PER_REQUEST", **KEYS)
    other.table = Table(other.client, "undisturbed", other.clock)
    other.store = other.store_with()
    put_secret({"name": "main", "token": TOKEN})
    simulator = simulated(world)
    door = Door(simulator)
    with serve(door) as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv(f"{name.upper()}_BASE_URL", server.url)
        disturbed = Fleet(world, name, server.url, door, simulator)
        undisturbed = Fleet(other, name, server.url, door, simulator)
        yield Site(simulator, door, disturbed, undisturbed)


def put_secret(*accounts: dict[str, str]) -> None:
    boto3.client("secretsmanager").create_secret(
        Name="key", SecretString=json.dumps({"accounts": accounts})
    )


def northflank(requests_per_hour: int = 10**6) -> Callable[[World], NorthflankSimulator]:
    def simulated(world: World) -> NorthflankSimulator:
        services = project(
            workload("api", container("api-1-a", created=-1200)),
            workload("worker", container("worker-1-a", created=-1200)),
        )
        return NorthflankSimulator(
            TOKEN, projects=[services], clock=world.clock, requests_per_hour=requests_per_hour,
            load=KnownLoad(live_from=TEN // 1000 + 10 * 86_400),
        )  # fmt: skip

    return simulated


def hostup(world: World) -> HostupSimulator:
    return HostupSimulator(
        TOKEN, vpses=[vps("web", created=-1200)], clock=world.clock, timeframes=A_DAY_OF_MINUTES,
        load=KnownLoad(live_from=TEN // 1000 + 10 * 86_400), requests_per_minute=10**6,
    )  # fmt: skip


@pytest.fixture
def services(table: None) -> Iterator[Site]:
    """Northflank with two services."""
    with site(northflank(), "northflank") as found:
        yield found


def test_half_a_day_that_was_missed_is_as_if_it_had_not_been(services: Site) -> None:
    services.outage(12)
    whole = services.samples(services.undisturbed, API)
    assert services.samples(services.disturbed, API) != whole

    assert services.backfill("--from=-13h", "--secret=key") == 0

    assert services.samples(services.disturbed, API) == whole
    assert len(whole["cpu.utilization", "api-1-a"]) == 12 * 360 - 60
    for resource in (API, WORKER):
        assert services.disturbed.state(resource).gaps_before(2**53) == []


def test_a_vps_minutes_are_filled_in_where_the_host_has_them(table: None) -> None:
    with site(hostup, "hostup") as vpses:
        vpses.outage(12)
        whole = vpses.samples(vpses.undisturbed, WEB)

        assert vpses.backfill("--from=-12h", "--secret=key") == 0

        assert vpses.samples(vpses.disturbed, WEB) == whole
        assert len(whole) == 6
        assert vpses.disturbed.state(WEB).gaps_before(2**53) == []


def test_a_gap_that_the_host_could_not_fill_is_closed_when_it_can(services: Site) -> None:
    services.collect(0, services.disturbed)
    services.door.silent = True
    services.collect(3, services.disturbed)
    services.door.silent = False
    services.collect(6, services.disturbed)
    lost = {gap.resolution_ms for gap in services.disturbed.state(API).coverage.gaps}  # type: ignore[union-attr]
    assert lost == {NOTHING}

    assert services.backfill("--from=-7h", "--secret=key", f"--resource={API}") == 0

    assert services.disturbed.state(API).coverage.gaps == ()  # type: ignore[union-attr]


def test_what_was_stored_already_stays_as_it_is(services: Site) -> None:
    services.outage()
    services.backfill("--from=-6h", "--secret=key")
    before = services.world.items()

    services.backfill("--from=-6h", "--secret=key")

    kept = {key: item for key, item in services.world.items().items() if key[0].startswith("n")}
    assert kept == {key: item for key, item in before.items() if key[0].startswith("n")}
    assert services.said[-1].endswith(" requests, 0 samples that were not there before.")


def test_only_resources_that_begin_so_are_asked_for(services: Site) -> None:
    services.outage()
    asked = services.door.metrics_asked("worker")

    assert services.backfill("--from=-4h", "--secret=key", f"--resource={API}") == 0

    assert services.door.metrics_asked("worker") == asked
    assert services.said[0] == (
        "northflank/main: everything since 2026-11-22T12:00:00Z. Ctrl-C ends it."
    )


def test_the_budget_is_kept_and_waited_for(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTHFLANK_REQUESTS_PER_HOUR", "5")
    with site(northflank(), "northflank") as slow:
        slow.outage()
        whole = slow.samples(slow.undisturbed, API)
        # Less from now on, and nobody knows how much there was.
        budget = slow.simulator.budget = northflank(requests_per_hour=5)(slow.world).budget
        run = {"pk": {"S": "acc#northflank/main"}, "sk": {"S": "run"}}
        slow.world.client.delete_item(TableName=TABLE, Key=run)
        began = slow.world.now

        assert slow.backfill("--from=-6h", "--secret=key") == 0

        windows = budget.windows()
        # Four of five requests are ours; each service needs one for now, three for before, and,
        # in each round, one for the containers that it had.
        assert [(one.allowed, one.refused) for one in windows] == [*[(4, 0)] * 3, (2, 0)]
        assert slow.world.now - began > 3600
        assert slow.samples(slow.disturbed, API) == whole


@pytest.mark.parametrize(
    ("after_requests", "reached"),
    [(1, "2026-11-22T10:00:00Z"), (3, "2026-11-22T12:00:00Z"), (7, "2026-11-22T14:00:00Z")],
)
def test_what_was_interrupted_goes_on_as_it_says(
    services: Site, after_requests: int, reached: str
) -> None:
    services.outage()

    assert services.backfill("--from=-6h", "--secret=key", after_requests=after_requests) == 1

    made, target, *given = shlex.split(services.said[-1])
    assert [made, target] == ["make", "backfill"]
    words = dict(each.split("=", 1) for each in given)
    assert words == {
        "FROM": reached,
        "PROVIDER": "northflank",
        "TABLE": TABLE,
        "SECRET": "key",
        "ACCOUNT": "main",
    }
    assert services.backfill(f"--from={reached}", "--secret=key") == 0
    for resource in (API, WORKER):
        assert services.samples(services.disturbed, resource) == (
            services.samples(services.undisturbed, resource)
        )


def test_scheduled_runs_are_not_kept_out(services: Site) -> None:
    services.outage()
    came: list[Report] = []
    told = services.door

    class During(Ending):
        def is_set(self) -> bool:
            if len(told.asked) > 4 + asked and not came:
                came.append(services.disturbed.run())
            return super().is_set()

    asked = len(told.asked)
    arguments = ["--from=-6h", "--provider=northflank", f"--table={TABLE}", "--secret=key"]
    console, ending = Console(file=io.StringIO()), During(services.world, told)
    assert main(arguments, os.environ, console, ending, services.world.clock) == 0

    (report,) = came
    assert (report.resources, report.messages) == (2, [])
    records = RunRecords(services.world.table, services.world.clock)
    record = records.get("northflank/main", PLENTY)
    assert record.lease.holder == ""
    assert record.budget.blocks == {}
    assert services.samples(services.disturbed, API) == services.samples(services.undisturbed, API)


def test_a_resource_that_fails_is_named_and_the_others_go_on(services: Site) -> None:
    services.outage()
    services.door.broken = {"worker/metrics": 404}

    assert services.backfill("--from=-6h", "--secret=key") == 1

    (line,) = [line for line in services.said if line.startswith(WORKER)]
    assert "404" in line
    assert services.samples(services.disturbed, API) == services.samples(services.undisturbed, API)


def test_a_token_of_the_environment_does_too(
    services: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.outage()
    monkeypatch.setenv("NORTHFLANK_TOKEN", TOKEN)

    assert services.backfill("--from=2026-11-22T14:00:00Z") == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "^Say since when, what and into which table"),
        ("--from=-7d --provider=northflank", "^Say since when"),
        ("--from=soon --provider=northflank --table=tributary", "^FROM: 'soon' is no time"),
        ("--from=now --provider=northflank --table=tributary", "^FROM=now is not in the past"),
        ("--from=-7d --provider=aws --table=tributary", "^PROVIDER=aws is not one of northflank,"),
        ("--from=-7d --provider=northflank --table=no", "^The table 'no' can't be read: .*AWS_RE"),
        ("--from=-7d --provider=hostup --table=tributary", "knows no resources of hostup yet"),
        ("--from=-7d --provider=northflank --table=tributary", "^No key to ask northflank with"),
        (
            "--from=-7d --provider=northflank --table=tributary --secret=no",
            "^The secret 'no' can't be read: .*AWS_REGION",
        ),
        (
            "--from=-7d --provider=northflank --table=tributary --secret=key --account=no",
            "^No account to ask northflank as: the table has main, the secret main, ACCOUNT is no",
        ),
    ],
)
def test_what_cant_be_meant_is_said_at_once(services: Site, given: str, said: str) -> None:
    services.collect(0, services.disturbed)
    asked = len(services.door.asked)

    with pytest.raises(Failure, match=said):
        main(
            given.split(), {}, Console(file=io.StringIO()), threading.Event(), services.world.clock
        )

    assert len(services.door.asked) == asked


def test_a_key_that_is_refused_is_said(services: Site) -> None:
    services.outage()
    services.simulator.token = "another"

    assert services.backfill("--from=-6h", "--secret=key") == 1

    assert any("401" in line for line in services.said)


@pytest.mark.parametrize(
    ("left", "resets_in_hours", "living", "spared"),
    [
        (800, 1, 10, 600),  # 12 runs of 10, and a tenth of what is ours.
        (400, 0.5, 10, 260),
        (800, 1, 700, 6),  # More than there is: a twelfth of the tenth, until the next run.
        (3, 1, 700, 3),
        (0, 1, 10, 0),
    ],
)
def test_what_scheduled_runs_need_is_left_to_them(
    left: int, resets_in_hours: float, living: int, spared: int
) -> None:
    standing = Standing(left, int(resets_in_hours * HOUR_MS), 800, HOUR_MS)

    assert spare(standing, living, 300_000) == spared


def test_of_a_budget_by_the_minute_runs_need_their_part() -> None:
    # Each fifth minute 100 requests, so 20 of the 48 of a minute.
    assert spare(Standing(48, 60_000, 48, 60_000), 100, 300_000) == 24
    assert per_hour(Standing(48, 60_000, 48, 60_000), 100, 300_000) == 24 * 60


def test_the_rest_takes_as_long_as_the_budget_says() -> None:
    standing = Standing(400, HOUR_MS // 2, 800, HOUR_MS)

    assert seconds_for(260, standing, 260, 600) == 0
    assert seconds_for(860, standing, 260, 600) == 1800 + 3600


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(10, 10, 5, 0, 600), "0 requests left"),
        (Progress(0, 0, 0, 0, 0, 60), "nothing asked yet; waits for it 60 s"),
        (
            Progress(10, 1210, 5, 7200, 600),
            "1,200 requests left, about 2 h; the budget allows 600 an hour",
        ),
        (
            Progress(10, 1210, 5, 7200, 600, 300),
            "1,200 requests left, about 2 h; the budget allows 600 an hour; waits for it 5 min",
        ),
    ],
)
def test_the_bar_says_how_it_goes_on(progress: Progress, words: str) -> None:
    assert in_words(progress) == words


def test_make_hands_on_what_is_given() -> None:
    given = ["FROM=-7d", "PROVIDER=hostup", "TABLE=t", "SECRET=s", "ACCOUNT=main", "RESOURCE=x/y z"]
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "backfill", *given],
        cwd=ROOT,
        env=os.environ | {"MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    words = shlex.split(done.stdout.partition("python -m local.backfill")[2].replace("\\\n", ""))

    assert words == [
        f"--{each.partition('=')[0].lower()}={each.partition('=')[2]}" for each in given
    ]
