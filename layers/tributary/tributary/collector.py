"""The collector: one event in, a run over accounts of one provider out."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from tributary.account_run import AccountRun
from tributary.accounts import Account, Accounts
from tributary.allowance import Allowance
from tributary.client import Client, Dialect
from tributary.credentials import Credentials
from tributary.errors import SettingsError, TributaryError
from tributary.provider import Provider
from tributary.publisher import Publisher
from tributary.report import Report
from tributary.request_budget import RequestLimit
from tributary.run_record import Run, RunRecords, Wanted
from tributary.self_metrics import emit, logger
from tributary.table import Table
from tributary.turns import Turn, Turns, is_delivery, turns_in, turns_of
from tributary.windows import SECOND_MS, parse_rfc3339

# What a run still needs after its last request: storing, publishing, noting how far it came.
# More than the client waits for a piece of an answer, which may have begun just before.
_CLOSING_SECONDS = 30.0

type RunOver = Callable[[Table], AccountRun]


class LambdaContext(Protocol):
    """What the collector needs of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


@dataclass(frozen=True, slots=True)
class Host:
    """A provider as it is reached: `connect` makes the adapter of an account, over its client."""

    name: str
    base_url: str
    dialect: Dialect
    limit: RequestLimit
    connect: Callable[[Client, Account], Provider]

    def adapter(
        self,
        account: Account,
        credentials: Credentials,
        allowance: Allowance,
        deadline: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Provider:
        """That of an account, which asks by the allowance until an instant of `time.monotonic`."""
        client = Client(
            self.base_url,
            credentials,
            self.dialect,
            allowance=allowance,
            deadline=deadline,
            wall_clock=clock,
            sleep=sleep,
        )
        return self.connect(client, account)


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects a provider's accounts side by side, so that a dead one starves no other.

    `run_over` makes a run over the table, which is counted for each account apart. `turns` spreads
    accounts over invocations, where there are too many for one; without them, one collects however
    many there are. `clock` gives Unix seconds.
    """

    host: Host
    accounts: Accounts
    table: Table
    run_over: RunOver
    turns: Turns | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_env(cls, host: Host) -> "Collector":
        """The accounts, table and rules that the environment names."""
        publisher = Publisher.from_env()

        def run_over(table: Table) -> AccountRun:
            return AccountRun.from_env(table, publisher)

        accounts, turns = Accounts.from_env(), Turns.from_env()
        return cls(host, accounts, Table.from_env(), run_over, turns)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answers EventBridge Scheduler's `{"scheduledTime": "2026-11-22T10:00:00Z"}` for all
        accounts, and what SQS delivers of the turns that were sent instead.

        One log line and one set of self-metrics per account. Raises SettingsError for an event or
        a secret that can't be used, and StorageError where the secret can't be read.
        """
        seconds_left = context.get_remaining_time_in_millis() / 1000
        deadline = time.monotonic() + max(seconds_left - _CLOSING_SECONDS, seconds_left / 2)
        if is_delivery(event):
            return self._delivered(turns_in(event), deadline)
        return self._scheduled(scheduled_ms(event), deadline)

    def _scheduled(self, slot_ms: int, deadline: float) -> dict[str, Any]:
        accounts = self.accounts.all()
        if not accounts:
            logger.info(
                "no accounts: put the provider's token into its secret to collect from it",
                extra={"provider": self.host.name},
            )
            return _summary(self.host.name, [])
        if self.turns and len(accounts) > self.turns.accounts_per_invocation:
            return self._spread(self.turns, accounts, slot_ms)
        return self._side_by_side([(account, slot_ms) for account in accounts], deadline)

    def _spread(self, turns: Turns, accounts: Collection[Account], slot_ms: int) -> dict[str, Any]:
        failures = turns.send(turns_of((account.name for account in accounts), slot_ms))
        reports = []
        for name, error in failures.items():
            report = Report(self.host.name, name)
            report.failed(error, f"account {name}")
            emit(report)
            reports.append(report)
        counts = {"accounts": len(accounts), "sent": len(accounts) - len(failures)}
        logger.info("spread", extra={"provider": self.host.name, **counts})
        return _summary(self.host.name, reports) | counts

    def _delivered(self, turns: Sequence[Turn], deadline: float) -> dict[str, Any]:
        """Collects for turns. What fails in a run is not raised, so that SQS takes the message for
        done: the next slot is the retry."""
        accounts = self._named({turn.account for turn in turns})
        for turn in turns:
            if turn.account not in accounts:
                logger.warning(
                    "dropped: the account is not in the provider's secret any more",
                    extra={"provider": self.host.name, "account": turn.account},
                )
        known = [turn for turn in turns if turn.account in accounts]
        return self._side_by_side([(accounts[one.account], one.slot_ms) for one in known], deadline)

    def _named(self, names: Collection[str]) -> dict[str, Account]:
        found = {one.name: one for one in self.accounts.all() if one.name in names}
        if len(found) == len(names):
            return found
        # Another instance sent the turn, and may have read the secret later than this one.
        return {one.name: one for one in self.accounts.all(anew=True) if one.name in names}

    def _side_by_side(
        self, accounts: Sequence[tuple[Account, int]], deadline: float
    ) -> dict[str, Any]:
        with ThreadPoolExecutor(max(len(accounts), 1)) as pool:
            reports = list(pool.map(lambda one: self._collect(one[0], one[1], deadline), accounts))
        return _summary(self.host.name, reports)

    def _collect(self, account: Account, slot_ms: int, deadline: float) -> Report:
        report = self._run(account, slot_ms, deadline)
        emit(report)
        return report

    def _run(self, account: Account, slot_ms: int, deadline: float) -> Report:
        table, name = self.table.metered(), f"{self.host.name}/{account.name}"
        credentials = Credentials.of(account, self.accounts)
        until_ms = int((self.clock() + deadline - time.monotonic()) * SECOND_MS)

        def begin(wanted: Wanted) -> Run | None:
            records = RunRecords(table, self.clock, self.sleep)
            return records.begin(
                name, uuid4().hex, until_ms, self.host.limit, credentials.token, wanted
            )

        def connect(allowance: Allowance) -> tuple[Provider, Credentials]:
            adapter = self.host.adapter(
                account, credentials, allowance, deadline, self.clock, self.sleep
            )
            return adapter, credentials

        try:
            report = self.run_over(table).collect(name, slot_ms, begin, connect)
        except TributaryError as error:
            report = Report(self.host.name, account.name)
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
        "secondsBehind": max((report.behind_seconds or 0.0 for report in reports), default=0.0),
        "gapSeconds": sum(report.gap_seconds for report in reports),
        "importedPercent": min((report.imported for report in reports), default=100),
        "importSecondsLeft": max((report.import_seconds for report in reports), default=0.0),
    }
