"""Readings: what was read for several series of a resource, each told apart again."""

from array import array

from functions.query_api.plan import Grid
from functions.query_api.reading import Readings, _RolledUp
from functions.query_api.series import Series
from tributary.metrics import metric_named
from tributary.points import Folded, PointAxis, SeriesKey
from tributary.windows import HOUR_MS, RollupTier, Window

API = "northflank/main/shop/services/api"


def points(*hours: int) -> Folded:
    times = array("q", [hour * HOUR_MS for hour in hours])
    return Folded(PointAxis(times, times, array("q", [1000] * len(hours))), array("d", hours))


def test_points_that_were_read_for_two_series_count_once() -> None:
    cpu = metric_named("cpu.utilization")
    alone = Series(cpu, API, ("-",), {}, 60_000, Window(0, 10 * HOUR_MS))
    readings = Readings()
    # The instance without a name is read for its own sake, in pieces around a brief day, and as
    # the whole of a resource whose other instances are known no more.
    for found in (points(1, 2, 3), points(5, 6), points(1, 2, 3, 4, 5, 6)):
        key = SeriesKey("cpu.utilization", "-")
        readings.add(API, _RolledUp(RollupTier.HOUR, {key: found}))

    ((tier, read),) = readings.of(alone, Grid(0, 10 * HOUR_MS, HOUR_MS)).rollups

    assert tier is RollupTier.HOUR
    assert read.values.tolist() == [1, 2, 3, 4, 5, 6]
