"""Settings: what is set is used, and what can't be is refused by its name."""

import pytest

from tributary.errors import SettingsError
from tributary.pace import Pace
from tributary.request_budget import RequestLimit
from tributary.series_quota import new_series_from_env

LIMIT = "NORTHFLANK_REQUESTS_PER_HOUR"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these in the environment."""
    for variable in (
        *(LIMIT, "BUDGET_SHARE", "NEW_SERIES_PER_DAY"),
        *("DELAY_SECONDS", "FRESH", "INTERVAL_SECONDS"),
    ):
        monkeypatch.delenv(variable, raising=False)


def test_there_are_defaults() -> None:
    assert RequestLimit.from_env(LIMIT, 1000, 3600) == RequestLimit(1000, 3600, 0.8)
    assert new_series_from_env() == 20_000
    assert Pace.from_env() == Pace(60_000, fresh=False, every_ms=300_000)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "5000")
    monkeypatch.setenv("BUDGET_SHARE", "50")
    monkeypatch.setenv("NEW_SERIES_PER_DAY", "7")
    monkeypatch.setenv("DELAY_SECONDS", "0")
    monkeypatch.setenv("FRESH", "1")
    monkeypatch.setenv("INTERVAL_SECONDS", "15")

    assert RequestLimit.from_env(LIMIT, 1000, 3600) == RequestLimit(5000, 3600, 0.5)
    assert new_series_from_env() == 7
    assert Pace.from_env() == Pace(0, fresh=True, every_ms=15_000)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        (LIMIT, "0", "not a number from 1 to 1,000,000"),
        (LIMIT, "many", "not a number from 1 to 1,000,000"),
        (LIMIT, "10.5", "not a whole number"),
        ("BUDGET_SHARE", "0", "not a number from 1 to 100"),
        ("BUDGET_SHARE", "101", "not a number from 1 to 100"),
        ("BUDGET_SHARE", "nan", "not a number from 1 to 100"),
        ("NEW_SERIES_PER_DAY", "-1", "not a number from 1 to 10,000,000"),
        ("NEW_SERIES_PER_DAY", "", "not a number from 1 to 10,000,000"),
        ("INTERVAL_SECONDS", "300,300", "not a number from 1 to 3,600"),
        ("DELAY_SECONDS", "901", "not a number from 0 to 900"),
    ],
)
def test_what_is_no_such_number_is_refused(
    variable: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        RequestLimit.from_env(LIMIT, 1000, 3600), new_series_from_env(), Pace.from_env()

    assert str(refused.value) == f"{variable} is {text!r}, {said}"
