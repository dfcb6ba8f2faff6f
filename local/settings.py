"""What a local run is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from local import emulator
from local.failure import Failure
from local.fault_switches import NO_FAULTS, FaultSwitches

SIMULATED_INTERVAL_SECONDS = 15
REAL_ACCOUNT = "default"
SIMULATED_ACCOUNT = "demo"

Runtime = Literal["emulator", "process"]


@dataclass(frozen=True)
class Credentials:
    """A token of the user's for a real provider; `base_url` only where it is not the provider's."""

    token: str
    team: str | None = None
    base_url: str | None = None

    def accounts(self) -> dict[str, list[dict[str, str]]]:
        """As a provider's secret holds them."""
        team = {"team": self.team} if self.team else {}
        return {"accounts": [{"name": REAL_ACCOUNT, "token": self.token, **team}]}


@dataclass(frozen=True)
class Settings:
    """A local run: without credentials both providers are simulated, with any neither is."""

    port: int
    runtime: Runtime
    northflank: Credentials | None = None
    hostup: Credentials | None = None
    faults: FaultSwitches = NO_FAULTS

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Reads PORT, RUNTIME, FAULTS, and the providers' tokens and base URLs.

        Raises Failure naming the variable that cannot be used.
        """
        settings = cls(
            port=_port(environment.get("PORT") or "3000"),
            runtime=_runtime(environment.get("RUNTIME") or ""),
            northflank=_credentials(environment, "NORTHFLANK"),
            hostup=_credentials(environment, "HOSTUP"),
            faults=FaultSwitches.parse(environment.get("FAULTS") or ""),
        )
        if settings.faults.on and not settings.simulated:
            raise Failure("FAULTS are those of the simulated providers: leave out the tokens.")
        return settings

    @property
    def simulated(self) -> bool:
        """Whether the data comes from simulated providers."""
        return self.northflank is None and self.hostup is None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise Failure(f"PORT={text} is not a port: choose a number from 1 to 65535.")
    return int(text)


def _runtime(text: str) -> Runtime:
    match text:
        case "":
            return "emulator" if emulator.runs_here() else "process"
        case "process":
            return "process"
        case "emulator" if emulator.runs_here():
            return "emulator"
        case "emulator":
            raise Failure("AWS's Lambda emulator runs on Linux only: use RUNTIME=process here.")
        case _:
            raise Failure(f"RUNTIME={text} is not known: use emulator or process.")


def _credentials(environment: Mapping[str, str], provider: str) -> Credentials | None:
    token = environment.get(f"{provider}_TOKEN", "").strip()
    if not token:
        return None
    return Credentials(
        token,
        team=environment.get(f"{provider}_TEAM") or None,
        base_url=environment.get(f"{provider}_BASE_URL") or None,
    )
