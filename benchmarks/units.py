"""Units: what DynamoDB charges for writing and reading a hundred resources, by kind of item."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from benchmarks.alone import alone
from benchmarks.deployment import Deployment
from benchmarks.dynalite import dynalite
from benchmarks.founding import registered
from benchmarks.row import Row
from benchmarks.services import SIX_METRICS, TEN_METRICS, Measure, Services
from tributary.chunk import hour_chunk
from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Window

_RESOURCES = 100
# Wednesday, 2026-11-25T22:00:00Z: collecting starts, and is measured from 23:00 on, over midnight.
_START_MS = 1795644000_000
_WARM_UP_HOURS, _MEASURED_HOURS = 1, 3
# Sunday, 2026-11-01T00:00:00Z, and a year before
_MONTH_MS = 1793491200_000
_MONTH_DAYS, _YEAR_DAYS = 31, 365
# Once a day closes, what was kept of its hours is rewritten: measured over a month of days.
_DAILY_KINDS = ("H", "D")
_COMPACTED_AFTER_MS = 50 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Writing:
    """A way of collecting, and the most it may cost: in write units per million samples, or per
    resource and hour."""

    what: str
    measures: Sequence[Measure]
    seconds: int
    every_minutes: int
    per: str
    most: float

    @property
    def samples_per_hour(self) -> int:
        """Samples of one resource."""
        return len(self.measures) * HOUR_MS // SECOND_MS // self.seconds


_PER_MILLION, _PER_HOUR = "million samples", "resource-hour"
WRITINGS = (
    Writing("10 metrics at 10 s every 5 min", TEN_METRICS, 10, 5, _PER_MILLION, 6000.0),
    Writing("6 metrics at 60 s every 5 min", SIX_METRICS, 60, 5, _PER_HOUR, 13.0),
    Writing("6 metrics at 60 s every 15 min", SIX_METRICS, 60, 15, _PER_HOUR, 5.0),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A query over one resource of ten metrics, over so many days of samples of so many seconds,
    and the read units that it may cost; `rolled_up` if it is to be answered from rollups."""

    what: str
    seconds: int
    days: int
    step: str
    most: float
    rolled_up: bool


READINGS = (
    Reading("a day at 10 s", 10, 1, "10s", 20.0, rolled_up=False),
    Reading("a year at step 1 h", 300, _YEAR_DAYS, "1h", 100.0, rolled_up=True),
    Reading("a year at step 1 day", 300, _YEAR_DAYS, "1d", 10.0, rolled_up=True),
)


def rows() -> Iterator[Row]:
    """A row for each way of writing and reading; raises Failure."""
    for writing in WRITINGS:
        units = write_units(writing)
        yield _writing_row(writing, units)
    for (seconds, days), readings in groupby(READINGS, lambda one: (one.seconds, one.days)):
        with dynalite() as endpoint:
            rolled_up = alone(_lived, endpoint, seconds, days)
            yield from (_reading_row(endpoint, reading, rolled_up) for reading in readings)


def write_units(writing: Writing) -> dict[str, float]:
    """Write units per resource and hour, by kind of item."""
    with dynalite() as endpoint:
        units = alone(_collected, endpoint, writing)
    return {**units, **_daily_units(writing.measures)}


@cache
def _daily_units(measures: Sequence[Measure]) -> dict[str, float]:
    """Those of what is written when a day closes, spread over its hours."""
    with dynalite() as endpoint:
        units = alone(_closed_days, endpoint, measures)
    return {kind: units[kind] for kind in _DAILY_KINDS if kind in units}


def _collected(endpoint: str, writing: Writing) -> dict[str, float]:
    """Hours of collecting and compacting as they are scheduled; the first one, in which all
    resources are new, is not counted."""
    deployment = Deployment(endpoint)
    services = Services(_RESOURCES, writing.measures, writing.seconds)
    measured_ms = _START_MS + _WARM_UP_HOURS * HOUR_MS
    end_ms = measured_ms + _MEASURED_HOURS * HOUR_MS
    for now_ms in range(_START_MS, end_ms, 5 * MINUTE_MS):
        if now_ms == measured_ms:
            deployment.meter.taken()
        if now_ms % HOUR_MS == _COMPACTED_AFTER_MS:
            deployment.compact(now_ms)
        if now_ms % (writing.every_minutes * MINUTE_MS) == 0:
            # A minute past, as the template's schedules are.
            report = deployment.collect(services, now_ms + MINUTE_MS)
            assert not report.errors, report.fields()
    consumed = deployment.meter.taken()
    assert not consumed.failed, "a put failed its condition, and its units are not counted"
    return _per_hour(consumed.write, _RESOURCES * _MEASURED_HOURS)


