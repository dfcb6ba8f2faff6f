"""The size of a fleet: how much its resources measure, by kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tributary.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS


@dataclass(frozen=True)
class Kind:
    """Resources of one provider that measure alike: how many metrics each instance of one has, how
    many it has as a whole, and how many of those that are published by default."""

    provider: str
    noun: str
    instance_metrics: int
    resource_metrics: int
    published: frozenset[str]
    resolution_ms: int


_USED = frozenset({"cpu.utilization", "memory.utilization"})
# By the metrics of each contract: https://northflank.com/docs/v1/api/project/services/get-service-metrics
# (six of a container and five of a service with traffic) and
# https://developer.hostup.se/endpoints/vps-services/get-v2-vps-id-metrics.md
SERVICE = Kind(
    "northflank", "service", 6, 5, _USED | {"http.requests", "http.responses.5xx"}, 10 * SECOND_MS
)
ADDON = Kind("northflank", "addon", 6, 0, _USED, 10 * SECOND_MS)
JOB = Kind("northflank", "job", 6, 0, _USED, 10 * SECOND_MS)
VPS = Kind("hostup", "VPS", 6, 0, _USED, MINUTE_MS)
BY_ATTRIBUTE: Mapping[str, Kind] = {"service": SERVICE, "addon": ADDON, "job": JOB, "vps": VPS}

# Of whole items, keys included, by docs/performance.md: hour chunks take 1.29 bytes a sample of
# CloudWatch's series and 2.94 of a host's noisier ones; of points as a collected table has them.
_RAW_SAMPLE_BYTES = 2.55
_SAMPLE_BYTES = 2.1
_POINT_BYTES = 14
_ITEM_BYTES = 120
_UNIT_BYTES = 1024
_RAW_RESOLUTION_MS = 30 * SECOND_MS
_WEEK_HOURS, _MONTH_DAYS = 168, 30


@dataclass(frozen=True)
class Part:
    """So many resources of a kind, with so many instances each; `idle` ones measure nothing."""

    kind: Kind
    resources: int
    instances: float = 1.0
    idle: int = 0

    @property
    def living(self) -> int:
        """How many each run asks about."""
        return self.resources - self.idle

    @property
    def series(self) -> float:
        """Of all of them together."""
        return self.living * self._series

    @property
    def samples_an_hour(self) -> float:
        """Of all of them together."""
        return self.series * HOUR_MS / self.kind.resolution_ms

    @property
    def _series(self) -> float:
        return self.instances * self.kind.instance_metrics + self.kind.resource_metrics

    @property
    def _raw(self) -> bool:
        return self.kind.resolution_ms <= _RAW_RESOLUTION_MS

    def bytes_a_day(self) -> Mapping[str, float]:
        """By the letter of the tier."""
        samples = self.samples_an_hour * 24
        points = self.series * DAY_MS / (5 * MINUTE_MS)
        items = self.living * 24 * _ITEM_BYTES
        raw = {"r": samples * _RAW_SAMPLE_BYTES + 12 * items} if self._raw else {}
        return raw | {
            "h": samples * _SAMPLE_BYTES + items,
            "5": points * _POINT_BYTES + items,
            "H": points / 12 * _POINT_BYTES + self.living * _ITEM_BYTES / 7,
            "D": points / 288 * _POINT_BYTES + self.living * _ITEM_BYTES / _MONTH_DAYS,
        }

    def items_a_day(self) -> Mapping[str, float]:
        """By the letter of the tier."""
        raw = {"r": self.living * 288.0} if self._raw else {}
        day = float(self.living)
        return raw | {"h": day * 24, "5": day * 24, "H": day / 7, "D": day / _MONTH_DAYS}

    def write_units_an_hour(self, runs_an_hour: float) -> float:
        """An item costs a unit for each KB begun. What is collected as hour chunks is written anew
        by each run; rollups of hours and days are rewritten as the day closes."""
        samples = self._series * HOUR_MS / self.kind.resolution_ms
        hour = _units(samples * _SAMPLE_BYTES + _ITEM_BYTES)
        raw = 12 * _units(samples / 12 * _RAW_SAMPLE_BYTES + _ITEM_BYTES)
        collected = raw + hour if self._raw else runs_an_hour * hour
        rollups = _units(12 * self._series * _POINT_BYTES + _ITEM_BYTES)
        week = _units(_WEEK_HOURS * self._series * _POINT_BYTES) / 24
        month = _units(_MONTH_DAYS * self._series * _POINT_BYTES) / 24
        return self.living * (collected + rollups + week + month)


def _units(size: float) -> int:
    return max(1, -(-int(size) // _UNIT_BYTES))


def together(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Figures by tier, added up."""
    total: dict[str, float] = {}
    for part in parts:
        for tier, figure in part.items():
            total[tier] = total.get(tier, 0) + figure
    return total
