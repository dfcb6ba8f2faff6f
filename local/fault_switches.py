"""`FAULTS=`: what goes wrong at the simulated providers, for a person to watch the recovery."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from local.failure import Failure
from local.providers.faults import Fault, Faulty, Kind
from local.providers.occasion import Occasion
from local.providers.settling import Provisional

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PROVIDERS = ("northflank", "hostup")
CLOCK_AHEAD_SECONDS = 180

# Collections are 15 seconds apart and minutes count from when the providers start, so that a few
# minutes of watching show the onset of each and what follows its end.
_FAULTS: Mapping[str, Fault] = {
    fault.kind.value: fault
    for fault in (
        Fault(Kind.ERRORS, Occasion(0.3)),
        Fault(Kind.GARBAGE, Occasion(0.2)),
        Fault(Kind.SLOW, Occasion(0.2), seconds=3),
        Fault(Kind.THROTTLED, Occasion(1, 60, lasting_seconds=60, every_seconds=300)),
        Fault(Kind.UNAUTHORIZED, Occasion(1, 240, lasting_seconds=60, every_seconds=600)),
        Fault(Kind.OUTAGE, Occasion(1, 120, lasting_seconds=180, every_seconds=600)),
    )
}
_LATE = Provisional(150, Occasion(0.5))
_REVISED = Provisional(90)
_WORDS: Mapping[str, str] = {
    **{name: str(fault.occasion) for name, fault in _FAULTS.items()},
    "late": f"half of the samples turn up {_LATE.seconds:g} s late",
    "revised": f"samples change until they are {_REVISED.seconds:g} s old",
    "clock": f"{CLOCK_AHEAD_SECONDS // 60} min ahead",
}
FAULT_NAMES = tuple(_WORDS)


@dataclass(frozen=True)
class ProviderFaults:
    """What is switched on at one simulated provider."""

    faults: tuple[Fault, ...]
    late: Provisional | None
    revised: Provisional | None
    clock_ahead_seconds: int

    def clock(self) -> float:
        """The provider's time (Unix seconds)."""
        return time.time() + self.clock_ahead_seconds

    def before(self, simulator: "WSGIApplication") -> "WSGIApplication":
        """The simulator with the faults of its answers before it."""
        return Faulty(simulator, self.faults) if self.faults else simulator


@dataclass(frozen=True)
class FaultSwitches:
    """Names of faults, each with the providers that have it."""

    on: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `outage,hostup:errors`: a fault of both providers, and one of HostUp alone.

        Raises Failure, naming what is known, on anything else.
        """
        on: dict[str, set[str]] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            provider, _, name = item.rpartition(":")
            if name not in _WORDS or (provider or PROVIDERS[0]) not in PROVIDERS:
                raise Failure(
                    f"FAULTS={text} has {item}, which is not known: use {', '.join(_WORDS)}, each"
                    f" of both providers or, as in {PROVIDERS[-1]}:{Kind.ERRORS}, of one."
                )
            on.setdefault(name, set()).update({provider} if provider else PROVIDERS)
        return cls({name: tuple(sorted(providers)) for name, providers in on.items()})

    def of(self, provider: str) -> ProviderFaults:
        """What is on at a provider."""
        names = {name for name, providers in self.on.items() if provider in providers}
        return ProviderFaults(
            tuple(fault for name, fault in _FAULTS.items() if name in names),
            _LATE if "late" in names else None,
            _REVISED if "revised" in names else None,
            CLOCK_AHEAD_SECONDS if "clock" in names else 0,
        )

    def lines(self) -> list[str]:
        """What is on, in words: a line for each fault."""
        return [
            f"Fault    {name} of {' and '.join(providers)}: {_WORDS[name]}"
            for name, providers in self.on.items()
        ]


NO_FAULTS = FaultSwitches({})
