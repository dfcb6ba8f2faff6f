"""Notes: what a run stores of how far it came, shard by shard, and tells CloudWatch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tributary.collected import Collected
from tributary.errors import StorageError, TributaryError
from tributary.inventory import Inventory
from tributary.listing import Listing
from tributary.provider import Json
from tributary.publisher import Publisher
from tributary.registration import register
from tributary.registry import Registry, Shard
from tributary.report import Report
from tributary.resource_run import ResourceRun
from tributary.state import ShardState, States
from tributary.statistics import Statistics

NOTHING_LISTED = Listing((), frozenset(), whole=False)


@dataclass(slots=True)
class Place:
    """A shard as it is registered, its state as the run found it, and its resources' runs."""

    shard: Shard
    state: ShardState
    runs: list[ResourceRun]


@dataclass(slots=True)
class Notes:
    """Registers what was seen, joins states, and publishes in between.

    `every_ms` is how often each resource has its turn, `import_ms` how long importing history
    takes, as far as the run knows; instances that ended before `forgotten_ms` are.
    """

    registry: Registry
    inventory: Inventory
    states: States
    publisher: Publisher
    report: Report
    slot_ms: int
    forgotten_ms: int
    every_ms: int = 0
    import_ms: int = 0

    def projects(self, items: Sequence[Mapping[str, Json]] | None) -> None:
        """Keeps the account's projects as they were listed; what fails is counted."""
        if items is None:
            return
        try:
            self.inventory.keep_projects(f"{self.report.provider}/{self.report.account}", items)
        except TributaryError as error:
            self.report.failed(error, "inventory of projects")

    def register(self, place: Place, runs: Iterable[ResourceRun], listing: Listing) -> None:
        """Keeps what the runs saw of their resources, and what was listed."""
        place.shard = register(
            self.registry, self.inventory, place.shard, runs,
            listing, self.slot_ms, self.forgotten_ms, self.report,
        )  # fmt: skip

    def current(self, place: Place, runs: Sequence[ResourceRun]) -> None:
        """Stores how far the resources came and what is to be published, and publishes it."""
        if not runs:
            return
        self._join(place, {run.resource.id: run.publishing for run in runs})
        told, sent = self._publish(runs)
        if sent:
            self._join(place, {run.resource.id: run.collected for run in told})

    def filled(self, places: Iterable[Place], runs: Iterable[ResourceRun]) -> None:
        """Stores what was found of what was missing, and publishes what is young enough."""
        touched = {id(run) for run in runs}
        for place in places:
            mine = [run for run in place.runs if id(run) in touched]
            if mine:
                self.register(place, mine, NOTHING_LISTED)
                # What is sent again after a death in between is the same minutes, whole.
                told, _ = self._publish(mine)
                untold = {id(run) for run in mine} - {id(run) for run in told}
                self._join(
                    place,
                    {
                        run.resource.id: run.untold if id(run) in untold else run.collected
                        for run in mine
                    },
                )

    def _publish(self, runs: Iterable[ResourceRun]) -> tuple[list[ResourceRun], bool]:
        """Tells CloudWatch what is complete now; whom of, and whether there was anything."""
        statistics: list[Statistics] = []
        told = []
        for run in runs:
            try:
                statistics += run.statistics()
            except TributaryError as error:
                self.report.failed(error, f"statistics of {run.resource.id}")
            else:
                told.append(run)
        try:
            self.report.published += self.publisher.send(statistics)
        except StorageError as error:
            self.report.failed(error, "publishing to CloudWatch")
            return [], False
        for run in told:
            run.told()
        return told, bool(statistics)

    def _join(self, place: Place, resources: Mapping[str, Collected]) -> None:
        imported_by_ms = self.slot_ms + self.import_ms if self.import_ms else 0
        self.states.join(
            replace(
                place.state,
                resources=resources,
                every_ms=self.every_ms,
                imported_by_ms=imported_by_ms,
            )
        )
