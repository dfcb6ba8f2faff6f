"""The tally: what the runs of an account's resources add up to in its report."""

from collections.abc import Sequence

from tributary.errors import CredentialsRefusedError, OutOfTimeError, TributaryError
from tributary.report import Report
from tributary.resource_run import ResourceRun
from tributary.windows import SECOND_MS


def count(report: Report, runs: Sequence[ResourceRun]) -> None:
    """Adds what each run did, and how it stands with its resource."""
    report.behind_seconds = max(map(_behind_seconds, runs), default=0.0)
    for run in runs:
        report.resources += 1
        report.samples += run.samples
        report.refused += sum(run.refused.values())
        report.unknown += run.unknown
        for warning in run.warnings:
            report.warned(f"{run.resource.id}: {warning}")
        _count_errors(report, run)
        gaps = run.collected.gaps_before(run.span.end_ms)
        report.gap_seconds += sum(gap.length_ms for gap in gaps) / SECOND_MS
    # What only builds, or never answered, has no history.
    imported = [run.collected.imported for run in runs if run.collected.coverage]
    if imported:
        report.imported = sum(imported) // len(imported)


def _count_errors(report: Report, run: ResourceRun) -> None:
    if isinstance(run.error, OutOfTimeError):
        report.postponed += 1
    elif run.error:
        _count_error(report, run.error, run.resource.id)
    if run.details_error:
        _count_error(report, run.details_error, f"details of {run.resource.id}")


def _count_error(report: Report, error: TributaryError, what: str) -> None:
    if not isinstance(error, CredentialsRefusedError):
        report.failed(error, what)
    elif error.kind not in report.errors:
        # The key's failure, not that of each resource.
        report.failed(error, f"account {report.account}")


def _behind_seconds(run: ResourceRun) -> float:
    """How far collecting is behind the run's end. A resource that never had a sample, such as a
    paused service, is not, and neither is a job that rests."""
    state = run.collected
    if run.resource.idle or run.resource.sporadic or state.newest_ms is None or not state.live_ms:
        return 0.0
    return (run.span.end_ms - state.live_ms) / SECOND_MS
