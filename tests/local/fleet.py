"""A small fleet whose containers come and go at given seconds after the tests' start."""

from math import inf

from local.providers.hostup_fleet import Vps
from local.providers.northflank_fleet import SMALL, Container, Project, Workload
from local.providers.timeline import Share
from tests.local.simulated_machine import START


def container(name: str, created: float = -inf, ended: float = inf) -> Container:
    """Its samples are on the grid of ten seconds."""
    created_at = START - 86_400 if created == -inf else START + created
    return Container(name, Share(name, 1.0), 0, created_at, START + ended)


def workload(
    identifier: str,
    *containers: Container,
    kind: str = "services",
    created: float | None = None,
    deleted: float = inf,
) -> Workload:
    """A service, addon or job without HTTP traffic."""
    return Workload(
        kind,
        identifier,
        identifier.upper(),
        {"services": "deployment", "addons": "postgresql", "jobs": "cron"}[kind],
        "One of a few",
        SMALL,
        containers=containers,
        created_at=None if created is None else START + created,
        deleted_at=START + deleted,
    )


def project(*workloads: Workload) -> Project:
    """The only project."""
    return Project("p", "P", "The only one", "europe-west", workloads)


def vps(
    identifier: str,
    created: float = -inf,
    deleted: float = inf,
    off: tuple[tuple[float, float], ...] = (),
) -> Vps:
    """A VPS of that name, off in spans of seconds after the start."""
    return Vps(
        identifier,
        identifier,
        "203.0.113.1",
        cores=1,
        memory_gb=1,
        storage_gb=10,
        is_payg=True,
        share=Share(identifier, 1.0),
        created_at=START + created,
        deleted_at=START + deleted,
        off=tuple((START + start, START + end) for start, end in off),
    )
