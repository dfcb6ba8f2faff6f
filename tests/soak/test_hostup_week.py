"""A week of HostUp: its minutes are kept while they can be had, and half-hours where they can't."""

import os

import pytest

from local.providers import HostupSimulator, Ledger
from local.providers.faults import Fault, Kind
from local.providers.hostup_timeframes import TIMEFRAMES, Timeframe
from local.providers.occasion import Occasion
from local.providers.settling import Provisional
from tests.local.simulated_machine import KnownLoad
from tests.soak.clock import DAY, HOUR, MINUTE, START, Clock
from tests.soak.findings import Findings
from tests.soak.fleets import vpses
from tests.soak.host import Host
from tests.soak.week import Week, served

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("WEEK_HOURS", "168")) * HOUR
BEHIND = -4 * MINUTE
MADE_UP = KnownLoad(live_from=START + 30 * DAY)

DOWN = ((16 * HOUR, 20 * MINUTE), (34 * HOUR, 3 * HOUR), (84 * HOUR, 26 * HOUR))
# Not later than what a run reads again: a minute of delay and four samples.
LATE = Provisional(240, Occasion(1.0, 26 * HOUR, 2 * HOUR))
REVISED = Provisional(150, Occasion(0.5, 29 * HOUR, 2 * HOUR))
FAULTS = (
    Fault(Kind.ERRORS, Occasion(0.1, 8 * HOUR, 5 * HOUR)),
    Fault(Kind.OUTAGE, Occasion(1.0, 20 * HOUR, 3 * HOUR)),
    Fault(Kind.GARBAGE, Occasion(0.3, 40 * HOUR, HOUR)),
    Fault(Kind.THROTTLED, Occasion(1.0, 44 * HOUR, 2 * HOUR)),
    Fault(Kind.SLOW, Occasion(0.2, 52 * HOUR, 2 * HOUR), seconds=9),
    Fault(Kind.OUTAGE, Occasion(1.0, 130 * HOUR, 50 * MINUTE)),
)


def reference(clock: Clock) -> HostupSimulator:
    """The same VPSes at a HostUp that forgets no minute, and is never late."""
    everything = Timeframe("hour", 60, 10 * 1440), Timeframe("day", 1800, 480), *TIMEFRAMES[2:]
    return HostupSimulator(
        vpses=vpses(SECONDS), timeframes=everything, clock=clock.off_by(BEHIND), load=MADE_UP
    )


def test_nothing_is_lost_in_a_week_of_hostup(table: None) -> None:
    clock = Clock()
    simulator = HostupSimulator(
        "first-key", vpses=vpses(SECONDS), clock=clock.off_by(BEHIND), load=MADE_UP,
        requests_per_minute=60, late=LATE, revised=REVISED, served=Ledger(1),
    )  # fmt: skip
    host = Host("hostup", simulator, clock, BEHIND)
    host.strike(FAULTS)
    happenings = (
        (60 * HOUR, lambda: host.throttle(True)),
        (62 * HOUR, lambda: host.throttle(False)),
        (70 * HOUR, lambda: host.rotate("second-key")),
        (70 * HOUR, host.tell),
        (74 * HOUR, lambda: host.rotate("third-key")),
        (76 * HOUR, host.tell),
    )
    week = Week(host, SECONDS, HOUR + 2 * MINUTE, DOWN, happenings, LATE)

    with served(host):
        week.play()

    found = Findings(week, reference(clock), ((29 * HOUR, 2 * HOUR),)).all()
    assert not found, "\n".join(["", *found])
