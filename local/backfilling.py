"""Backfilling: asking a provider again for all it has since an instant, beside scheduled runs."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from uuid import uuid4

from local.backfill_pace import NOTHING_YET, Progress, per_hour, seconds_for, spare
from tributary.allowance import Allowance
from tributary.course import Known
from tributary.coverage import Coverage
from tributary.credentials import Credentials
from tributary.errors import OutOfTimeError, TributaryError
from tributary.hours import Hours, Marker
from tributary.inventory import Inventory
from tributary.listing import born_ms
from tributary.listing import known as known_resources
from tributary.notes import NOTHING_LISTED
from tributary.pace import Span
from tributary.pacing import Standing
from tributary.provider import Provider
from tributary.publisher import PublishRules
from tributary.registration import register
from tributary.registry import Registry
from tributary.report import Report
from tributary.request_budget import RequestLimit
from tributary.resource_run import Means, ResourceRun
from tributary.retention import Retention
from tributary.run_record import Run, RunRecord, RunRecords
from tributary.series_quota import SeriesQuota, new_series_from_env
from tributary.state import Collected, ShardState, States
from tributary.store import Store
from tributary.table import Table
from tributary.windows import (
    FIVE_MINUTES_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    Window,
    floor_to,
    without,
)

# A round is as short as a collector's run, so that the compactor knows when who marked an hour is
# done with it, and little is asked for twice after a death.
ROUND_SECONDS = 180
# For a request that was begun at a round's end, and for noting what it brought.
_CLOSING_SECONDS = 60
# Where scheduled runs are further behind with what is current, there are none.
_BEHIND_MS = 2 * HOUR_MS
_LONGEST_WAIT_SECONDS = 60.0
# A share of the budget for which a round is begun before the next scheduled run has come.
_WORTH_A_ROUND = 0.1
# Which metrics CloudWatch gets, and what it has, is for the stack to know.
_NOTHING_PUBLISHED = PublishRules(frozenset(), 0)

# The adapter that asks by an allowance until an instant of `time.monotonic`.
type Connect = Callable[[Allowance, float], Provider]


@dataclass(slots=True)
class Piece:
    """What of a resource's time is still to be asked for, None before anybody knows; since when it
    was collected before; how many requests were answered, and the error that ended it, if any."""

    resource: str
    left: Window | None = None
    since_ms: int = 0
    asked: int = 0
    error: TributaryError | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is something to be asked."""
        return self.error is None and (self.left is None or self.left.length_ms > 0)


@dataclass(slots=True)
class Backfill:
    """One account's known resources whose ids begin with `prefix`, from an instant (ms) to now.

    `stopped` says that it is to stop, and `wait` waits for so many seconds, or until then.
    """

    table: Table
    account: str
    limit: RequestLimit
    credentials: Credentials
    connect: Connect
    retention: Retention
    from_ms: int
    prefix: str = ""
    stopped: Callable[[], bool] = lambda: False
    wait: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.time
    pieces: dict[str, Piece] = field(default_factory=dict)
    told: Progress = NOTHING_YET
    asking_seconds: float = 0.0
    report: Report = field(init=False)

    def __post_init__(self) -> None:
        provider, _, name = self.account.partition("/")
        self.report = Report(provider, name)

    def run(self, tell: Callable[[Progress], None]) -> None:
        """Asks until all is done, or it is stopped; `tell` is told after every few requests.

        What fails of a resource is noted with its piece. Raises StorageError where the table fails,
        and QuarantinedError where the key may not be sent.
        """
        records = RunRecords(self.table, self.clock, self._wait)
        known = _Known.by(self)
        self.pieces = {name: Piece(name) for name in known.chosen}
        while self.open and not self.stopped():
            _Round(self, records, known, tell).play()
            if self.open:
                budget = records.get(self.account, self.limit).budget
                self._pause(Standing.of(budget, self.now_ms), known, tell)
                known = _Known.by(self)

    def _pause(self, standing: Standing, known: "_Known", tell: Callable[[Progress], None]) -> None:
        """Until there is something to be spared again: what is left now is the scheduled runs'."""
        if spare(standing, known.living, known.every_ms) > standing.allowed * _WORTH_A_ROUND:
            return
        ends_ms = self.now_ms + max(SECOND_MS, min(standing.resets_in_ms, known.every_ms))
        while (left_ms := ends_ms - self.now_ms) > 0 and not self.stopped():
            tell(replace(self.told, waiting_seconds=left_ms / SECOND_MS))
            self.wait(min(left_ms / SECOND_MS, _LONGEST_WAIT_SECONDS))

    @property
    def now_ms(self) -> int:
        """The clock's time."""
        return int(self.clock() * SECOND_MS)

    @property
    def reached_ms(self) -> int | None:
        """From where on there is something left to be asked, of any resource; None if nowhere."""
        left = (self.from_ms if one.left is None else one.left.start_ms for one in self.open)
        return min(left, default=None)

    @property
    def open(self) -> list[Piece]:
        """Those with the fewest answers first, so that all come as far at a time."""
        found = (piece for piece in self.pieces.values() if piece.is_open)
        return sorted(found, key=lambda piece: (piece.asked, piece.resource))

    def _wait(self, seconds: float) -> None:
        """What a round's threads do while the budget is used up."""
        self.wait(seconds)
        if self.stopped():
            raise OutOfTimeError("stopped while waiting for the request budget")


