"""Made-up services answer like a provider: the same again, every sample in one window."""

from benchmarks.services import SIX_METRICS, Services
from tributary.windows import Window

# 2026-11-25T10:00:00Z
TEN = 1795600800_000
MINUTE = 60_000


def test_neighbouring_windows_hold_each_sample_once() -> None:
    services = Services(3)
    early = services.columns(2, Window(TEN, TEN + 5 * MINUTE), seen_ms=1)
    late = services.columns(2, Window(TEN + 5 * MINUTE, TEN + 10 * MINUTE), seen_ms=1)
    whole = services.columns(2, Window(TEN, TEN + 10 * MINUTE), seen_ms=1)

    assert [len(column) for column in early] == [30] * 10
    assert early[0].times + late[0].times == whole[0].times
    assert early[0].values + late[0].values == whole[0].values
    assert early[0].times[0] == TEN + 194


def test_a_request_is_answered_with_all_samples_of_its_window() -> None:
    services = Services(1, SIX_METRICS, seconds=60)
    (resource,) = services.discover()

    request = services.current(resource, Window(TEN - 3 * MINUTE, TEN + 10 * MINUTE))
    normalised = services.normalise(resource, services.fetch(request), seen_ms=1)

    assert request.window == Window(TEN - 3 * MINUTE, TEN + 10 * MINUTE)
    assert [len(column) for column in normalised.columns] == [13] * 6
    assert normalised.instances == {"web-78b4d4459d-00000": {"container": "web-78b4d4459d-00000"}}
