"""The compactor: one scheduled event in, a compaction of all that is due out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from tributary.compaction import Compaction, CompactionReport
from tributary.restamping import Restamping
from tributary.retention import Retention
from tributary.self_metrics import logger
from tributary.table import Table

if TYPE_CHECKING:
    from tributary.collector import LambdaContext

# What a compaction still needs after its last chunk: noting what is closed, and telling of it.
_CLOSING_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Compactor:
    """Runs a compaction within the time that Lambda leaves, and re-stamps in what is left of it."""

    compaction: Compaction
    restamping: Restamping

    @classmethod
    def from_env(cls) -> Self:
        """The compactor of the table that the environment names."""
        table, retention = Table.from_env(), Retention.from_env()
        compaction = Compaction.on(table, retention)
        restamping = Restamping(compaction.registry, compaction.hours, table, retention)
        return cls(compaction, restamping)

    def handle(self, event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """Answers any event: hours are due by the clock, so one that comes late or twice does no
        harm, and neither does a run by hand.

        Raises StorageError where the registry or what is known of its hours can't be read.
        """
        seconds_left = context.get_remaining_time_in_millis() / 1000
        deadline = time.monotonic() + max(seconds_left - _CLOSING_SECONDS, seconds_left / 2)
        report = self.compaction.run(deadline)
        self.restamping.run(report, deadline)
        _tell(report)
        return report.fields()


def _tell(report: CompactionReport) -> None:
    """One log line and the self-metrics; a compaction with errors logs as a warning."""
    tell = logger.warning if report.errors else logger.info
    tell("compaction", extra=report.fields())
    metrics = EphemeralMetrics()
    for name, unit, value in (
        ("SamplesCompacted", MetricUnit.Count, report.samples),
        ("CompactionSecondsBehind", MetricUnit.Seconds, report.behind_seconds),
        ("CompactionErrors", MetricUnit.Count, report.errors.total()),
    ):
        metrics.add_metric(name, unit, value)
    metrics.flush_metrics()
