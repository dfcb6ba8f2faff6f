"""One run over one account: begun, collected as far as its request budget goes, and finished."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tributary.allowance import Allowance
from tributary.choice import Choice, choice_from_env, everything
from tributary.course import Course, Known
from tributary.credentials import Credentials
from tributary.hours import Hours
from tributary.inventory import Inventory
from tributary.pace import Pace
from tributary.provider import Provider
from tributary.publisher import Publisher
from tributary.registry import Registry
from tributary.report import Report
from tributary.retention import Retention
from tributary.run_record import Run, Wanted
from tributary.series_quota import new_series_from_env
from tributary.state import States
from tributary.store import Store
from tributary.table import Table
from tributary.windows import SECOND_MS

# Begins a run that wants so many requests, None if another has the account; and the adapter that
# asks by the run's allowance, with the key it asks with.
type Begin = Callable[[Wanted], Run | None]
type Connect = Callable[[Allowance], tuple[Provider, Credentials]]


@dataclass(frozen=True, slots=True)
class AccountRun:
    """Collects accounts; what it needs is given, so that several accounts can share it."""

    store: Store
    registry: Registry
    states: States
    hours: Hours
    inventory: Inventory
    publisher: Publisher
    pace: Pace
    new_series: int
    clock: Callable[[], float] = time.time
    choice: Choice = everything

    @classmethod
    def from_env(cls, table: Table, publisher: Publisher) -> Self:
        """Everything on the table, with the retention and pace that the environment names."""
        return cls(
            Store(table, Retention.from_env()),
            Registry(table),
            States(table),
            Hours(table),
            Inventory(table),
            publisher,
            Pace.from_env(),
            new_series_from_env(),
            choice=choice_from_env(),
        )

    def collect(self, account: str, slot_ms: int, begin: Begin, connect: Connect) -> Report:
        """Brings the account's resources up to the slot, as far as its request budget goes; what
        fails is counted, not raised.

        Only a failing table raises, a StorageError, for without it there is nothing to go on from,
        and a key in quarantine, a QuarantinedError.
        """
        known = Known.of(self.registry, self.states, account)
        provider, _, name = account.partition("/")
        report = Report(provider, name)
        now_ms = int(self.clock() * SECOND_MS)
        run = begin(lambda record: known.wanted(record, self.pace.every_ms, now_ms))
        if run is None:
            report.warned("another run of this account is under way: this one leaves it the work")
            return report
        connected, credentials = connect(run.allowance)
        # An event sent by hand may be ahead of the clock, and what a watermark ahead of it has
        # passed would never be asked for.
        slot_ms = min(slot_ms, now_ms)
        course = Course(self, known, connected, run, report, slot_ms)
        try:
            course.go()
        finally:
            # One that asked nothing, or was never answered, has not heard what time it is there.
            heard_ms = connected.clock_offset_ms if credentials.accepted else None
            run.finish(credentials, *course.listed, heard_ms)
        report.requests = connected.requests
        return report
