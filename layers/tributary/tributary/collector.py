"""The collector: one scheduled event in, a run over every account of one provider out."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from tributary.account_run import AccountRun
from tributary.accounts import Account, Accounts
from tributary.errors import CredentialsRefusedError, SettingsError, TributaryError
from tributary.provider import Provider
from tributary.publisher import Publisher
from tributary.report import Report
from tributary.self_metrics import emit, logger
from tributary.table import Table
from tributary.windows import parse_rfc3339

# What a run still needs after its last request: storing, publishing, noting how far it came.
# More than the client waits for a piece of an answer, which may have begun just before.
_CLOSING_SECONDS = 30.0

type Connect = Callable[[Account, float], Provider]
type RunOver = Callable[[Table], AccountRun]


class LambdaContext(Protocol):
    """What the collector needs of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects a provider's accounts side by side, so that a dead one starves no other.

    `connect` makes the adapter of an account, which asks nothing after a deadline given as an
    instant of `time.monotonic`. `run_over` makes a run over the table, which is counted for each
    account apart.
    """

    provider: str
    accounts: Accounts
    table: Table
    run_over: RunOver
    connect: Connect

    @classmethod
    def from_env(cls, provider: str, connect: Connect) -> "Collector":
        """The accounts, table and rules that the environment names."""
        publisher = Publisher.from_env()

        def run_over(table: Table) -> AccountRun:
            return AccountRun.from_env(table, publisher)

        return cls(provider, Accounts.from_env(), Table.from_env(), run_over, connect)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answers EventBridge Scheduler's `{"scheduledTime": "2026-11-22T10:00:00Z"}`.

        One log line and one set of self-metrics per account. Raises SettingsError for an event or
        a secret that can't be used, and StorageError where the table can't be read.
        """
        slot_ms = scheduled_ms(event)
        seconds_left = context.get_remaining_time_in_millis() / 1000
        deadline = time.monotonic() + max(seconds_left - _CLOSING_SECONDS, seconds_left / 2)
        accounts = self.accounts.all()
        if not accounts:
            logger.info(
                "no accounts: put the provider's token into its secret to collect from it",
                extra={"provider": self.provider},
            )
            return _summary(self.provider, [])
        with ThreadPoolExecutor(len(accounts)) as pool:
            reports = list(
                pool.map(lambda account: self._collect(account, slot_ms, deadline), accounts)
            )
        return _summary(self.provider, reports)

    def _collect(self, account: Account, slot_ms: int, deadline: float) -> Report:
        report = self._run_renewed(account, slot_ms, deadline)
        emit(report)
        return report

    def _run_renewed(self, account: Account, slot_ms: int, deadline: float) -> Report:
        report = self._run(account, slot_ms, deadline)
        if CredentialsRefusedError.kind not in report.errors:
            return report
        # The key may have been rotated since the secret was read.
        try:
            accounts = self.accounts.all(anew=True)
        except TributaryError as error:
            report.failed(error, "reading the secret again")
            return report
        for renewed in accounts:
            if renewed.name == account.name and renewed.token != account.token:
                return self._run(renewed, slot_ms, deadline)
        return report

    def _run(self, account: Account, slot_ms: int, deadline: float) -> Report:
        table = self.table.metered()
        try:
            report = self.run_over(table).collect(self.connect(account, deadline), slot_ms)
        except TributaryError as error:
            report = Report(self.provider, account.name)
            report.failed(error, f"account {account.name}")
        report.consumed = table.consumed
        return report


def scheduled_ms(event: Mapping[str, Any]) -> int:
    """The scheduled time in ms since the epoch: the run's time, whenever it really starts."""
    try:
        return parse_rfc3339(event["scheduledTime"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            'a collector is invoked with {"scheduledTime": "2026-11-22T10:00:00Z"}, '
            f"not with {str(event)[:200]}"
        ) from error


def _summary(provider: str, reports: list[Report]) -> dict[str, Any]:
    return {
        "provider": provider,
        "accounts": len(reports),
        "resources": sum(report.resources for report in reports),
        "requests": sum(report.requests for report in reports),
        "samples": sum(report.samples for report in reports),
        "published": sum(report.published for report in reports),
        "errors": sum(report.errors.total() for report in reports),
        "secondsBehind": max((report.behind_seconds for report in reports), default=0.0),
    }
