"""HostUp's inventory as its list and get endpoints print it.

https://developer.hostup.se/endpoints/vps-services/get-v2-vps.md
"""

from typing import Any

from local.providers.hostup_fleet import Vps


def vps_item(vps: Vps, now: float) -> dict[str, Any]:
    """An item of the list at a time (Unix seconds), which is also what a VPS's own path answers."""
    return {
        "id": vps.id,
        "name": vps.name,
        "primaryIp": vps.primary_ip,
        "serviceStatus": "active",
        "powerState": "running" if vps.is_running_at(now) else "stopped",
        "operatingSystem": {
            "displayName": "Debian 13",
            "family": "debian",
            "version": "13",
            "variant": None,
        },
        "billing": {
            "amount": 49.0 * vps.cores,
            "currencyCode": "SEK",
            "billingCycle": None if vps.is_payg else "monthly",
            "isPayg": vps.is_payg,
            "periodYears": None,
        },
        "resources": {
            "cpuCores": vps.cores,
            "memoryGb": vps.memory_gb,
            "storageGb": vps.storage_gb,
        },
    }