def _closed_days(endpoint: str, measures: Sequence[Measure]) -> dict[str, float]:
    """What the compactions of a month, from its first day on, write for one resource an hour.

    Measured apart, since what is written when a day closes grows with the days before it.
    """
    deployment, services = Deployment(endpoint), Services(1, measures, seconds=60)
    _live(deployment, services, Window(_MONTH_MS, _MONTH_MS + _MONTH_DAYS * DAY_MS))
    return _per_hour(deployment.meter.taken().write, _MONTH_DAYS * 24)


def _live(deployment: Deployment, services: Services, window: Window) -> None:
    """Stores the services' samples as hour chunks, and compacts after each day."""
    registered(deployment, services, window.start_ms)
    resources = list(services.discover())
    for start_ms in range(window.start_ms, window.end_ms, HOUR_MS):
        hour = Window(start_ms, start_ms + HOUR_MS)
        deployment.now_ms = hour.end_ms + MINUTE_MS
        for number, resource in enumerate(resources):
            columns = services.columns(number, hour, deployment.now_ms)
            deployment.store.write(hour_chunk(resource.id, hour, columns), expected=False)
        if hour.end_ms % DAY_MS == 0:
            report = deployment.compact(hour.end_ms + _COMPACTED_AFTER_MS)
            assert not report.errors, report.fields()


def _per_hour(units: Mapping[str, float], resource_hours: int) -> dict[str, float]:
    return {kind: number / resource_hours for kind, number in units.items() if number}


def _writing_row(writing: Writing, units: Mapping[str, float]) -> Row:
    total = sum(units.values())
    figure = total
    if writing.per == _PER_MILLION:
        figure = total * 1e6 / writing.samples_per_hour
    itemised = ", ".join(f"{kind} {number:.2f}" for kind, number in sorted(units.items()))
    return Row(
        "units",
        f"write units per {writing.per}, {writing.what}",
        f"{figure:,.4g} ({itemised} per resource-hour)",
        "1,000,000: an item per sample" if writing.per == _PER_MILLION else "",
        figure=figure,
        most=writing.most,
    )


def _reading_row(endpoint: str, reading: Reading, rolled_up: bool) -> Row:
    what = f"read units per resource of 10 metrics, {reading.what}"
    if reading.rolled_up and not rolled_up:
        return Row("units", what, "no rollups", most=reading.most)
    units = alone(_read, endpoint, reading)
    total = sum(units.values())
    itemised = ", ".join(f"{kind} {number:g}" for kind, number in sorted(units.items()))
    return Row("units", what, f"{total:g} ({itemised})", figure=total, most=reading.most)


def _lived(endpoint: str, seconds: int, days: int) -> bool:
    """Stores so many days of one resource; whether rollups came of it."""
    deployment = Deployment(endpoint)
    _live(deployment, Services(1, seconds=seconds), Window(_MONTH_MS - days * DAY_MS, _MONTH_MS))
    return bool(deployment.meter.taken().write["H"])


def _read(endpoint: str, reading: Reading) -> dict[str, float]:
    """Read units of a query on a warm function, by kind of item."""
    deployment = Deployment(endpoint)
    metrics = "&".join(f"metric={measure.metric}" for measure in TEN_METRICS)
    raw_query = f"{metrics}&start=-{reading.days}d&end=now&step={reading.step}"
    deployment.now_ms = _MONTH_MS
    deployment.registry.shards()
    deployment.meter.taken()
    result = deployment.query(raw_query, _MONTH_MS)
    assert len(result.lines) == len(TEN_METRICS), result.warnings
    return {kind: units for kind, units in deployment.meter.taken().read.items() if units}


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what}: {row.ours} (at most {row.most:g})", flush=True)
