"""Sources: the coarsest tier that answers exactly, part by part of the range."""

import pytest

from functions.query_api.plan import Grid
from functions.query_api.problems import TooMuchError
from functions.query_api.series import Series
from functions.query_api.sources import Kept, Source, planned_reads, sources
from tributary.hours import ResourceHours
from tributary.metrics import CATALOGUE
from tributary.points import WHOLE
from tributary.retention import Retention
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, RollupTier, Window

FIVE, HOUR, DAY = RollupTier.FIVE_MINUTES, RollupTier.HOUR, RollupTier.DAY
# Noon of a day that is a multiple of a week since the epoch, so that weeks and days are simple.
NOON = 1000 * 7 * DAY_MS + DAY_MS // 2
TODAY = NOON - DAY_MS // 2
CLOSED = NOON - HOUR_MS
RETENTION = Retention.of_days(7, 60, 1825, 365, 1825)


def kept(
    dirty: tuple[Window, ...] = (), closed: int = CLOSED, brief: tuple[Window, ...] = ()
) -> Kept:
    return Kept(ResourceHours(closed, dirty), RETENTION, NOON, brief)


def over(start: int, end: int, step_s: int) -> Grid:
    return Grid(start, end, step_s * 1000)


def test_rollups_go_on_answering_where_samples_had_expired_before_they_were_kept_longer() -> None:
    raised_ms = TODAY - 60 * DAY_MS
    longer = Retention.of_days(7, 120, 1825, 365, 1825)
    hours = ResourceHours(CLOSED, (), (("h", raised_ms),))
    grid = over(TODAY - 80 * DAY_MS, TODAY, 60)

    assert sources(grid, ["avg"], Kept(hours, longer, NOON)) == (
        Source(None, Window(raised_ms, TODAY)),
        Source(FIVE, Window(TODAY - 80 * DAY_MS, raised_ms)),
    )


def test_coarser_points_go_on_answering_where_finer_ones_had_expired() -> None:
    raised_ms = TODAY - 365 * DAY_MS
    longer = Retention.of_days(7, 60, 1825, 730, 1825)
    hours = ResourceHours(CLOSED, (), (("5", raised_ms),))
    grid = over(TODAY - 400 * DAY_MS, TODAY - 300 * DAY_MS, 300)

    assert sources(grid, ["avg"], Kept(hours, longer, NOON)) == (
        Source(FIVE, Window(raised_ms, TODAY - 300 * DAY_MS)),
        Source(HOUR, Window(TODAY - 400 * DAY_MS, raised_ms)),
    )


def test_samples_answer_steps_that_are_not_made_of_points() -> None:
    grid = over(NOON - DAY_MS, NOON, 420)

    assert sources(grid, ["avg"], kept()) == (Source(None, Window(NOON - DAY_MS, NOON)),)


def test_five_minute_points_answer_until_the_last_closed_hour_and_samples_the_rest() -> None:
    grid = over(NOON - DAY_MS, NOON, 600)

    assert sources(grid, ["avg"], kept()) == (
        Source(FIVE, Window(NOON - DAY_MS, CLOSED)),
        Source(None, Window(CLOSED, NOON)),
    )


def test_days_answer_whole_days_and_finer_points_what_is_left_of_today() -> None:
    grid = over(TODAY - 10 * DAY_MS, TODAY + DAY_MS, 86_400)

    assert sources(grid, ["max"], kept()) == (
        Source(DAY, Window(TODAY - 10 * DAY_MS, TODAY)),
        Source(FIVE, Window(TODAY, CLOSED)),
        Source(None, Window(CLOSED, TODAY + DAY_MS)),
    )


def test_dirty_hours_come_from_samples_and_their_day_from_five_minutes() -> None:
    marked = Window(TODAY - 20 * HOUR_MS, TODAY - 19 * HOUR_MS)
    grid = over(TODAY - 2 * DAY_MS, TODAY, 3600)

    assert sources(grid, ["avg"], kept(dirty=(marked,))) == (
        Source(HOUR, Window(TODAY - 2 * DAY_MS, TODAY - DAY_MS)),
        Source(FIVE, Window(TODAY - DAY_MS, marked.start_ms)),
        Source(FIVE, Window(marked.end_ms, TODAY)),
        Source(None, marked),
    )


