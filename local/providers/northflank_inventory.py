"""Northflank's inventory as its list and get endpoints print it.

https://northflank.com/docs/v1/api/project/services/list-services and its siblings
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.providers.northflank_fleet import PROJECTS, Container, Project, Workload
from local.providers.times import written

type Json = dict[str, Any]

OWNER = "demo"


def find_project(project_id: str) -> Project | None:
    """The project of that id."""
    return next((project for project in PROJECTS if project.id == project_id), None)


def find_workload(project: Project, kind: str, workload_id: str) -> Workload | None:
    """The service, addon or job of that id; `kind` is the plural in the path."""
    return next((item for item in of_kind(project, kind) if item.id == workload_id), None)


def of_kind(project: Project, kind: str) -> list[Workload]:
    """A project's services, addons or jobs; `kind` is the plural in the path."""
    return [workload for workload in project.workloads if workload.kind == kind]


def project_item(project: Project) -> Json:
    """An item of the list of projects."""
    return {"id": project.id, "name": project.name, "description": project.description}


def project_detail(project: Project, started: int) -> Json:
    """One project with the services, jobs and addons in it."""
    return {
        **project_item(project),
        "deployment": {"region": project.region},
        "createdAt": _created_at(started, project.workloads),
        **{
            kind: [_embedded(project, workload) for workload in of_kind(project, kind)]
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


def workload_detail(project: Project, workload: Workload, started: int) -> Json:
    """One service, addon or job: what its list says, and its plan, region and creation."""
    return {
        **workload_item(project, workload),
        "createdAt": _created_at(started, (workload,)),
        "billing": {"deploymentPlan": workload.plan.name},
        "servicePaused": workload.paused,
        "deployment": {
            "region": project.region,
            "instances": sum(container.is_active for container in workload.containers),
        },
    }


def container_item(container: Container, started: int) -> Json:
    """An item of a list of containers, its times in Unix seconds."""
    created = started - container.created_seconds_before_start
    ended = container.ended_seconds_before_start
    return {
        "name": container.name,
        "createdAt": created,
        "status": "TASK_RUNNING" if ended is None else "TASK_FINISHED",
        "updatedAt": created if ended is None else started - ended,
    }


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


def _created_at(started: int, workloads: tuple[Workload, ...]) -> str:
    ages = [
        container.created_seconds_before_start
        for workload in workloads
        for container in workload.containers
    ]
    return written((started - max(ages, default=0)) * 1000)
