"""What exists at the simulated Northflank unless it is told otherwise: two projects.

The first number of a Share is the part of this machine's load that a host carries, the second
what it has anyway (percent); see `timeline.Share`.
"""

from math import inf

from local.providers.northflank_fleet import (
    ABSOLUTE_UNITS,
    MEDIUM,
    SMALL,
    Container,
    Project,
    Workload,
)
from local.providers.timeline import Share

HOUR = 3600
DAY = 24 * HOUR


def demo_projects(started: float) -> tuple[Project, ...]:
    """The fleet of a simulator that starts at a time (Unix seconds)."""

    def days(number: int) -> float:
        return started - number * DAY

    return (
        Project(
            "shop",
            "Shop",
            "Everything that customers see",
            "europe-west",
            (
                Workload(
                    "services",
                    "api",
                    "API",
                    "deployment",
                    "Two containers, in pct; all of the local front's traffic",
                    SMALL,
                    containers=(
                        _container("api-78b4d4459d-sbtn8", 0.6, 4, 3310, days(9)),
                        _container("api-78b4d4459d-xk2p5", 0.4, 7, 8742, days(9)),
                        # the last container of the deployment before
                        _container(
                            "api-54785f4c6b-q9wz7", 0.3, 2, 5125, days(10), started - 3 * HOUR
                        ),
                    ),
                    front=Share("api", 1.0),
                    tags=("public", "team-a"),
                ),
                Workload(
                    "services",
                    "storefront",
                    "Storefront",
                    "combined",
                    "In vCPU and mb; a quarter of the front's traffic; some values are strings",
                    SMALL,
                    units=ABSOLUTE_UNITS,
                    containers=(_container("storefront-669cc865b7-5458n", 0.5, 3, 1007, days(6)),),
                    front=Share("storefront", 0.25),
                    tags=("public",),
                    numeric_strings=True,
                ),
                Workload(
                    "services",
                    "search",
                    "Search",
                    "deployment",
                    "One container with a volume, all in pct",
                    MEDIUM,
                    containers=(
                        _container(
                            "search-6f7d9b5c84-0", 0.8, 5, 640, days(40), volume="search-index"
                        ),
                    ),
                ),
                Workload(
                    "services",
                    "assets",
                    "Assets",
                    "build",
                    "Built, never deployed: no metrics",
                    SMALL,
                    created_at=started,
                ),
                Workload(
                    "addons",
                    "orders-db",
                    "Orders database",
                    "postgresql",
                    "An addon with a volume",
                    MEDIUM,
                    units=ABSOLUTE_UNITS,
                    containers=(
                        _container("orders-db-0", 0.7, 6, 2205, days(40), volume="pgdata"),
                    ),
                ),
            ),
        ),
        Project(
            "lab",
            "Lab",
            "Background work and experiments",
            "us-central",
            (
                Workload(
                    "services",
                    "worker",
                    "Worker",
                    "deployment",
                    "In vCPU and mb, with a scratch volume in mb",
                    MEDIUM,
                    units=ABSOLUTE_UNITS,
                    containers=(
                        _container(
                            "worker-5c9d8f7b66-m4v2t", 0.9, 1, 9999, days(2), volume="scratch"
                        ),
                    ),
                    tags=("batch",),
                ),
                Workload(
                    "services",
                    "preview",
                    "Preview",
                    "combined",
                    "Paused: its values are empty",
                    SMALL,
                    created_at=started,
                    paused=True,
                ),
                Workload(
                    "jobs",
                    "nightly-report",
                    "Nightly report",
                    "cron",
                    "Idle: its values are empty",
                    SMALL,
                    created_at=started,
                ),
            ),
        ),
    )


def _container(
    name: str,
    factor: float,
    floor: float,
    offset_ms: int,
    created_at: float,
    ended_at: float = inf,
    volume: str | None = None,
) -> Container:
    return Container(name, Share(name, factor, floor), offset_ms, created_at, ended_at, volume)
