"""Workloads: services, addons and jobs, projects and containers as Northflank's answers have them.

Sources: https://northflank.com/docs/v1/api/project/services/get-service,
https://northflank.com/docs/v1/api/project/services/list-service-containers and their siblings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.query_api.northflank.places import KINDS, Places, Project, Workload
from tributary.metrics import metric_named
from tributary.registry import Entry, Instance
from tributary.windows import SECOND_MS, rfc3339

# What a project says of each of its workloads, beside what it is.
_EMBEDDED = ("id", "appId", "name", "description", "serviceType", "jobType", "spec")


def project_document(places: Places, project: Project) -> dict[str, Any]:
    """A project: what its list says of it, and of what is in it."""
    workloads = {kind.plural: places.workloads(project, kind) for kind in KINDS}
    every = [one for found in workloads.values() for one in found]
    said = dict(zip(every, places.payloads(every), strict=True))
    regions = {one.known.entry.attributes.get("region") for one in every} - {None}
    return {
        **project.item,
        # Northflank deploys a project to one region.
        **({"deployment": {"region": min(map(str, regions))}} if len(regions) == 1 else {}),
        **{plural: [_embedded(said[one]) for one in found] for plural, found in workloads.items()},
    }


def workload_document(places: Places, workload: Workload) -> dict[str, Any]:
    """A workload: what its list says of it, and what is known beyond that."""
    entry = workload.known.entry
    (payload,) = places.payloads([workload])
    region, plan = entry.attributes.get("region"), entry.attributes.get("plan")
    return {
        **payload,
        **({"createdAt": rfc3339(entry.created_ms)} if entry.created_ms else {}),
        **({"billing": {"deploymentPlan": plan}} if plan else {}),
        **({"deployment": {"region": region}} if region else {}),
    }


def containers(entry: Entry) -> list[dict[str, Any]]:
    """The containers that there are or were samples of, by name: from the first one to the last.

    What a service's totals alone came under is none.
    """
    found: dict[str, list[Instance]] = {}
    for instance in entry.instances.values():
        name = instance.attributes.get("container")
        if name and any(metric_named(one).scope == "instance" for one in instance.metrics):
            found.setdefault(name, []).append(instance)
    return [_container(name, found[name], entry) for name in sorted(found)]


def _container(name: str, instances: Sequence[Instance], entry: Entry) -> dict[str, Any]:
    lives = [one.last_ms for one in instances]
    ended = entry.gone_ms is not None or None not in lives
    created_ms = min(one.first_ms for one in instances)
    last_ms = max((one for one in lives if one is not None), default=created_ms)
    return {
        "name": name,
        "createdAt": created_ms // SECOND_MS,
        "status": "TASK_FINISHED" if ended else "TASK_RUNNING",
        "updatedAt": (last_ms if ended else created_ms) // SECOND_MS,
    }


def _embedded(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {field: payload[field] for field in _EMBEDDED if field in payload}
