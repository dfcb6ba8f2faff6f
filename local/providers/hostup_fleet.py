"""What exists at the simulated HostUp, as data: four VPSes.

The first number of a Share is the part of this machine's load that a host carries, the second
what it has anyway (percent); see `timeline.Share`.
"""

from dataclasses import dataclass

from local.providers.timeline import Share

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Vps:
    """A HostUp VPS; a stopped one has no samples since it was stopped."""

    id: str
    name: str
    primary_ip: str
    cores: int
    memory_gb: int
    storage_gb: int
    is_payg: bool
    share: Share
    stopped_seconds_before_start: int | None = None


VPSES = (
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
        stopped_seconds_before_start=5 * HOUR,
    ),
)
