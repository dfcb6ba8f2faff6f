"""Inventory: Northflank's services, addons and jobs, as its lists and get requests tell of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from tributary.provider import Details, Json, Resource
from tributary.windows import parse_rfc3339

# The type of a service that only builds: it has no containers, and so no metrics of them.
BUILD = "build"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of workload: what it is called, alone and in paths, and what a list's item says of
    its type and of whether it rests."""

    name: str
    plural: str
    type_of: Callable[[Mapping[str, Json]], Json]
    is_idle: Callable[[Mapping[str, Json]], bool]


# https://northflank.com/docs/v1/api/project/services/list-services and its siblings
KINDS = (
    Kind(
        "service",
        "services",
        lambda item: item.get("serviceType"),
        lambda item: item.get("serviceType") == BUILD or item.get("servicePaused") is True,
    ),
    Kind(
        "addon",
        "addons",
        lambda item: json_object(item.get("spec")).get("type"),
        lambda item: item.get("status") == "paused",
    ),
    Kind(
        "job",
        "jobs",
        lambda item: item.get("jobType"),
        lambda item: item.get("suspended") is True,
    ),
)


def resource_of(
    account: str, team: str | None, project: str, kind: Kind, item: Mapping[str, Json]
) -> Resource:
    """The resource that a list's item, one that has an id, is about; the team if the account names
    one."""
    workload = text(item.get("id"))
    native = f"{escaped(project)}/{kind.plural}/{escaped(workload)}"
    identity = f"{account}/{native}"
    provider, _, name = account.partition("/")
    attributes = {
        "provider": provider,
        "account": name,
        "project": project,
        "kind": kind.name,
        "resource": identity,
        "name": text(item.get("name")) or workload,
    }
    if team:
        attributes["team"] = team
    if of_type := text(kind.type_of(item)):
        attributes["type"] = of_type
    attributes.update({f"tag.{tag}": "true" for tag in _tags(item)})
    return Resource(identity, native, attributes, item, kind.is_idle(item))


def details_of(data: Mapping[str, Json]) -> Details:
    """What get-service, get-addon or get-job says and no list: region, plan, time of creation."""
    # https://northflank.com/docs/v1/api/project/addons/get-addon: an addon says it elsewhere.
    config = json_object(json_object(data.get("spec")).get("config"))
    addon, deployment = (json_object(one.get("deployment")) for one in (config, data))
    known = {
        "region": (deployment.get("region"), addon.get("region"), config.get("region")),
        "plan": (json_object(data.get("billing")).get("deploymentPlan"), addon.get("planId")),
    }
    first = {name: next(filter(None, map(text, values)), "") for name, values in known.items()}
    return Details(
        {name: value for name, value in first.items() if value}, _time_ms(data.get("createdAt"))
    )


def escaped(segment: str) -> str:
    """A segment of a path and of an id; `~` too, which sets a resource's later lives apart."""
    return quote(segment, safe="").replace("~", "%7E")


def text(value: Json) -> str:
    """A value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def json_object(value: Json) -> Mapping[str, Json]:
    """A value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _tags(item: Mapping[str, Json]) -> Iterator[str]:
    tags = item.get("tags")
    yield from filter(None, map(text, tags if isinstance(tags, list) else ()))


def _time_ms(value: Json) -> int | None:
    try:
        return parse_rfc3339(text(value))
    except (ValueError, OverflowError):
        return None
