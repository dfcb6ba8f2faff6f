"""What a local run reads from its environment."""

import sys

import pytest

from local.failure import Failure
from local.fault_switches import NO_FAULTS
from local.settings import Credentials, Settings


def test_without_anything_both_providers_are_simulated_on_port_3000() -> None:
    settings = Settings.from_env({})

    assert settings.port == 3000
    assert settings.simulated
    assert settings.runtime == ("emulator" if sys.platform == "linux" else "process")


def test_a_token_of_either_provider_ends_all_simulating() -> None:
    settings = Settings.from_env({"HOSTUP_TOKEN": "t"})

    assert not settings.simulated
    assert settings.hostup == Credentials("t")
    assert settings.northflank is None


def test_credentials_hold_team_and_base_url() -> None:
    settings = Settings.from_env(
        {
            "NORTHFLANK_TOKEN": "t",
            "NORTHFLANK_TEAM": "acme",
            "NORTHFLANK_BASE_URL": "http://127.0.0.1:1",
        }
    )

    assert settings.northflank == Credentials("t", "acme", "http://127.0.0.1:1")
    assert settings.northflank.accounts() == {
        "accounts": [{"name": "default", "token": "t", "team": "acme"}]
    }


def test_an_empty_token_is_none() -> None:
    assert Settings.from_env({"NORTHFLANK_TOKEN": " "}).simulated


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("RUNTIME", "docker"), ("FAULTS", "outage,meteorite")],
)
def test_a_value_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(Failure, match=f"^{variable}={value} "):
        Settings.from_env({variable: value})


def test_without_faults_nothing_is_switched_on() -> None:
    assert Settings.from_env({"FAULTS": ""}).faults == NO_FAULTS
    assert NO_FAULTS.lines() == []


@pytest.mark.parametrize("unknown", ["meteorite", "hostup:meteorite", "aws:errors", "hostup:"])
def test_an_unknown_fault_is_named_beside_the_known_ones(unknown: str) -> None:
    with pytest.raises(Failure) as raised:
        Settings.from_env({"FAULTS": f"outage,{unknown}"})

    assert str(raised.value) == (
        f"FAULTS=outage,{unknown} has {unknown}, which is not known: use errors, garbage, slow,"
        " throttled, unauthorized, outage, late, revised, clock, each of both providers or, as in"
        " hostup:errors, of one."
    )


def test_faults_are_refused_where_providers_are_real() -> None:
    with pytest.raises(Failure, match=r"^FAULTS are those of the simulated providers"):
        Settings.from_env({"FAULTS": "errors", "HOSTUP_TOKEN": "t"})
