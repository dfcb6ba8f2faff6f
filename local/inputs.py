"""Where a local run's data comes from: the user's real accounts, or two simulated providers."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from local.fault_switches import FaultSwitches
from local.providers.hostup import HostupSimulator
from local.providers.load import MachineLoad
from local.providers.northflank import NorthflankSimulator
from local.providers.server import serve
from local.providers.traffic import Traffic
from local.settings import SIMULATED_ACCOUNT, SIMULATED_INTERVAL_SECONDS, Credentials, Settings
from local.template import JSON

NORTHFLANK = "NorthflankCollectorFunction"
HOSTUP = "HostupCollectorFunction"

# Every resource every 15 seconds, and history at once besides, is more than Northflank's usual 1000
# an hour; it grants more on request.
_SIMULATED_REQUESTS_PER_HOUR = 100_000
_SIMULATED_REQUESTS_PER_MINUTE = 1_000


@dataclass(frozen=True)
class Inputs:
    """What the collectors are given. `collectors` names those that run; `answered` counts the
    front's responses, where a simulated provider shows them."""

    collectors: frozenset[str]
    accounts: Mapping[str, JSON]
    environment: Mapping[str, str]
    interval_seconds: int | None = None
    answered: Callable[[int], None] = field(default=lambda status: None)
    provider_urls: Mapping[str, str] = field(default_factory=dict)


def inputs(settings: Settings, started: ExitStack, host: str = "127.0.0.1") -> Inputs:
    """The user's accounts if there are tokens, else simulators on `host`, which `started` ends."""
    if settings.simulated:
        return _simulated(started, host, settings.faults)
    return _real({NORTHFLANK: settings.northflank, HOSTUP: settings.hostup})


def _real(credentials: Mapping[str, Credentials | None]) -> Inputs:
    given = {name: account for name, account in credentials.items() if account is not None}
    return Inputs(
        collectors=frozenset(given),
        accounts={_SECRETS[name]: account.accounts() for name, account in given.items()},
        environment={
            **_LOCAL_CHOICES,
            **{_BASE_URLS[name]: each.base_url for name, each in given.items() if each.base_url},
        },
    )


def _simulated(started: ExitStack, host: str, switches: FaultSwitches) -> Inputs:
    northflank, hostup = switches.of("northflank"), switches.of("hostup")
    traffic = Traffic(northflank.clock)
    tokens = {NORTHFLANK: secrets.token_hex(16), HOSTUP: secrets.token_hex(16)}
    apps = {
        NORTHFLANK: northflank.before(
            NorthflankSimulator(
                tokens[NORTHFLANK],
                clock=northflank.clock,
                load=started.enter_context(MachineLoad(northflank.clock)),
                traffic=traffic,
                requests_per_hour=_SIMULATED_REQUESTS_PER_HOUR,
                late=northflank.late,
                revised=northflank.revised,
            )
        ),
        HOSTUP: hostup.before(
            HostupSimulator(
                tokens[HOSTUP],
                clock=hostup.clock,
                load=started.enter_context(MachineLoad(hostup.clock)),
                requests_per_minute=_SIMULATED_REQUESTS_PER_MINUTE,
                late=hostup.late,
                revised=hostup.revised,
            )
        ),
    }
    urls = {name: started.enter_context(serve(app, host)).url for name, app in apps.items()}
    return Inputs(
        collectors=frozenset(apps),
        accounts={
            _SECRETS[name]: {"accounts": [{"name": SIMULATED_ACCOUNT, "token": tokens[name]}]}
            for name in apps
        },
        environment={
            **_LOCAL_CHOICES,
            "INTERVAL_SECONDS": str(SIMULATED_INTERVAL_SECONDS),
            "NORTHFLANK_REQUESTS_PER_HOUR": str(_SIMULATED_REQUESTS_PER_HOUR),
            "HOSTUP_REQUESTS_PER_MINUTE": str(_SIMULATED_REQUESTS_PER_MINUTE),
            **{_BASE_URLS[name]: url for name, url in urls.items()},
        },
        interval_seconds=SIMULATED_INTERVAL_SECONDS,
        answered=traffic.count,
        provider_urls=urls,
    )


_SECRETS = {NORTHFLANK: "NorthflankSecret", HOSTUP: "HostupSecret"}
_BASE_URLS = {NORTHFLANK: "NORTHFLANK_BASE_URL", HOSTUP: "HOSTUP_BASE_URL"}
# Nothing is paid for writing here, so that the newest samples show at once.
_LOCAL_CHOICES: Mapping[str, str] = {"FRESH": "1"}
