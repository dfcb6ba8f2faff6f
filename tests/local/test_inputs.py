"""What the collectors of a local run are given: simulated providers, with what is to go wrong."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from local.fault_switches import FaultSwitches
from local.inputs import HOSTUP, NORTHFLANK, Inputs, inputs
from local.providers import Kind
from local.settings import Settings

PATHS = {NORTHFLANK: "/v1/projects/shop/services/api/metrics", HOSTUP: "/api/v2/vps"}
SECRETS = {NORTHFLANK: "NorthflankSecret", HOSTUP: "HostupSecret"}


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def given(faults: str, started: ExitStack) -> Inputs:
    settings = Settings(port=0, runtime="process", faults=FaultSwitches.parse(faults))
    return inputs(settings, started)


def ask(providers: Inputs, name: str, **params: str) -> requests.Response:
    accounts: Mapping[str, Any] = providers.accounts[SECRETS[name]]
    token = accounts["accounts"][0]["token"]
    return requests.get(
        providers.provider_urls[name] + PATHS[name],
        params=params,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )


def test_a_fault_strikes_the_provider_that_it_is_of(started: ExitStack) -> None:
    providers = given("hostup:errors", started)

    assert {ask(providers, NORTHFLANK).status_code for _ in range(30)} == {200}
    assert {ask(providers, HOSTUP).status_code for _ in range(30)} == {200, 500, 502, 503}


def test_a_clock_is_three_minutes_ahead(started: ExitStack) -> None:
    providers = given("northflank:clock", started)

    def ahead(name: str) -> float:
        date = ask(providers, name).headers["Date"]
        return parsedate_to_datetime(date).timestamp() - time.time()

    assert ahead(NORTHFLANK) == pytest.approx(180, abs=2)
    assert ahead(HOSTUP) == pytest.approx(0, abs=2)


def test_late_samples_leave_holes_in_the_newest_minutes(started: ExitStack) -> None:
    def count(faults: str) -> int:
        answer = ask(given(faults, started), NORTHFLANK, queryType="range", duration="130").json()
        return sum(len(each["data"]) for each in answer["data"]["cpu"]["values"])

    assert count("late") < count("") in (25, 26, 27)


def test_switches_say_in_words_what_is_on() -> None:
    switches = FaultSwitches.parse("northflank:late, outage ,hostup:errors,northflank:errors")

    assert switches.lines() == [
        "Fault    late of northflank: half of the samples turn up 150 s late",
        "Fault    outage of hostup and northflank: from minute 2, for 3 min, every 10 min",
        "Fault    errors of hostup and northflank: 30% by chance",
    ]
    assert [fault.kind for fault in switches.of("hostup").faults] == [Kind.ERRORS, Kind.OUTAGE]
    assert switches.of("hostup").late is None
