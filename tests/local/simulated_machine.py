"""A machine for the simulators' tests whose time and load are what the test says."""

from collections.abc import Mapping
from typing import Any

import requests

from local.providers import Load, Signal

# 2026-11-22T10:00:00Z
START = 1_795_341_600

BUSY: Load = {
    Signal.CPU: 50.0,
    Signal.MEMORY: 40.0,
    Signal.DISK_USED: 30.0,
    Signal.DISK_READ: 2_000_000.0,
    Signal.DISK_WRITE: 1_000_000.0,
    Signal.NETWORK_RECEIVE: 500_000.0,
    Signal.NETWORK_TRANSMIT: 250_000.0,
    Signal.CONNECTIONS: 20.0,
}


class Clock:
    """A clock that stands until it is set forward."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Sets the clock forward."""
        self.now += seconds


class KnownLoad:
    """A load source that is live from the start and knows the loads it is given, by instant."""

    def __init__(self, loads: Mapping[int, Load] | None = None, live_from: int = START) -> None:
        self.loads = dict(loads or {})
        self._live_from = live_from

    @property
    def live_from(self) -> int:
        """The first instant that is not history."""
        return self._live_from

    def at(self, instant: int) -> Load | None:
        """The load that was given for an instant."""
        return self.loads.get(instant)


class Client:
    """Gets JSON from a simulator with its token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, params: Any = None) -> requests.Response:
        """The response to GET, whatever its status."""
        return requests.get(self._url + path, params=params, headers=self._headers, timeout=10)

    def json(self, path: str, params: Any = None) -> Any:
        """The body of a 200."""
        response = self.get(path, params)
        assert response.status_code == 200, response.text
        return response.json()
