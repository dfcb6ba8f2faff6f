"""The load of this machine, sampled every ten seconds: what the hosts' live values are made of."""

import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import psutil

GRID_SECONDS = 10

# HostUp's `day` is 48 half-hours: its oldest one begins up to half an hour before yesterday's now.
REMEMBERED_SECONDS = 25 * 3600


class Signal(StrEnum):
    """What drives a host's metrics; percentages are 0 to 100."""

    CPU = "cpu_percent"
    MEMORY = "memory_percent"
    DISK_USED = "disk_used_percent"
    DISK_READ = "disk_read_bytes_per_second"
    DISK_WRITE = "disk_write_bytes_per_second"
    NETWORK_RECEIVE = "network_receive_bytes_per_second"
    NETWORK_TRANSMIT = "network_transmit_bytes_per_second"
    CONNECTIONS = "tcp_connections"
    REQUESTS = "requests_per_ten_seconds"
    CLIENT_ERRORS = "responses_4xx_per_ten_seconds"
    SERVER_ERRORS = "responses_5xx_per_ten_seconds"


type Load = Mapping[Signal, float]


class LoadSource(Protocol):
    """Where live values come from. Instants are Unix seconds, multiples of ten."""

    @property
    def live_from(self) -> int:
        """The oldest instant that is measured and remembered; what is older is made up."""

    def at(self, instant: int) -> Load | None:
        """The load over the ten seconds that ended at the instant; None if it was not measured."""


class MachineLoad:
    """Samples this machine on the ten-second grid, in a thread of its own, until closed."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._loads: dict[int, Load] = {}
        self._started = _next_instant(clock())
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="machine-load", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def live_from(self) -> int:
        """The oldest remembered instant: the first sample's, later 25 hours ago."""
        return max(self._started, _next_instant(self._clock() - REMEMBERED_SECONDS))

    def at(self, instant: int) -> Load | None:
        """The load over the ten seconds that ended at the instant; None if it was not measured."""
        return self._loads.get(instant)

    def close(self) -> None:
        """Stops sampling and waits for the thread to end."""
        self._closing.set()
        self._thread.join()

    def _sample(self) -> None:
        psutil.cpu_percent()  # the first call of a thread only starts its measurement
        before = Counters.now()
        instant = _next_instant(self._clock())
        while not self._closing.wait(max(0.0, instant - self._clock())):
            after = Counters.now()
            self._loads[instant] = measured(before, after)
            while (oldest := next(iter(self._loads))) < instant - REMEMBERED_SECONDS:
                del self._loads[oldest]
            before = after
            instant = _next_instant(self._clock())


class Counters:
    """The machine's running totals in bytes, and when they were read."""

    def __init__(self, read: int, written: int, received: int, sent: int) -> None:
        self.totals = (read, written, received, sent)
        self.read_at = time.monotonic()

    @classmethod
    def now(cls) -> Self:
        """What the counters say at this moment."""
        disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
        return cls(
            # a machine without block devices, such as some containers, has no disk counters
            disk.read_bytes if disk else 0,
            disk.write_bytes if disk else 0,
            network.bytes_recv,
            network.bytes_sent,
        )

    def rates_since(self, before: "Counters") -> list[float]:
        """Bytes a second of each counter between two readings."""
        elapsed = max(self.read_at - before.read_at, 1e-3)
        pairs = zip(self.totals, before.totals, strict=True)
        return [max(0, total - earlier) / elapsed for total, earlier in pairs]


def measured(before: Counters, after: Counters) -> Load:
    """The load between two readings, or for what is no rate, at this moment."""
    read, written, received, sent = after.rates_since(before)
    return {
        Signal.CPU: psutil.cpu_percent(),
        Signal.MEMORY: psutil.virtual_memory().percent,
        Signal.DISK_USED: psutil.disk_usage("/").percent,
        Signal.DISK_READ: read,
        Signal.DISK_WRITE: written,
        Signal.NETWORK_RECEIVE: received,
        Signal.NETWORK_TRANSMIT: sent,
        Signal.CONNECTIONS: _connections(),
    }


def _connections() -> int:
    try:
        return len(psutil.net_connections("tcp"))
    except psutil.AccessDenied:
        # macOS shows other processes' connections to root only; this process's are real too
        return len(psutil.Process().net_connections("tcp"))


def _next_instant(now: float) -> int:
    return (int(now // GRID_SECONDS) + 1) * GRID_SECONDS
