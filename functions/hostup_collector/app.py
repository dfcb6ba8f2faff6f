"""The HostUp collector's Lambda handler."""

import os
from functools import cache
from typing import Any

from functions.hostup_collector.normalise import UnitFactors
from functions.hostup_collector.provider import DIALECT, Hostup
from tributary.accounts import Account
from tributary.client import Client
from tributary.collector import Collector, LambdaContext

BASE_URL = "https://cloud.hostup.se"


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Collects every account of HostUp up to the event's scheduled time; returns counts."""
    return _collector().handle(event, context)


@cache
def _collector() -> Collector:
    """Built at the first event and kept for those that the same Lambda instance gets after it."""
    return collector_from_env()


def collector_from_env() -> Collector:
    """The collector for HOSTUP_BASE_URL, with the factors of the environment."""
    base_url = os.environ.get("HOSTUP_BASE_URL") or BASE_URL
    units = UnitFactors.from_env()

    def connect(account: Account, deadline: float) -> Hostup:
        client = Client(base_url, account.token, DIALECT, deadline=deadline)
        return Hostup(client, account.name, account.team, units)

    return Collector.from_env(Hostup.name, connect)
