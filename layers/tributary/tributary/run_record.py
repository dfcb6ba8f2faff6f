"""The record of an account's runs: who runs, what may be asked, whether the key works."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tributary.allowance import Allowance, Change
from tributary.credentials import Credentials
from tributary.errors import QuarantinedError
from tributary.packed import packed, unpacked
from tributary.quarantine import Quarantine
from tributary.request_budget import BudgetWindow, RequestLimit
from tributary.table import Item, Key, Table
from tributary.windows import SECOND_MS, rfc3339

type Wanted = Callable[["RunRecord"], int]


@dataclass(frozen=True, slots=True)
class Lease:
    """The account is its holder's until then: work that two would do is done once."""

    holder: str = ""
    until_ms: int = 0

    def bars(self, holder: str, now_ms: int) -> bool:
        """Whether another run is under way."""
        return self.holder != holder and now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the runs of an account know of one another.

    The account's resources were last listed, or tried to be, at `listed_ms`, which took so many
    `listing_requests`.
    """

    budget: BudgetWindow
    lease: Lease = field(default_factory=Lease)
    quarantine: Quarantine = field(default_factory=Quarantine)
    listed_ms: int = 0
    listing_requests: int = 0
    clock_offset_ms: int = 0


class RunRecords:
    """Begins runs.

    The record is one packed item, changed by conditional puts as all items are: two for a run that
    nothing disturbs, however many requests it sends.
    """

    def __init__(
        self,
        table: Table,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table, self._clock, self._sleep = table, clock, sleep

    def get(self, account: str, limit: RequestLimit) -> RunRecord:
        """What is stored, as all writes so far left it."""
        return _record(self._table.get(run_key(account)), limit)

    def begin(
        self,
        account: str,
        holder: str,
        until_ms: int,
        limit: RequestLimit,
        token: str,
        wanted: Wanted,
        *,
        leased: bool = True,
    ) -> "Run | None":
        """Takes the account's lease until then, and as many requests as are wanted and left.

        `holder` names this run and no other; it sends nothing from `until_ms` on. `wanted` is told
        what is known. None if another run has the lease; one that is not `leased` goes on beside
        it, and keeps none out. Raises QuarantinedError, and stores nothing, where the token may not
        be sent.
        """
        now_ms = int(self._clock() * SECOND_MS)

        key = run_key(account)
        stored = _Stored(self._table, key, limit, self._table.get(key))
        known = stored.record

        def begun(record: RunRecord) -> RunRecord | None:
            nonlocal known
            known = record
            if record.quarantine.forbids(token, now_ms):
                raise _quarantined(account, record.quarantine)
            if leased and record.lease.bars(holder, now_ms):
                return None
            # What the same holder has is what a put, whose answer was lost, has given it.
            budget = record.budget.returned(holder, now_ms)
            budget = budget.reserved(holder, max(0, wanted(record)), until_ms, now_ms)
            probed = record.quarantine.probed(token, now_ms)
            lease = Lease(holder, until_ms) if leased else record.lease
            return replace(record, budget=budget, lease=lease, quarantine=probed)

        if stored.change(begun).lease.holder != holder and leased:
            return None
        return Run(stored, holder, until_ms, known, self._clock, self._sleep)


class Run:
    """A run under way, until `ends_ms` at the latest: `known` is the record as it found it,
    `allowance` what it may ask."""

    def __init__(
        self,
        stored: "_Stored",
        holder: str,
        until_ms: int,
        known: RunRecord,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.known, self.ends_ms = known, until_ms
        self.allowance = Allowance(
            holder, until_ms, stored.record.budget, self._change_budget, clock, sleep
        )
        self._stored, self._holder, self._clock = stored, holder, clock

    def finish(
        self,
        credentials: Credentials,
        listed_ms: int | None = None,
        listing_requests: int | None = None,
        clock_offset_ms: int | None = None,
    ) -> RunRecord:
        """Gives back the lease and what was not sent, and notes how the key fared.

        And, if the run listed the account's resources, when, and in how many requests, and,
        if it heard of it, how far the provider's clock is off.
        Returns what is stored. To be called when no thread asks any more.
        """
        now_ms = int(self._clock() * SECOND_MS)

        def finished(record: RunRecord) -> RunRecord:
            mine = record.lease.holder == self._holder
            listed = record.listed_ms if listed_ms is None else listed_ms
            took = record.listing_requests if listing_requests is None else listing_requests
            offset = record.clock_offset_ms if clock_offset_ms is None else clock_offset_ms
            return RunRecord(
                self.allowance.closed(record.budget),
                Lease() if mine else record.lease,
                _judged(record.quarantine, credentials, now_ms),
                listed,
                took,
                offset,
            )

        return self._stored.change(finished)

    def _change_budget(self, change: Change) -> BudgetWindow:
        def changed(record: RunRecord) -> RunRecord:
            return replace(record, budget=change(record.budget))

        return self._stored.change(changed).budget


class _Stored:
    """The item as this run last saw it, which saves reading it before each put."""

    def __init__(self, table: Table, key: Key, limit: RequestLimit, item: Item | None) -> None:
        self._table, self._key, self._limit, self._item = table, key, limit, item

    @property
    def record(self) -> RunRecord:
        """What it says."""
        return _record(self._item, self._limit)

    def change(self, change: Callable[[RunRecord], RunRecord | None]) -> RunRecord:
        """Stores what `change` makes of what is stored, None to leave it; returns what is then."""
        tried: set[bytes] = set()

        def changed(current: Item | None) -> Item | None:
            # A put whose answer was lost is refused when it is sent again, by what it stored.
            if current and current.digest in tried:
                return None
            record = change(_record(current, self._limit))
            if record is None:
                return None
            item = packed(self._key, _document(record))
            tried.add(item.digest)
            return item

        self._item = self._table.update(self._key, changed, self._item)
        return self.record


def run_key(account: str) -> Key:
    """The item that holds an account's record; `<account>` is `<provider>/<name>`."""
    return Key(f"acc#{account}", "run")


def _judged(quarantine: Quarantine, credentials: Credentials, now_ms: int) -> Quarantine:
    """A run that the provider answered ends every quarantine; one that asked nothing, none."""
    if credentials.accepted:
        return Quarantine()
    return quarantine.refused(credentials.token, now_ms) if credentials.refused else quarantine


def _quarantined(account: str, quarantine: Quarantine) -> QuarantinedError:
    return QuarantinedError(
        f"{account} is in quarantine: {quarantine.refusals} runs in a row were refused with its "
        f"token, the first at {rfc3339(quarantine.since_ms)}. Put a new token into the provider's "
        "secret; until then the old one is tried once a day"
    )


def _record(item: Item | None, limit: RequestLimit) -> RunRecord:
    if item is None:
        return RunRecord(BudgetWindow(limit))
    document: dict[str, Any] = unpacked(item)
    return RunRecord(
        BudgetWindow.of(document["budget"], limit),
        Lease(**document["lease"]),
        Quarantine(**document["quarantine"]),
        document["listed_ms"],
        document["listing_requests"],
        document["clock_offset_ms"],
    )


def _document(record: RunRecord) -> dict[str, Any]:
    return {
        "budget": record.budget.document(),
        "lease": asdict(record.lease),
        "quarantine": asdict(record.quarantine),
        "listed_ms": record.listed_ms,
        "listing_requests": record.listing_requests,
        "clock_offset_ms": record.clock_offset_ms,
    }