def test_a_day_whose_instances_came_and_went_comes_from_five_minutes() -> None:
    day = Window(TODAY - DAY_MS, TODAY)
    grid = over(TODAY - 3 * DAY_MS, TODAY, 86_400)

    assert sources(grid, ["avg"], kept(brief=(day,))) == (
        Source(DAY, Window(TODAY - 3 * DAY_MS, TODAY - DAY_MS)),
        Source(FIVE, day),
    )


def test_percentiles_come_from_samples_and_before_them_from_five_minutes() -> None:
    grid = over(NOON - 100 * DAY_MS, NOON, 86_400)
    first = NOON - 60 * DAY_MS

    assert sources(grid, ["p95"], kept()) == (
        Source(None, Window(first, NOON)),
        Source(FIVE, Window(NOON - 100 * DAY_MS, first)),
    )


def test_fine_steps_before_the_first_samples_come_from_the_finest_points_there_are() -> None:
    start = NOON - 366 * DAY_MS
    grid = over(start, start + 3 * DAY_MS, 60)

    assert sources(grid, ["avg"], kept()) == (
        Source(FIVE, Window(NOON - 365 * DAY_MS, start + 3 * DAY_MS)),
        Source(HOUR, Window(start, NOON - 365 * DAY_MS)),
    )


def test_nothing_is_read_of_what_has_expired() -> None:
    grid = over(0, DAY_MS, 3600)

    assert sources(grid, ["avg"], kept()) == ()


def test_samples_answer_everything_that_is_kept_while_nothing_is_closed() -> None:
    grid = over(NOON - 61 * DAY_MS, NOON, 3600)

    assert sources(grid, ["avg"], kept(closed=0)) == (
        Source(None, Window(NOON - 60 * DAY_MS, NOON)),
    )


def series(metric: str = "cpu.utilization", instances: tuple[str, ...] = ("api-1",)) -> Series:
    life = Window(TODAY - 400 * DAY_MS, NOON)
    return Series(CATALOGUE[metric], "northflank/a/b", instances, {}, 10_000, life)


@pytest.mark.parametrize(
    ("step", "samples"),
    [
        (MINUTE_MS, 8640),
        # 23 hours of 12 points that count as four samples, and an hour of samples.
        (5 * MINUTE_MS, 23 * 12 * 4 + 360),
    ],
)
def test_how_much_is_read_is_known_before(step: int, samples: int) -> None:
    grid = Grid(NOON - DAY_MS, NOON, step)

    (one,) = planned_reads([series()], lambda _: kept(), grid, ["avg"])

    assert one.samples == samples


def test_what_is_read_of_a_total_are_the_samples_of_all_instances_and_the_points_of_one() -> None:
    grid = Grid(NOON - DAY_MS, NOON, 5 * MINUTE_MS)
    total = series("http.requests", ("api-1", "api-2"))

    (one,) = planned_reads([total], lambda _: kept(), grid, ["avg"])

    assert one.samples == 23 * 12 * 4 + 2 * 360


def test_series_of_a_resource_are_read_together_where_their_sources_are_the_same() -> None:
    grid = Grid(NOON - DAY_MS, NOON, 5 * MINUTE_MS)
    alike = [series(), series("memory.usage"), series(instances=(WHOLE,))]

    (one,) = planned_reads(alike, lambda _: kept(), grid, ["avg"])

    assert one.series == tuple(alike)


def test_more_samples_than_one_request_can_read_are_refused() -> None:
    grid = Grid(NOON - DAY_MS, NOON, MINUTE_MS)

    with pytest.raises(TooMuchError, match=r"About 8640000 samples .* step=5m or more, a range of"):
        planned_reads([series()] * 1000, lambda _: kept(), grid, ["avg"])
    planned_reads([series()] * 1000, lambda _: kept(), Grid(grid.start_ms, NOON, 300_000), ["avg"])
