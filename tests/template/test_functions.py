"""Every folder in functions/ is whole: a new provider's test run names what it lacks."""

import importlib
import shutil
from pathlib import Path

import pytest

from local.build import ROOT
from local.template import Template
from tests.template.wholeness import folders, logical_id, missing

FOLDERS = folders(ROOT)


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_missing_of_a_function(folder: str) -> None:
    assert missing(ROOT, folder) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_its_handler(folder: str) -> None:
    assert callable(importlib.import_module(f"functions.{folder}.app").lambda_handler)


def test_the_template_has_no_function_without_a_folder() -> None:
    template = Template(ROOT / "template.yaml", {})

    assert sorted(template.functions()) == sorted(map(logical_id, FOLDERS))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the template and nothing else."""
    shutil.copy(ROOT / "template.yaml", tmp_path)
    return tmp_path


def test_a_new_provider_is_told_what_it_lacks(checkout: Path) -> None:
    (checkout / "functions" / "hetzner_collector").mkdir(parents=True)

    assert folders(checkout) == ["hetzner_collector"]
    assert missing(checkout, "hetzner_collector") == [
        "functions/hetzner_collector/app.py with a lambda_handler",
        "template.yaml: a function HetznerCollectorFunction",
        "template.yaml: a FIFO queue HetznerCollectorQueue",
        "template.yaml: an EventSourceMapping from HetznerCollectorQueue"
        " to HetznerCollectorFunction",
        "events/hetzner_collector/: an event",
        "tests/golden/hetzner/: a golden case",
        "functions/hetzner_collector/README.md with its metric table",
    ]


def test_another_function_needs_tests_in_place_of_golden_cases(checkout: Path) -> None:
    (checkout / "functions" / "exporter").mkdir(parents=True)
    (checkout / "functions" / "exporter" / "app.py").write_text("def lambda_handler(event): ...")

    assert missing(checkout, "exporter") == [
        "template.yaml: a function ExporterFunction",
        "events/exporter/: an event",
        "tests/exporter/: a test",
    ]


def test_an_entry_that_would_be_built_wrongly_is_named(checkout: Path) -> None:
    template = checkout / "template.yaml"
    text = template.read_text()
    text = text.replace(
        "Handler: functions.hostup_collector.app.lambda_handler", "Handler: app.lambda_handler"
    )
    text = text.replace(
        "ParentPackages: functions.hostup_collector", "ParentPackages: functions.hostup"
    )
    template.write_text(text)

    assert missing(checkout, "hostup_collector")[1:3] == [
        "template.yaml: HostupCollectorFunction with Handler:"
        " functions.hostup_collector.app.lambda_handler",
        "template.yaml: HostupCollectorFunction with ParentPackages: functions.hostup_collector"
        " (explicit)",
    ]


def test_a_function_whose_queue_is_another_providers_is_named(checkout: Path) -> None:
    template = checkout / "template.yaml"
    text = template.read_text()
    text = text.replace("QUEUE_URL: !Ref HostupC", "QUEUE_URL: !Ref NorthflankC")
    text = text.replace(
        "EventSourceArn: !GetAtt HostupCollectorQueue",
        "EventSourceArn: !GetAtt NorthflankCollectorQueue",
    )
    template.write_text(text)

    assert missing(checkout, "hostup_collector")[1:3] == [
        "template.yaml: HostupCollectorFunction with QUEUE_URL: !Ref HostupCollectorQueue",
        "template.yaml: an EventSourceMapping from HostupCollectorQueue to HostupCollectorFunction",
    ]


def test_an_event_that_no_queue_delivers_is_named(checkout: Path) -> None:
    folder = checkout / "events" / "hostup_collector"
    shutil.copytree(ROOT / "events" / "hostup_collector", folder)
    (folder / "delivery.json").write_text('{"Records": [{"eventSource": "aws:sns"}]}')

    assert "events/hostup_collector/delivery.json with what its queue delivers" in missing(
        checkout, "hostup_collector"
    )


def test_an_event_without_what_the_schedule_sends_is_named(checkout: Path) -> None:
    event = checkout / "events" / "hostup_collector" / "schedule.json"
    event.parent.mkdir(parents=True)
    event.write_text('{"time": "2026-11-22T10:00:00Z"}')

    assert (
        "events/hostup_collector/schedule.json with what its schedule sends: scheduledTime"
        in missing(checkout, "hostup_collector")
    )
