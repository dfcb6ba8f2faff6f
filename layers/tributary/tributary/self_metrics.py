"""What a run tells about itself: one structured log line, and metrics embedded in the log (EMF)."""

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from tributary.report import Report

logger = Logger()


def emit(report: "Report") -> None:
    """Logs the report and its metrics; a run with errors logs as a warning.

    CloudWatch charges for each metric of each account: what nobody would be woken for is in the
    log line alone.
    """
    (logger.warning if report.errors else logger.info)("run", extra=report.fields())
    metrics = EphemeralMetrics()
    metrics.add_dimension("Provider", report.provider)
    metrics.add_dimension("Account", report.account)
    for name, unit, value in (
        ("Resources", MetricUnit.Count, report.resources),
        ("ResourcesPostponed", MetricUnit.Count, report.postponed),
        ("Requests", MetricUnit.Count, report.requests),
        ("BudgetLeft", MetricUnit.Percent, report.budget_left),
        ("SamplesWritten", MetricUnit.Count, report.samples),
        ("Errors", MetricUnit.Count, report.errors.total()),
        ("SecondsBehind", MetricUnit.Seconds, report.behind_seconds),
        ("GapSeconds", MetricUnit.Seconds, report.gap_seconds),
    ):
        if value is not None:
            metrics.add_metric(name, unit, value)
    if report.refused:
        metrics.add_metric("SeriesRefused", MetricUnit.Count, report.refused)
    metrics.flush_metrics()
    for kind, count in report.errors.items():
        errors = EphemeralMetrics()
        errors.add_dimension("Provider", report.provider)
        errors.add_dimension("Kind", kind)
        errors.add_metric("ErrorsByKind", MetricUnit.Count, count)
        errors.flush_metrics()
