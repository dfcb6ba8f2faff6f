"""template.yaml: valid, linted, and saying what the design page says."""

import json
import re
from pathlib import Path

import pytest

from local.build import ROOT, sam
from local.scheduler import interval
from local.template import Template
from tributary.account_run import Pace
from tributary.due import CLOSED_AFTER_MS
from tributary.retention import MOST_DAYS, SETTINGS

SOURCE = ROOT / "template.yaml"
COLLECTORS = ("NorthflankCollectorFunction", "HostupCollectorFunction")
SCHEDULED = (*COLLECTORS, "CompactorFunction")
FUNCTIONS = (*SCHEDULED, "QueryApiFunction")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(SOURCE, {})


@pytest.mark.xdist_group("sam")
def test_sam_validate_finds_nothing() -> None:
    assert "is a valid SAM Template" in sam("validate", "--template", str(SOURCE))


@pytest.mark.xdist_group("sam")
def test_sam_validate_lint_finds_nothing() -> None:
    assert "is a valid SAM Template" in sam("validate", "--lint", "--template", str(SOURCE))


def test_cfn_lint_finds_nothing_in_the_translated_template(
    template: Template, tmp_path: Path
) -> None:
    from cfnlint.api import lint_file

    translated = tmp_path / "translated.json"
    translated.write_text(json.dumps(template.cloudformation))

    assert [str(match) for match in lint_file(translated)] == []


def test_cfn_lint_finds_a_wrong_attribute_in_a_function(template: Template, tmp_path: Path) -> None:
    from cfnlint.api import lint_file

    broken = tmp_path / "broken.json"
    broken.write_text(
        json.dumps(template.cloudformation).replace('["Table", "Arn"]', '["Table", "Nrn"]')
    )

    assert any("Nrn" in str(match) for match in lint_file(broken))


@pytest.mark.parametrize("section", ["Parameters", "Outputs"])
def test_every_parameter_and_output_is_described(template: Template, section: str) -> None:
    undescribed = [
        name
        for name, entry in template.cloudformation[section].items()
        if not entry.get("Description")
    ]

    assert undescribed == []


def test_every_parameter_is_used(template: Template) -> None:
    source = SOURCE.read_text()
    unused = [
        name
        for name in template.cloudformation["Parameters"]
        if not re.search(rf"!Ref {name}\b|\$\{{{name}\}}", source)
    ]

    assert unused == []


@pytest.mark.parametrize("name", SETTINGS)
def test_a_retention_is_a_number_of_days_that_every_function_is_told(
    template: Template, name: str
) -> None:
    setting = SETTINGS[name]
    parameter = template.cloudformation["Parameters"][setting.parameter]

    # 0, negative numbers and text are refused before anything is deployed.
    assert parameter["Type"] == "Number"
    assert (parameter["MinValue"], parameter["MaxValue"]) == (1, MOST_DAYS)
    assert parameter["Default"] == setting.default
    for function in template.of_type("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"][setting.variable] == {"Ref": setting.parameter}


def test_schedules_send_the_scheduled_time_every_five_minutes(template: Template) -> None:
    schedules = {schedule.function: schedule for schedule in template.schedules()}

    assert set(schedules) == set(SCHEDULED)
    for name in COLLECTORS:
        assert schedules[name].expression == "cron(1/5 * * * ? *)"
        assert interval(schedules[name].expression) == 300
    for schedule in schedules.values():
        assert json.loads(schedule.input) == {"scheduledTime": "<aws.scheduler.scheduled-time>"}


def test_the_compactor_runs_each_hour_once_an_hour_can_be_closed(template: Template) -> None:
    [schedule] = [s for s in template.schedules() if s.function == "CompactorFunction"]

    assert schedule.expression == "cron(50 * * * ? *)"
    assert CLOSED_AFTER_MS == 45 * 60_000


def test_schedules_are_off_when_the_parameter_says_so() -> None:
    assert Template(SOURCE, {"ScheduleState": "DISABLED"}).schedules() == ()


@pytest.mark.parametrize("minutes", [2, 3, 5, 6, 10, 12, 15, 20, 30])
def test_a_run_ends_where_a_chunk_does_by_the_default_delay(minutes: int) -> None:
    template = Template(SOURCE, {"HostupEveryMinutes": str(minutes)})
    [schedule] = [s for s in template.schedules() if s.function == "HostupCollectorFunction"]

    assert schedule.expression == f"cron(1/{minutes} * * * ? *)"
    minute_past_ms = 1795341660_000
    assert Pace(60_000, fresh=False).span(minute_past_ms).end_ms == minute_past_ms - 60_000
