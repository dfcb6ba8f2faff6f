"""Retention: days by tier from the environment, or a clear word about what is no days."""

import pytest

from tributary.errors import SettingsError
from tributary.retention import SETTINGS, Retention
from tributary.windows import DAY_MS, RollupTier, Tier


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No retention in the environment."""
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)


def test_retention_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_RETENTION_DAYS", "1.5")
    monkeypatch.setenv("COARSE_RETENTION_DAYS", "10")
    monkeypatch.setenv("FIVE_MINUTE_RETENTION_DAYS", "100")
    monkeypatch.setenv("ROLLUP_RETENTION_DAYS", "1000")

    assert Retention.from_env() == Retention.of_days(1.5, 60, 10, 100, 1000)


def test_retention_has_defaults() -> None:
    assert {tier: kept // DAY_MS for tier, kept in Retention.from_env().by_tier.items()} == {
        Tier.RAW: 7,
        Tier.HOUR: 60,
        Tier.DAY: 1825,
        Tier.MONTH: 1825,
        RollupTier.FIVE_MINUTES: 365,
        RollupTier.HOUR: 1825,
        RollupTier.DAY: 1825,
    }


def test_rollups_are_kept_as_long_as_what_they_are_made_of() -> None:
    kept = Retention.of_days(hour=400, five_minutes=30, rollup=60).by_tier

    assert kept[RollupTier.FIVE_MINUTES] == kept[RollupTier.HOUR] == 400 * DAY_MS


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("text", ["0", "0.5", "-1", "36501", "soon", "", "nan", "inf"])
def test_what_is_no_number_of_days_is_refused(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = SETTINGS[name].variable
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        Retention.from_env()

    assert str(refused.value) == f"{variable} is {text!r}, not a number of days from 1 to 36500"
