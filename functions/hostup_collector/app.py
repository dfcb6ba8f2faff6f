"""The HostUp collector's Lambda handler."""

import os
from functools import cache
from typing import Any

from functions.hostup_collector.normalise import UnitFactors
from functions.hostup_collector.provider import DIALECT, Hostup
from tributary.accounts import Account
from tributary.client import Client
from tributary.collector import Collector, Host, LambdaContext
from tributary.request_budget import RequestLimit

BASE_URL = "https://cloud.hostup.se"


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Collects every account of HostUp up to the event's scheduled time; returns counts."""
    return _collector().handle(event, context)


@cache
def _collector() -> Collector:
    """Built at the first event and kept for those that the same Lambda instance gets after it."""
    return collector_from_env()


def collector_from_env() -> Collector:
    """The collector of HostUp's accounts, with what else the environment says."""
    return Collector.from_env(host_from_env())


def host_from_env() -> Host:
    """HostUp at HOSTUP_BASE_URL, with the factors and limit of the environment."""
    base_url = os.environ.get("HOSTUP_BASE_URL") or BASE_URL
    units = UnitFactors.from_env()
    limit = RequestLimit.from_env("HOSTUP_REQUESTS_PER_MINUTE", 60, 60)

    def connect(client: Client, account: Account) -> Hostup:
        return Hostup(client, account.name, account.team, units)

    return Host(Hostup.name, base_url, DIALECT, limit, connect)
