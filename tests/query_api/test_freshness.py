"""How a query function knows after what time a silent resource is failing."""

import pytest

from functions.query_api.status import Freshness


@pytest.mark.parametrize(
    ("intervals", "milliseconds"), [("300", 300_000), ("300,900", 900_000), ("15", 15_000)]
)
def test_the_longest_of_the_providers_intervals_counts(
    intervals: str, milliseconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERVAL_SECONDS", intervals)
    monkeypatch.setenv("DELAY_SECONDS", "60")

    assert Freshness.from_env() == Freshness(milliseconds, 60_000)
