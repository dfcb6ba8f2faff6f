"""What a run may ask for, of a budget that holds all that is due and of one that does not."""

from tributary.pacing import Portion, Standing, portion
from tributary.windows import HOUR_MS, MINUTE_MS

EVERY_MS = 5 * MINUTE_MS


def standing(left: int) -> Standing:
    return Standing(left, resets_in_ms=HOUR_MS, allowed=left, window_ms=HOUR_MS)


def test_what_is_left_over_is_for_what_is_missing() -> None:
    assert portion(standing(800), 50, 50, EVERY_MS) == Portion(50, 120, EVERY_MS)


def test_a_budget_that_is_too_small_stretches_and_keeps_some_for_what_is_missing() -> None:
    assert portion(standing(800), 700, 700, EVERY_MS) == Portion(60, 6, int(EVERY_MS * 700 / 60))


def test_of_the_smallest_budget_something_is_kept_for_what_is_missing_in_every_few_runs() -> None:
    hour = [
        portion(Standing(80 * runs // 12, runs * EVERY_MS, 80, HOUR_MS), 70, 70, EVERY_MS)
        for runs in range(12, 0, -1)
    ]

    assert [part.missing for part in hour] == [1, 0] * 6
    assert {part.current for part in hour} == {6}
