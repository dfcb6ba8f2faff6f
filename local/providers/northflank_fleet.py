"""What can exist at the simulated Northflank: projects, workloads and containers.

All times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

from local.providers.timeline import Share

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


SMALL = Plan("nf-compute-20", vcpus=0.2, memory_mb=512)
MEDIUM = Plan("nf-compute-100", vcpus=1, memory_mb=1024, disk_mb=10_240)


@dataclass(frozen=True, slots=True)
class Container:
    """A container, active from its creation to its end; its samples lie `offset_ms` off the
    ten-second grid."""

    name: str
    share: Share
    offset_ms: int
    created_at: float
    ended_at: float = inf
    volume: str | None = None

    @property
    def deployment(self) -> str:
        """The deployment's id: the name without its last segment."""
        return self.name.rpartition("-")[0]

    def exists_at(self, now: float) -> bool:
        """Whether it has been created by a time."""
        return self.created_at <= now

    def is_active_at(self, now: float) -> bool:
        """Whether it runs at a time."""
        return self.created_at <= now < self.ended_at


@dataclass(frozen=True, slots=True)
class Workload:
    """A service, addon or job. `front` is its part of the local front's traffic, if it has any.

    It is there from `created_at` until `deleted_at`; one of the same id may follow it. Without
    `created_at` it has always been there, created with its oldest container. A run of a job is
    a container.
    """

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
    created_at: float | None = None
    deleted_at: float = inf

    def exists_at(self, now: float) -> bool:
        """Whether it is listed at a time."""
        return (self.created_at is None or self.created_at <= now) and now < self.deleted_at

    @property
    def since(self) -> float:
        """When it was created, as its own endpoint tells."""
        if self.created_at is not None:
            return self.created_at
        return min((container.created_at for container in self.containers), default=0)


@dataclass(frozen=True, slots=True)
class Project:
    """A Northflank project."""

    id: str
    name: str
    description: str
    region: str
    workloads: tuple[Workload, ...]
