"""Largest: the memory that the largest query takes which the API permits."""

import math
import random
import time
from array import array
from collections.abc import Iterator
from functools import partial

from benchmarks.alone import alone, peak_bytes
from benchmarks.deployment import Deployment
from benchmarks.dynalite import dynalite
from benchmarks.row import Row
from benchmarks.services import TEN_METRICS
from functions.query_api.answer import delivered, query_answer
from functions.query_api.parameters import parse_query
from functions.query_api.plan import MOST_POINTS, MOST_SAMPLES, MOST_VALUES
from tributary.codec import encode
from tributary.columns import Column, ColumnKey, Origin, Run
from tributary.metrics import CATALOGUE
from tributary.registry import Entry, Instance, Registry, Shard
from tributary.table import Item, Key
from tributary.windows import HOUR_MS, SECOND_MS, Tier, Window, key_time

_MOST_MEGABYTES = 512.0
_RESOURCES, _EVERY_MS = 10, 10 * SECOND_MS
_SERIES = _RESOURCES * len(TEN_METRICS)
# 2026-11-25T00:00Z
_END_MS = 1795564800_000
_SPAN_MS = MOST_SAMPLES // _SERIES * _EVERY_MS // HOUR_MS * HOUR_MS
_STEP_S = math.ceil(_SPAN_MS / SECOND_MS / min(MOST_POINTS, MOST_VALUES // _SERIES))


def rows() -> Iterator[Row]:
    """One row; raises Failure."""
    with dynalite() as endpoint:
        alone(_lived, endpoint)
        samples, values, seconds, peak = alone(_asked, endpoint)
    megabytes = peak / 2**20
    yield Row(
        "memory",
        f"one query of {samples:,} samples and {values:,} values",
        f"{megabytes:.0f} MB, {seconds:.0f} s",
        figure=megabytes,
        most=_MOST_MEGABYTES,
    )


def _lived(endpoint: str) -> None:
    """Stores hour chunks of all resources."""
    deployment = Deployment(endpoint)
    deployment.now_ms = _END_MS
    names = [f"hostup/main/vps_{number}" for number in range(_RESOURCES)]
    metrics = {measure.metric: _EVERY_MS for measure in TEN_METRICS}
    alive = Instance({}, metrics, _END_MS - _SPAN_MS)
    entries = {
        name: Entry(name, {"provider": "hostup", "name": name}, {"-": alive}) for name in names
    }
    shard = Shard("hostup/main", 0, entries)
    Registry(deployment.table).save(shard, partial(_instead, shard))
    deployment.put_all(_chunks(deployment, names))


def _instead(shard: Shard, _: Shard) -> Shard:
    return shard


def _chunks(deployment: Deployment, names: list[str]) -> Iterator[Item]:
    chance = random.Random(20261125)
    for start_ms in range(_END_MS - _SPAN_MS, _END_MS, HOUR_MS):
        hour = Window(start_ms, start_ms + HOUR_MS)
        expires_s = deployment.retention.end_of(Tier.HOUR, hour) // SECOND_MS
        for name in names:
            columns = [_column(measure.metric, hour, chance) for measure in TEN_METRICS]
            data, digest = encode(columns)
            yield Item(Key(name, f"h#{key_time(start_ms)}"), data, digest, expires_s)


def _column(metric: str, hour: Window, chance: random.Random) -> Column:
    times = array("q", range(hour.start_ms, hour.end_ms, _EVERY_MS))
    values = array("d", [CATALOGUE[metric].quantise(chance.random()) for _ in times])
    runs = (Run(len(times), _EVERY_MS, hour.end_ms),)
    return Column(ColumnKey(metric, "-", Origin(metric, "", 1.0)), times, values, runs)


def _asked(endpoint: str) -> tuple[int, int, float, int]:
    """Samples read, values answered, seconds, and the peak of a process that does nothing else."""
    deployment = Deployment(endpoint)
    metrics = "&".join(f"metric={measure.metric}" for measure in TEN_METRICS)
    first_s, end_s = (_END_MS - _SPAN_MS) // SECOND_MS, _END_MS // SECOND_MS
    raw = f"{metrics}&start={first_s}&end={end_s}&step={_STEP_S}s"
    query = parse_query(raw, _END_MS)
    started = time.perf_counter()
    result = deployment.query(raw, _END_MS)
    answer = query_answer(query, result)
    delivered(answer, "gzip", "")
    values = sum(len(line.values) for line in result.lines)
    return result.counts["samples"], values, time.perf_counter() - started, peak_bytes()


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what}: {row.ours} (at most {row.most:g} MB)")
