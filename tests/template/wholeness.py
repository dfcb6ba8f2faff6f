"""What belongs to every folder in functions/, so that a new one's tests can name what it lacks."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tributary.turns import is_delivery

COLLECTOR = "_collector"


def folders(root: Path) -> list[str]:
    """The names of the functions' folders."""
    found = (path.name for path in (root / "functions").iterdir() if path.is_dir())
    return sorted(name for name in found if name != "__pycache__")


def missing(root: Path, folder: str) -> list[str]:
    """A sentence for each thing that a function's folder lacks, in a checkout at `root`."""
    return [lack for check in _CHECKS for lack in check(root, folder)]


def logical_id(folder: str) -> str:
    """The function's name in template.yaml."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


def _handler(root: Path, folder: str) -> Iterator[str]:
    app = root / "functions" / folder / "app.py"
    if not app.is_file() or "def lambda_handler(" not in app.read_text():
        yield f"functions/{folder}/app.py with a lambda_handler"


def _entry(root: Path, folder: str) -> Iterator[str]:
    name = logical_id(folder)
    entry = _template(root)["Resources"].get(name)
    if entry is None:
        yield f"template.yaml: a function {name}"
        return
    wanted = {
        "CodeUri": f"functions/{folder}/",
        "Handler": f"functions.{folder}.app.lambda_handler",
    }
    for field, value in wanted.items():
        if entry["Properties"].get(field) != value:
            yield f"template.yaml: {name} with {field}: {value}"
    build = entry.get("Metadata", {}).get("BuildProperties", {})
    if build != {"ParentPackageMode": "explicit", "ParentPackages": f"functions.{folder}"}:
        yield f"template.yaml: {name} with ParentPackages: functions.{folder} (explicit)"
    if folder.endswith(COLLECTOR) and not _schedules(entry):
        yield f"template.yaml: {name} with a ScheduleV2 event"


def _queue(root: Path, folder: str) -> Iterator[str]:
    """By which a collector spreads its accounts, once they are many."""
    if not folder.endswith(COLLECTOR):
        return
    function, resources = logical_id(folder), _template(root)["Resources"]
    queue = function.removesuffix("Function") + "Queue"
    if not resources.get(queue, {}).get("Properties", {}).get("FifoQueue"):
        yield f"template.yaml: a FIFO queue {queue}"
    if function in resources and not _told(resources[function], {"Ref": queue}):
        yield f"template.yaml: {function} with QUEUE_URL: !Ref {queue}"
    mapping = {
        "EventSourceArn": {"Fn::GetAtt": [queue, "Arn"]},
        "FunctionName": {"Ref": function},
    }
    if not any(mapping.items() <= each.items() for each in _mappings(resources)):
        yield f"template.yaml: an EventSourceMapping from {queue} to {function}"


def _events(root: Path, folder: str) -> Iterator[str]:
    if not list((root / "events" / folder).glob("*.json")):
        yield f"events/{folder}/: an event"
        return
    entry = _template(root)["Resources"].get(logical_id(folder), {})
    for sent in _schedules(entry):
        keys = json.loads(sent["Input"]).keys()
        event = root / "events" / folder / "schedule.json"
        if not event.is_file() or json.loads(event.read_text()).keys() != keys:
            yield f"events/{folder}/schedule.json with what its schedule sends: {', '.join(keys)}"
    delivery = root / "events" / folder / "delivery.json"
    if folder.endswith(COLLECTOR) and not (
        delivery.is_file() and is_delivery(json.loads(delivery.read_text()))
    ):
        yield f"events/{folder}/delivery.json with what its queue delivers"


def _cases(root: Path, folder: str) -> Iterator[str]:
    """Golden cases for a provider, tests of its own for any other function."""
    if folder.endswith(COLLECTOR):
        provider = folder.removesuffix(COLLECTOR)
        if not list((root / "tests" / "golden" / provider).glob("*/expected.json")):
            yield f"tests/golden/{provider}/: a golden case"
    elif not list((root / "tests" / folder).glob("test_*.py")):
        yield f"tests/{folder}/: a test"


def _readme(root: Path, folder: str) -> Iterator[str]:
    if folder.endswith(COLLECTOR) and not (root / "functions" / folder / "README.md").is_file():
        yield f"functions/{folder}/README.md with its metric table"


_CHECKS: tuple[Callable[[Path, str], Iterator[str]], ...] = (
    _handler,
    _entry,
    _queue,
    _events,
    _cases,
    _readme,
)


def _template(root: Path) -> Any:
    return yaml_parse((root / "template.yaml").read_text())  # type: ignore[no-untyped-call]


def _schedules(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    events = entry.get("Properties", {}).get("Events", {}).values()
    return [event["Properties"] for event in events if event["Type"] == "ScheduleV2"]


def _told(entry: Mapping[str, Any], queue: Mapping[str, str]) -> bool:
    variables = entry["Properties"].get("Environment", {}).get("Variables", {})
    return bool(variables.get("QUEUE_URL") == queue)


def _mappings(resources: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            yield resource["Properties"]