@dataclass(frozen=True, slots=True)
class _Known(Known):
    """The account as the table has it when a round begins, and what of it is to be asked about."""

    chosen: frozenset[str]

    @classmethod
    def by(cls, backfill: Backfill) -> "_Known":
        known = Known.of(Registry(backfill.table), States(backfill.table), backfill.account)
        chosen = frozenset(
            name
            for shard in known.shards
            for name, entry in shard.entries.items()
            if entry.gone_ms is None and name.startswith(backfill.prefix)
        )
        return cls(known.account, known.shards, known.states, chosen)

    @property
    def every_ms(self) -> int:
        """How often scheduled runs ask about each resource, for all that they noted."""
        return max((one.every_ms for one in self.states.values()), default=0) or FIVE_MINUTES_MS


class _Round:
    """Some minutes of a backfill."""

    def __init__(
        self,
        backfill: Backfill,
        records: RunRecords,
        known: _Known,
        tell: Callable[[Progress], None],
    ) -> None:
        self._of, self._records, self._known, self._tell = backfill, records, known, tell
        self._runs: dict[str, ResourceRun] = {}
        self._began_ms = backfill.now_ms
        self._first_ms: dict[str, int] = {}
        self._lengths: dict[tuple[str, Window], int] = {}

    def play(self) -> None:
        """Asks for what the budget can spare, and notes what was answered."""
        backfill = self._of
        until_ms = backfill.now_ms + (ROUND_SECONDS + _CLOSING_SECONDS) * SECOND_MS
        run = self._records.begin(
            backfill.account, f"backfill {uuid4().hex}", until_ms, backfill.limit,
            backfill.credentials.token, self._wanted, leased=False,
        )  # fmt: skip
        assert run  # None is for runs that take a lease.
        provider = backfill.connect(run.allowance, time.monotonic() + ROUND_SECONDS)
        try:
            self._prepare(provider, run)
            self._ask(provider, run)
        finally:
            # What was answered is stored: noted too, it need not be asked for again.
            self._note()
            offset_ms = provider.clock_offset_ms if provider.requests else run.known.clock_offset_ms
            run.finish(backfill.credentials, clock_offset_ms=offset_ms)
            backfill.report.requests += provider.requests
            backfill.asking_seconds += (backfill.now_ms - self._began_ms) / SECOND_MS

    def _wanted(self, record: RunRecord) -> int:
        return self._share(record).spared

    def _share(self, record: RunRecord) -> "_Share":
        living, every_ms = self._known.living, self._known.every_ms
        standing = Standing.of(record.budget, self._of.now_ms)
        spared = spare(standing, living, every_ms)
        return _Share(standing, spared, per_hour(standing, living, every_ms))

    def _ask(self, provider: Provider, run: Run) -> None:
        backfill, share = self._of, self._share(run.known)
        ends_ms = self._began_ms + ROUND_SECONDS * SECOND_MS
        with ThreadPoolExecutor(provider.parallel_requests) as pool:
            while provider.requests < share.spared and backfill.now_ms < ends_ms:
                left = share.spared - provider.requests
                chosen = backfill.open[: min(left, provider.parallel_requests)]
                if not chosen or backfill.stopped():
                    break
                sent = list(pool.map(lambda piece: self._step(provider, piece), chosen))
                self._say(provider, share, provider.requests)
                if not all(sent):
                    break

    def _prepare(self, provider: Provider, run: Run) -> None:
        """A run of each resource that is not done with."""
        backfill, now_ms = self._of, self._of.now_ms
        delayed_ms = now_ms + run.known.clock_offset_ms - MINUTE_MS
        span = Span(floor_to(MINUTE_MS, now_ms), floor_to(FIVE_MINUTES_MS, delayed_ms))
        states, table = self._known.resources, backfill.table
        quota = SeriesQuota.of(new_series_from_env(), self._known.shards, span.slot_ms)
        store = Store(table, backfill.retention, backfill.clock)
        listed = known_resources(self._known.shards, states, provider).resources
        resources = {one.id: one for one in listed}
        for shard in self._known.shards:
            marker = Marker(Hours(table), shard, now_ms, backfill.clock)
            means = Means(provider, store, _NOTHING_PUBLISHED, marker, quota)
            for name, entry in shard.entries.items():
                piece = backfill.pieces.get(name)
                if not piece or not piece.is_open or name not in resources:
                    continue
                before = states.get(name, Collected())
                self._runs[name] = ResourceRun.of(
                    means, resources[name], span, before, entry, now_ms
                )
                self._first_ms[name] = max(backfill.from_ms, born_ms(entry), entry.created_ms)

    def _step(self, provider: Provider, piece: Piece) -> bool:
        """One request for one resource; False if there was no time or budget to send it."""
        run = self._runs.get(piece.resource)
        if run is None:  # Its provider has it no more.
            piece.left = Window(0, 0)
            return True
        if piece.left is None:
            self._begin(piece, run)
        else:
            self._go_on(piece, run, piece.left)
        out_of_time = isinstance(run.error, OutOfTimeError)
        piece.error = None if out_of_time else run.error
        return not out_of_time

    def _begin(self, piece: Piece, run: ResourceRun) -> None:
        """Collects what is current where nobody does, and says how much there is to be asked."""
        coverage = run.collected.coverage
        if coverage is None or run.span.end_ms - coverage.until_ms > _BEHIND_MS:
            run.collect()
            coverage = run.collected.coverage
            if run.error:
                return
        from_ms = self._first_ms[piece.resource]
        # What never had samples, such as a service that only builds, has none to be asked for.
        until_ms = max(from_ms, coverage.until_ms if coverage else from_ms)
        piece.left = Window(from_ms, until_ms)
        piece.since_ms = coverage.since_ms if coverage else 0

    def _go_on(self, piece: Piece, run: ResourceRun, left: Window) -> None:
        answered = run.mend(left).common(left)
        if run.error:
            return
        older = Window(0, piece.since_ms).common(answered)
        if older.length_ms:
            # As with all that is imported: what the provider has of it is all that there was.
            run.collected = run.collected.covering(Coverage.of(older))
        piece.asked += 1
        piece.left = _after(left, answered)

    def _say(self, provider: Provider, budget: "_Share", sent: int) -> None:
        backfill = self._of
        done = sum(piece.asked for piece in backfill.pieces.values())
        left = sum(self._requests(provider, piece) for piece in backfill.open)
        seconds = backfill.asking_seconds + (backfill.now_ms - self._began_ms) / SECOND_MS
        pace_seconds = left * seconds / max(1, done)
        budget_seconds = seconds_for(left, budget.standing, budget.spared - sent, budget.hourly)
        samples = sum(run.samples for run in self._runs.values())
        backfill.told = Progress(
            done,
            done + left,
            backfill.report.samples + samples,
            max(pace_seconds, budget_seconds),
            budget.hourly,
        )
        self._tell(backfill.told)

    def _requests(self, provider: Provider, piece: Piece) -> int:
        """How many requests the rest of a piece takes: what instances that ended take besides, or
        answers cut short, nobody knows."""
        run = self._runs.get(piece.resource)
        if run is None:
            return 0
        left, now_ms = piece.left, run.span.slot_ms
        if left is None:
            left = Window(self._first_ms[piece.resource], run.span.end_ms)
        # Most resources have the same left.
        alike = run.resource.attributes.get("kind", ""), left
        if alike not in self._lengths:
            count = 0
            while left.length_ms > 0:
                request = provider.missing(run.resource, left, now_ms)
                left, count = _after(left, request.window if request else left), count + 1
            self._lengths[alike] = count
        return self._lengths[alike]

    def _note(self) -> None:
        """Keeps what was learnt of each resource that was asked about, shard by shard."""
        backfill, table = self._of, self._of.table
        asked = [run for run in self._runs.values() if run.collected != run.before or run.samples]
        forgotten_ms = Store(table, backfill.retention, backfill.clock).forgotten_ms()
        for shard in self._known.shards:
            mine = [run for run in asked if run.resource.id in shard.entries]
            if not mine:
                continue
            register(
                Registry(table), Inventory(table), shard, mine,
                NOTHING_LISTED, mine[0].span.slot_ms, forgotten_ms, backfill.report,
            )  # fmt: skip
            states = {run.resource.id: run.collected for run in mine}
            States(table).join(ShardState(backfill.account, shard.number, states))
        backfill.report.samples += sum(run.samples for run in asked)
        backfill.report.refused += sum(sum(run.refused.values()) for run in asked)


@dataclass(frozen=True, slots=True)
class _Share:
    """What of the budget a round has, as it began; and how many requests an hour that comes to."""

    standing: Standing
    spared: int
    hourly: float


def _after(left: Window, answered: Window) -> Window:
    """What is left once a part at either end is answered."""
    rest = without([left], [answered])
    return rest[0] if rest else Window(left.end_ms, left.end_ms)
