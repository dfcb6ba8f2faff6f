"""Every folder in functions/ is whole: a new provider's test run names what it lacks."""

import importlib
import json
from pathlib import Path

import pytest

from local.build import ROOT
from local.template import Template

FOLDERS = sorted(
    folder.name
    for folder in (ROOT / "functions").iterdir()
    if folder.is_dir() and folder.name != "__pycache__"
)


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml", {})


def logical_id(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


def golden_cases(folder: str) -> list[Path]:
    return [path for path in (ROOT / "tests" / folder / "golden").glob("*") if path.is_dir()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_its_entry_in_the_template(template: Template, folder: str) -> None:
    function = template.functions()[logical_id(folder)]

    assert function.handler == f"functions.{folder}.app.lambda_handler"
    assert function.code == ROOT / "functions" / folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_its_handler(folder: str) -> None:
    assert callable(importlib.import_module(f"functions.{folder}.app").lambda_handler)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_events(folder: str) -> None:
    events = list((ROOT / "events" / folder).glob("*.json"))

    assert events, f"events/{folder}/ holds no event"
    assert all(isinstance(json.loads(event.read_text()), dict) for event in events)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_collectors_event_has_the_keys_its_schedule_sends(
    template: Template, folder: str
) -> None:
    sent = [json.loads(s.input) for s in template.schedules() if s.function == logical_id(folder)]
    events = [json.loads(e.read_text()) for e in (ROOT / "events" / folder).glob("schedule*.json")]

    assert [event.keys() for event in events] == [event.keys() for event in sent]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_golden_cases(folder: str) -> None:
    assert golden_cases(folder), f"tests/{folder}/golden/ holds no case"


def test_the_template_has_no_function_without_a_folder(template: Template) -> None:
    assert sorted(template.functions()) == sorted(map(logical_id, FOLDERS))
