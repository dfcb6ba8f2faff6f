"""The fleets of a simulated week: what comes and goes in it, by seconds since its start."""

from collections.abc import Iterator
from math import inf

from local.providers.hostup_fleet import Vps
from local.providers.northflank_fleet import (
    ABSOLUTE_UNITS,
    PERCENT_UNITS,
    SMALL,
    Container,
    Project,
    Workload,
)
from local.providers.timeline import Share
from tests.soak.clock import DAY, HOUR, MINUTE, START

# The slug `web` is re-made: there is none for a while.
REMADE_AFTER = 24 * HOUR
REMADE_AT = REMADE_AFTER + 25 * MINUTE
RENAMED_AFTER = 20 * HOUR


def projects(weeks_end: float, renamed: bool = False, apart: bool = False) -> tuple[Project, ...]:
    """Northflank's: two services of changing containers, one that is re-made, an addon, a job.

    Told `apart`, the two lives of the re-made one have ids of their own, and both are there.
    """
    first, second = (inf, "web-again") if apart else (START + REMADE_AFTER, "web")
    return (
        Project(
            "shop", "Shop", "Of a week", "europe-west",
            (
                _workload("services", "api", "Gateway" if renamed else "API",
                          _deploys("api", 7 * HOUR, 2, weeks_end), front="api"),
                _workload("services", "worker", "Worker",
                          _crashing("worker", 11 * HOUR, weeks_end)),
                _workload("services", "web", "Web",
                          [_container("web-1-a", -3 * DAY, REMADE_AFTER)], deleted=first),
                _workload("services", second, "Web",
                          [_container("web-2-a", REMADE_AT, inf)], created=START + REMADE_AT),
                _workload("addons", "orders-db", "Orders",
                          [_container("orders-db-0", -9 * DAY, inf)]),
                _workload("jobs", "nightly", "Nightly", _runs("nightly", 3 * HOUR, weeks_end)),
            ),
        ),
    )  # fmt: skip


def vpses(weeks_end: float) -> tuple[Vps, ...]:
    """HostUp's: one that always runs, and one that is stopped for hours and restarted at times."""
    return (_vps("vps_always", "always", 11), _vps("vps_batch", "batch", 12, _off(weeks_end)))


def _off(weeks_end: float) -> tuple[tuple[float, float], ...]:
    spans = [(since, since + 100 * MINUTE) for since in _every(9.5 * HOUR, 12 * HOUR, weeks_end)]
    spans += [(since, since + 7 * MINUTE) for since in _every(15.25 * HOUR, DAY, weeks_end)]
    return tuple((START + first, START + last) for first, last in sorted(spans))


def _every(first: float, step: float, end: float) -> Iterator[float]:
    while first < end:
        yield first
        first += step


def _deploys(name: str, every: float, containers: int, end: float) -> list[Container]:
    """Each replaces all containers, a minute after the new ones have begun."""
    found = []
    for number, since in enumerate(_every(-2 * every, every, end)):
        for which in range(containers):
            until = since + every + 61
            found.append(_container(f"{name}-{number:04x}-{which}", since, until))
    return found


def _crashing(name: str, every: float, end: float) -> list[Container]:
    """A deployment whose first two containers live for minutes, the second not as long as a run."""
    found = []
    for number, since in enumerate(_every(-every, every, end)):
        lives = [(since, 400), (since + 403, 130), (since + 550, every - 545)]
        for which, (first, lasting) in enumerate(lives):
            found.append(_container(f"{name}-{number:04x}-{which}", first, first + lasting))
    return found


def _runs(name: str, every: float, end: float) -> list[Container]:
    """Runs of a job, of some minutes each; some are over before anybody asks."""
    return [
        _container(f"{name}-{number:04x}-r", since, since + (150, 1500)[number % 2])
        for number, since in enumerate(_every(-every + 67, every, end))
    ]


def _container(name: str, since: float, until: float) -> Container:
    volume = "data" if name.startswith("orders") else None
    return Container(name, Share(name, 1.0), len(name) * 137, START + since, START + until, volume)


def _workload(
    kind: str,
    identifier: str,
    name: str,
    containers: list[Container],
    *,
    front: str | None = None,
    created: float | None = None,
    deleted: float = inf,
) -> Workload:
    return Workload(
        kind, identifier, name,
        {"services": "deployment", "addons": "postgresql", "jobs": "cron"}[kind],
        "One of a few", SMALL,
        units=PERCENT_UNITS if kind == "services" else ABSOLUTE_UNITS,
        containers=tuple(containers),
        front=Share(front, 1.0) if front else None,
        created_at=created, deleted_at=deleted,
    )  # fmt: skip


def _vps(identifier: str, name: str, host: int, off: tuple[tuple[float, float], ...] = ()) -> Vps:
    return Vps(
        identifier, name, f"203.0.113.{host}", cores=1, memory_gb=1, storage_gb=10, is_payg=True,
        share=Share(name, 0.5, 5), off=off,
    )  # fmt: skip
