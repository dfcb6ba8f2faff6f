"""The Northflank collector's Lambda handler."""

import os
from functools import cache
from typing import Any

from functions.northflank_collector.normalise import UnitFactors
from functions.northflank_collector.provider import DIALECT, Northflank
from tributary.accounts import Account
from tributary.client import Client
from tributary.collector import Collector, LambdaContext

BASE_URL = "https://api.northflank.com"


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Collects every account of Northflank up to the event's scheduled time; returns counts."""
    return _collector().handle(event, context)


@cache
def _collector() -> Collector:
    """Built at the first event and kept for those that the same Lambda instance gets after it."""
    return collector_from_env()


def collector_from_env() -> Collector:
    """The collector for NORTHFLANK_BASE_URL, with the factors of the environment."""
    base_url = os.environ.get("NORTHFLANK_BASE_URL") or BASE_URL
    units = UnitFactors.from_env()

    def connect(account: Account, deadline: float) -> Northflank:
        client = Client(base_url, account.token, DIALECT, deadline=deadline)
        return Northflank(client, account.name, account.team, units)

    return Collector.from_env(Northflank.name, connect)
