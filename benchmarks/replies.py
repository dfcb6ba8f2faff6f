"""Replies of the hosts, as text, made of the simulators' made-up past."""

import json
from collections.abc import Iterator
from typing import Any

from local.providers import history
from local.providers.hostup_fleet import demo_vpses
from local.providers.hostup_metrics import Metering
from local.providers.hostup_timeframes import Timeframe
from local.providers.load import GRID_SECONDS, Load
from local.providers.northflank_fleet import PERCENT_UNITS, Plan
from local.providers.northflank_measures import MEASURES
from local.providers.settling import Settling
from local.providers.timeline import Timeline
from local.providers.times import written
from local.providers.traffic import Traffic

# 2026-11-22T10:00:00Z, when Northflank's replies begin; HostUp's end an hour later.
TEN = 1_795_341_600
ELEVEN = TEN + 3600
VPS = demo_vpses(ELEVEN)[0]

_PLAN = Plan("nf-compute-100", vcpus=1.0, memory_mb=1024, disk_mb=10_240)
# Three containers, and how many milliseconds off the ten-second grid each is sampled.
_CONTAINERS = {
    "api-78b4d4459d-sbtn8": 3310,
    "api-78b4d4459d-xk2p5": 8742,
    "api-78b4d4459d-q9wz7": 5125,
}


class _NothingLive:
    """A load of which nothing is measured yet: all is made up."""

    live_from = ELEVEN

    def at(self, instant: int) -> Load | None:
        """Nothing."""
        return None


def northflank(rows: int, start: int = TEN) -> str:
    """Eleven metrics of three containers, so many rows of ten seconds each from the start on."""
    data = {
        metric: {
            "metricInfo": {
                "metricId": metric,
                "metricUnit": unit,
                "metricResolution": GRID_SECONDS,
            },
            "values": [
                {
                    "metadata": {"containerId": container},
                    "data": list(_points(metric, unit, container, rows, start)),
                }
                for container in _CONTAINERS
            ],
        }
        for metric, unit in PERCENT_UNITS.items()
    }
    return _text({"data": data})


def hostup(timeframe: Timeframe) -> str:
    """Six fields of a VPS in a rolling window that ends at eleven, and their summary."""
    timeline = Timeline(_NothingLive(), Traffic())
    return _text(Metering(timeline, Settling(ELEVEN)).answer(VPS, timeframe, ELEVEN))


def _points(
    metric: str, unit: str, container: str, rows: int, start: int
) -> Iterator[dict[str, Any]]:
    measure = MEASURES[metric, unit]
    for instant in range(start, start + rows * GRID_SECONDS, GRID_SECONDS):
        level = measure.convert(history.value(container, measure.signal, instant), _PLAN)
        ts = written(instant * 1000 + _CONTAINERS[container])
        yield {"value": round(level, measure.digits), "ts": ts}


def _text(answer: Any) -> str:
    return json.dumps(answer, separators=(",", ":"))
