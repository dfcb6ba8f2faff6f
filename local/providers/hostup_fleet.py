"""What exists at the simulated HostUp, as data: by default four VPSes.

The first number of a Share is the part of this machine's load that a host carries, the second
what it has anyway (percent); see `timeline.Share`.
"""

from dataclasses import dataclass
from math import inf

from local.providers.timeline import Share

HOUR = 3600

type Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Vps:
    """A HostUp VPS, there from its creation until it is deleted. All times are Unix seconds.

    `off` are the spans in which it is stopped, the last one up to `inf` if it stays so.
    """

    id: str
    name: str
    primary_ip: str
    cores: int
    memory_gb: int
    storage_gb: int
    is_payg: bool
    share: Share
    created_at: float = -inf
    deleted_at: float = inf
    off: tuple[Span, ...] = ()

    def exists_at(self, now: float) -> bool:
        """Whether it is listed at a time."""
        return self.created_at <= now < self.deleted_at

    def is_running_at(self, now: float) -> bool:
        """Whether it is powered on at a time."""
        return not any(start <= now < end for start, end in self.off)

    def seconds_on(self, start: float, end: float) -> float:
        """For how much of a span it was there and powered on."""
        start = max(start, self.created_at)
        off = sum(max(0.0, min(end, last) - max(start, first)) for first, last in self.off)
        return max(0.0, end - start - off)


def demo_vpses(started: float) -> tuple[Vps, ...]:
    """Three that run and one that was stopped five hours before the start (Unix seconds)."""
    return (
        Vps(
            "vps_01jc4w8e2m5k9r3t7y1a6d0f4h",
            "web-1",
            "203.0.113.11",
            cores=2,
            memory_gb=4,
            storage_gb=50,
            is_payg=False,
            share=Share("web-1", 0.8, 3),
        ),
        Vps(
            "vps_01jc4w8e2n6p0s4v8x2b7e1g5j",
            "web-2",
            "203.0.113.12",
            cores=2,
            memory_gb=4,
            storage_gb=50,
            is_payg=False,
            share=Share("web-2", 0.5, 6),
        ),
        Vps(
            "vps_01jc4w8e2p7q1t5w9y3c8f2h6k",
            "backup",
            "203.0.113.13",
            cores=1,
            memory_gb=2,
            storage_gb=400,
            is_payg=False,
            share=Share("backup", 0.3, 1),
        ),
        Vps(
            "vps_01jc4w8e2q8r2v6x0z4d9g3j7m",
            "staging",
            "203.0.113.14",
            cores=4,
            memory_gb=8,
            storage_gb=80,
            is_payg=True,
            share=Share("staging", 0.2, 2),
            off=((started - 5 * HOUR, inf),),
        ),
    )
