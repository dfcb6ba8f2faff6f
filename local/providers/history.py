"""The made-up past of the simulated hosts: a pure function of host, signal and time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from zlib import crc32

from local.providers.load import Signal

DAY_SECONDS = 86_400
DRIFT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Shape:
    """A level in the signal's own unit, and what moves it, as parts of that level.

    `wave` follows the hour of the day, `drift` wanders within quarters of an hour, and `jitter`
    is new every ten seconds.
    """

    level: float
    wave: float
    drift: float
    jitter: float


SHAPES: Mapping[Signal, Shape] = {
    Signal.CPU: Shape(28.0, wave=0.5, drift=0.3, jitter=0.15),
    Signal.MEMORY: Shape(52.0, wave=0.15, drift=0.08, jitter=0.01),
    Signal.DISK_USED: Shape(38.0, wave=0.0, drift=0.02, jitter=0.0),
    Signal.DISK_READ: Shape(900_000.0, wave=0.4, drift=0.6, jitter=0.5),
    Signal.DISK_WRITE: Shape(1_600_000.0, wave=0.4, drift=0.5, jitter=0.4),
    Signal.NETWORK_RECEIVE: Shape(420_000.0, wave=0.6, drift=0.3, jitter=0.2),
    Signal.NETWORK_TRANSMIT: Shape(650_000.0, wave=0.6, drift=0.3, jitter=0.2),
    Signal.CONNECTIONS: Shape(34.0, wave=0.5, drift=0.2, jitter=0.1),
    Signal.REQUESTS: Shape(60.0, wave=0.7, drift=0.3, jitter=0.2),
    Signal.CLIENT_ERRORS: Shape(1.4, wave=0.5, drift=0.5, jitter=1.0),
    Signal.SERVER_ERRORS: Shape(0.25, wave=0.2, drift=1.0, jitter=1.0),
}


def value(host: str, signal: Signal, instant: int) -> float:
    """The signal of a host at a time (Unix seconds), in the signal's unit, never negative."""
    shape, seed = _character(host, signal)
    # every host and signal has its busiest time within two hours after noon UTC
    wave = -math.cos(2 * math.pi * (instant - seed % 7200) / DAY_SECONDS)
    step, into = divmod(instant, DRIFT_SECONDS)
    weight = into / DRIFT_SECONDS
    before, after = _drift(seed, step)
    drift = before * (1 - weight) + after * weight
    jitter = noise(~seed, instant)
    return max(
        0.0,
        shape.level * (1 + shape.wave * wave + shape.drift * drift + shape.jitter * jitter),
    )


@cache
def _character(host: str, signal: Signal) -> tuple[Shape, int]:
    return SHAPES[signal], crc32(f"{host}/{signal}".encode())


@lru_cache(maxsize=4096)
def _drift(seed: int, step: int) -> tuple[float, float]:
    return noise(seed, step), noise(seed, step + 1)


def noise(seed: int, number: int) -> float:
    """Even noise in [-1, 1), the same for the same arguments: a 32-bit integer mixed twice."""
    mixed = (number * 0x9E3779B1 ^ seed) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 16) * 0x85EBCA6B) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 13) * 0xC2B2AE35) & 0xFFFFFFFF
    return (mixed ^ mixed >> 16) / 0x80000000 - 1
