"""700 services with 1,000 requests an hour: complete at full resolution, an hour behind, evenly."""

from statistics import median

import pytest

from local.providers import Ledger, NorthflankSimulator
from local.providers.northflank_fleet import SMALL, Container, Project, Workload
from local.providers.timeline import Share
from tests.local.simulated_machine import KnownLoad
from tests.soak.clock import DAY, HOUR, START, Clock
from tests.soak.findings import overrun
from tests.soak.host import Host
from tests.soak.schedule import events
from tests.soak.week import served
from tributary.request_budget import RequestLimit
from tributary.windows import MINUTE_MS, ceil_to

pytestmark = pytest.mark.soak

# A seventh of the 700 services and of the 1,000 requests, for the time that it takes.
SERVICES = 100
LIMIT = RequestLimit(143, 3600)
SECONDS = 8 * HOUR
# By then each has been asked for the first time, in two requests, which takes more than two hours,
# and again for the last two hours; what lay between is asked for until the end.
SETTLED = 4.5 * HOUR
# An hour, the five minutes and the delay of a run, and what is lost by sharing so small a budget
# out in whole requests.
BEHIND_MINUTES = 90


def services() -> tuple[Project, ...]:
    names = [f"s{number:03}" for number in range(SERVICES)]
    found = [
        Workload(
            "services", name, name, "deployment", "One of many", SMALL,
            containers=(Container(f"{name}-a-1", Share(name, 1.0), 0, START - 60),),
        )
        for name in names
    ]  # fmt: skip
    return (Project("all", "All", "Everything", "europe-west", tuple(found)),)


def assert_complete(host: Host, now_ms: int) -> None:
    """Nothing is missing up to an hour ago; of some services each sample is looked for, from the
    hour of their first run on."""
    for number, (name, state) in enumerate(sorted(host.states().items())):
        assert state.coverage
        assert state.coverage.gaps == (), name
        assert (state.watermark_ms or 0) >= now_ms - BEHIND_MINUTES * MINUTE_MS, name
        if number % 25:
            continue
        first_ms = max(ceil_to(10_000, state.coverage.since_ms), (START - 60) * 1000)
        last_ms = state.watermark_ms or 0
        [cpu] = host.store.read(
            name, first_ms, last_ms, lambda key: key.metric == "cpu.utilization"
        )
        assert list(cpu.times) == list(range(first_ms, last_ms, 10_000)), name


def test_services_stay_complete_an_hour_behind_where_the_budget_holds_no_more(table: None) -> None:
    clock = Clock()
    simulator = NorthflankSimulator(
        "key", projects=services(), clock=clock, load=KnownLoad(live_from=START + 30 * DAY),
        retention_seconds=DAY, requests_per_hour=LIMIT.requests, served=Ledger(1),
    )  # fmt: skip
    host = Host("northflank", simulator, clock, limit=LIMIT)
    behind: list[float] = []
    told: list[float] = []

    with served(host):
        for event in events(SECONDS, (), seed=3):
            host.invoke(event)
            if event.slot > START + SETTLED:
                reached = [state.live_ms or 0 for state in host.states().values()]
                assert len(reached) == SERVICES
                behind.append((event.slot * 1000 - min(reached)) / MINUTE_MS)
                told.append(host.reports[-1].every_seconds / 60)

    assert list(overrun(host)) == []
    assert max(behind) <= BEHIND_MINUTES, behind
    assert_complete(host, event.slot * 1000)
    # Runs that also list the inventory tell of more.
    assert 50 <= median(told) <= BEHIND_MINUTES, told
    assert any("each is collected about every" in one for one in host.reports[-1].messages)
