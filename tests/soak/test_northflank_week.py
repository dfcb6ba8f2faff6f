"""Days of Northflank, twice 56 hours: nothing that could be had is lost, whatever happens.

In one it fails, throttles, is slow, late, revises and answers garbage, and the scheduler and the
table fail too. In the other keys change, a service is renamed, another re-made under its name, and
no run comes for longer than Northflank remembers. In both containers come and go.
"""

import os

import pytest

from local.providers import Ledger, NorthflankSimulator
from local.providers.faults import Fault, Kind
from local.providers.occasion import Occasion
from local.providers.settling import Provisional
from tests.local.simulated_machine import KnownLoad
from tests.soak.clock import DAY, HOUR, MINUTE, START, Clock
from tests.soak.findings import Findings, entries
from tests.soak.fleets import RENAMED_AFTER, projects
from tests.soak.host import Host
from tests.soak.week import Week, served

pytestmark = pytest.mark.soak

# Each, and they may be played side by side.
SECONDS = float(os.environ.get("WEEK_HOURS", "56")) * HOUR
AHEAD = 3 * MINUTE
REMEMBERS = DAY
SHOP = "northflank/main/shop/services"
MADE_UP = KnownLoad(live_from=START + 30 * DAY)

# Not later than what a run reads again: a minute of delay and four samples.
LATE = Provisional(90, Occasion(1.0, 26 * HOUR, 2 * HOUR))
REVISED = Provisional(90, Occasion(0.5, 29 * HOUR, 2 * HOUR))
FAULTS = (
    Fault(Kind.ERRORS, Occasion(0.1, 8 * HOUR, 5 * HOUR)),
    Fault(Kind.OUTAGE, Occasion(1.0, 20 * HOUR, 3 * HOUR)),
    Fault(Kind.GARBAGE, Occasion(0.3, 38 * HOUR, HOUR)),
    Fault(Kind.THROTTLED, Occasion(1.0, 40 * HOUR, 4 * HOUR)),
    Fault(Kind.SLOW, Occasion(0.2, 45 * HOUR, 2 * HOUR), seconds=9),
)


def northflank(late: Provisional | None = None, revised: Provisional | None = None) -> Host:
    clock = Clock()
    simulator = NorthflankSimulator(
        "first-key", projects=projects(SECONDS), clock=clock.off_by(AHEAD), load=MADE_UP,
        retention_seconds=REMEMBERS, most_samples=500, late=late, revised=revised,
        served=Ledger(1),
    )  # fmt: skip
    return Host("northflank", simulator, clock, AHEAD)


def reference(clock: Clock) -> NorthflankSimulator:
    """The same fleet as a provider has it that forgets nothing, and is never late."""
    return NorthflankSimulator(
        projects=projects(SECONDS, apart=True), clock=clock.off_by(AHEAD), load=MADE_UP,
        retention_seconds=30 * DAY,
    )  # fmt: skip


def test_nothing_is_lost_in_days_of_a_northflank_that_fails(table: None) -> None:
    host = northflank(LATE, REVISED)
    host.strike(FAULTS)
    down = ((16 * HOUR, 20 * MINUTE), (34 * HOUR, 3 * HOUR))
    happenings = (
        (48 * HOUR, lambda: host.throttle(True)),
        (50 * HOUR, lambda: host.throttle(False)),
    )
    week = Week(host, SECONDS, REMEMBERS, down, happenings, LATE)

    with served(host):
        week.play()

    found = Findings(week, reference(host.clock), ((29 * HOUR, 2 * HOUR),)).all()
    assert not found, "\n".join(["", *found])


def test_nothing_is_lost_in_days_of_changes_at_northflank(table: None) -> None:
    host = northflank()

    def rename() -> None:
        assert isinstance(host.simulator, NorthflankSimulator)
        host.simulator.projects = projects(SECONDS, renamed=True)

    happenings = (
        (8 * HOUR, lambda: host.rotate("second-key")),
        (8 * HOUR, host.tell),
        (12 * HOUR, lambda: host.rotate("third-key")),
        (14 * HOUR, host.tell),
        (RENAMED_AFTER, rename),
    )
    week = Week(host, SECONDS, REMEMBERS, ((26 * HOUR, 26 * HOUR),), happenings)

    with served(host):
        week.play()

    found = Findings(week, reference(host.clock)).all()
    assert not found, "\n".join(["", *found])
    registered = entries(host)
    assert registered[f"{SHOP}/api"].attributes["name"] == "Gateway"
    assert [name for name in registered if "/api" in name] == [f"{SHOP}/api"]
    again = f"{SHOP}/web~2026-11-23T10:25:00Z"
    assert [name for name in sorted(registered) if "/web" in name] == [f"{SHOP}/web", again]
    assert registered[f"{SHOP}/web"].gone_ms is not None
    assert registered[again].gone_ms is None
    assert set(registered[f"{SHOP}/web"].instances) <= {"web-1-a"}
    assert set(registered[again].instances) == {"web-2-a"}
