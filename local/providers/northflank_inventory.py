"""Northflank's inventory as its list and get endpoints print it.

https://northflank.com/docs/v1/api/project/services/list-services and its siblings
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from local.providers.northflank_fleet import Container, Project, Workload
from local.providers.northflank_query import INVALID
from local.providers.paging import number, page_of, start_of
from local.providers.times import written

type Json = dict[str, Any]

OWNER = "demo"
DEFAULT_PAGE = 50
LARGEST_PAGE = 100
MOST_PAGES = 1000


def find_project(projects: Iterable[Project], project_id: str) -> Project | None:
    """The project of that id."""
    return next((project for project in projects if project.id == project_id), None)


def find_workload(project: Project, kind: str, workload_id: str, now: float) -> Workload | None:
    """The service, addon or job of that id at a time; `kind` is the plural in the path."""
    return next((item for item in of_kind(project, kind, now) if item.id == workload_id), None)


def of_kind(project: Project, kind: str, now: float) -> list[Workload]:
    """A project's services, addons or jobs at a time; `kind` is the plural in the path."""
    return [
        workload
        for workload in project.workloads
        if workload.kind == kind and workload.exists_at(now)
    ]


def project_item(project: Project) -> Json:
    """An item of the list of projects."""
    return {"id": project.id, "name": project.name, "description": project.description}


def project_detail(project: Project, now: float) -> Json:
    """One project with the services, jobs and addons in it."""
    return {
        **project_item(project),
        "deployment": {"region": project.region},
        "createdAt": _written(min((each.since for each in project.workloads), default=0)),
        **{
            kind: [_embedded(project, workload) for workload in of_kind(project, kind, now)]
            for kind in ("services", "jobs", "addons")
        },
        "cluster": {"id": f"nf-{project.region}", "name": project.region},
    }


def workload_item(project: Project, workload: Workload) -> Json:
    """An item of a list of services, addons or jobs; tags only where there are any."""
    return {
        "id": workload.id,
        "appId": f"/{OWNER}/{project.id}/{workload.id}",
        "projectId": project.id,
        "name": workload.name,
        "description": workload.description,
        **({"tags": list(workload.tags)} if workload.tags else {}),
        **_FIELDS[workload.kind](workload),
    }


def workload_detail(project: Project, workload: Workload, now: float) -> Json:
    """One service, addon or job: what its list says, and its plan, region and creation."""
    return {
        **workload_item(project, workload),
        "createdAt": _written(workload.since),
        "billing": {"deploymentPlan": workload.plan.name},
        "servicePaused": workload.paused,
        "deployment": {
            "region": project.region,
            "instances": sum(container.is_active_at(now) for container in workload.containers),
        },
    }


def container_item(container: Container, now: float) -> Json:
    """An item of a list of containers, its times in Unix seconds."""
    active = container.is_active_at(now)
    return {
        "name": container.name,
        "createdAt": int(container.created_at),
        "status": "TASK_RUNNING" if active else "TASK_FINISHED",
        "updatedAt": int(container.created_at if active else container.ended_at),
    }


def page(args: Mapping[str, str], largest_page: int, name: str, items: Sequence[Json]) -> Json:
    """The page of a list that a query string asks for; Refused if there can't be such a one."""
    size = min(number(args, "per_page", DEFAULT_PAGE, LARGEST_PAGE, INVALID), largest_page)
    if "cursor" in args:
        start = start_of(args["cursor"], INVALID)
    else:
        start = (number(args, "page", 1, MOST_PAGES, INVALID) - 1) * size
    found = page_of(items, start, size)
    pagination: Json = {"hasNextPage": found.next_cursor is not None, "count": len(found.items)}
    if found.next_cursor is not None:
        pagination["cursor"] = found.next_cursor
    return {"data": {name: found.items}, "pagination": pagination}


def _service_fields(service: Workload) -> Json:
    status: Json = {"build": {"status": "SUCCESS"}}
    if service.type != "build":
        status["deployment"] = {"status": "COMPLETED", "reason": "DEPLOYING"}
    built_elsewhere = service.type == "deployment"
    return {
        "serviceType": service.type,
        "disabledCI": built_elsewhere,
        "disabledCD": False,
        "status": status,
    }


def _addon_fields(addon: Workload) -> Json:
    return {"spec": {"type": addon.type}, "status": "paused" if addon.paused else "running"}


def _job_fields(job: Workload) -> Json:
    return {
        "jobType": job.type,
        "disabledCI": False,
        "disabledCD": False,
        "suspended": job.paused,
    }


_FIELDS: Mapping[str, Callable[[Workload], Json]] = {
    "services": _service_fields,
    "addons": _addon_fields,
    "jobs": _job_fields,
}


def _embedded(project: Project, workload: Workload) -> Json:
    """As listed, without tags and status."""
    item = workload_item(project, workload)
    kept = ("id", "appId", "name", "description", "serviceType", "jobType", "spec")
    return {field: item[field] for field in kept if field in item}


def _written(instant: float) -> str:
    return written(int(instant * 1000))
