"""What exists at the simulated Northflank, as data: projects, workloads and containers.

The first number of a Share is the part of this machine's load that a host carries, the second
what it has anyway (percent); see `timeline.Share`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from local.providers.timeline import Share

HOUR = 3600
DAY = 24 * HOUR

PERCENT_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "pct",
        "memory": "pct",
        "networkIngress": "kbps",
        "networkEgress": "kbps",
        "tcpConnectionsOpen": "count",
        "diskUsage": "pct",
        "requests": "rps",
        "http4xxResponses": "count",
        "http5xxResponses": "count",
        "bandwidth": "kbps",
        "bandwidthVolume": "mb",
    }
)
ABSOLUTE_UNITS: Mapping[str, str] = MappingProxyType(
    {
        **PERCENT_UNITS,
        "cpu": "vCPU",
        "memory": "mb",
        "diskUsage": "mb",
        "http4xxResponses": "rps",
        "http5xxResponses": "rps",
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a container may use at most."""

    name: str
    vcpus: float
    memory_mb: float
    disk_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Container:
    """A container; its samples lie `offset_ms` off the ten-second grid."""

    name: str
    share: Share
    offset_ms: int
    created_seconds_before_start: int
    ended_seconds_before_start: int | None = None
    volume: str | None = None

    @property
    def deployment(self) -> str:
        """The deployment's id: the name without its last segment."""
        return self.name.rpartition("-")[0]

    @property
    def is_active(self) -> bool:
        """Whether it still runs."""
        return self.ended_seconds_before_start is None


@dataclass(frozen=True, slots=True)
class Workload:
    """A service, addon or job. `front` is its part of the local front's traffic, if it has any."""

    kind: str
    id: str
    name: str
    type: str
    description: str
    plan: Plan
    units: Mapping[str, str] = PERCENT_UNITS
    containers: tuple[Container, ...] = ()
    front: Share | None = None
    tags: tuple[str, ...] = ()
    paused: bool = False
    numeric_strings: bool = False
    """Whether every seventh value is sent as a string, as the client's types allow."""


@dataclass(frozen=True, slots=True)
class Project:
    """A Northflank project."""

    id: str
    name: str
    description: str
    region: str
    workloads: tuple[Workload, ...]


def _container(
    name: str,
    factor: float,
    floor: float,
    offset_ms: int,
    created: int,
    ended: int | None = None,
    volume: str | None = None,
) -> Container:
    return Container(name, Share(name, factor, floor), offset_ms, created, ended, volume)


SMALL = Plan("nf-compute-20", vcpus=0.2, memory_mb=512)
MEDIUM = Plan("nf-compute-100", vcpus=1, memory_mb=1024, disk_mb=10_240)

PROJECTS = (
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
                    _container("api-78b4d4459d-sbtn8", 0.6, 4, 3310, created=9 * DAY),
                    _container("api-78b4d4459d-xk2p5", 0.4, 7, 8742, created=9 * DAY),
                    # the last container of the deployment before
                    _container("api-54785f4c6b-q9wz7", 0.3, 2, 5125, 10 * DAY, 3 * HOUR),
                ),
                front=Share("api", 1.0),
                tags=("public", "team-a"),
            ),
            Workload(
                "services",
                "storefront",
                "Storefront",
                "combined",
                "In vCPU and mb; a quarter of the local front's traffic; some values are strings",
                SMALL,
                units=ABSOLUTE_UNITS,
                containers=(_container("storefront-669cc865b7-5458n", 0.5, 3, 1007, 6 * DAY),),
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
                    _container("search-6f7d9b5c84-0", 0.8, 5, 640, 40 * DAY, volume="search-index"),
                ),
            ),
            Workload(
                "services",
                "assets",
                "Assets",
                "build",
                "Built, never deployed: no metrics",
                SMALL,
            ),
            Workload(
                "addons",
                "orders-db",
                "Orders database",
                "postgresql",
                "An addon with a volume",
                MEDIUM,
                units=ABSOLUTE_UNITS,
                containers=(_container("orders-db-0", 0.7, 6, 2205, 40 * DAY, volume="pgdata"),),
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
                    _container("worker-5c9d8f7b66-m4v2t", 0.9, 1, 9999, 2 * DAY, volume="scratch"),
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
                paused=True,
            ),
            Workload(
                "jobs",
                "nightly-report",
                "Nightly report",
                "cron",
                "Idle: its values are empty",
                SMALL,
            ),
        ),
    ),
)
