"""Alarms and the dashboard: on metrics that there are, and each alarm says what to do."""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.build import ROOT
from local.template import Template
from tests.docs.markdown import table

SOURCE = ROOT / "template.yaml"
DESIGN = "docs/design.md"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
# What AWS emits, by its documentation, for what the template has:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
AWS = {
    "AWS/Lambda": ({"FunctionName"}, {"Invocations", "Errors", "Throttles", "Duration"}),
    "AWS/SQS": ({"QueueName"}, {"ApproximateNumberOfMessagesVisible"}),
    "AWS/ApiGateway": ({"ApiId"}, {"Count", "4xx", "5xx", "Latency"}),
    "AWS/DynamoDB": ({"TableName"}, {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"}),
}
PUBLISHED_DIMENSIONS = {"Account", "Provider", "Resource"}
METRICS_INSIGHTS = re.compile(
    r"SELECT (?:SUM|MAX)\((?P<metric>\w+)\) "
    r'FROM SCHEMA\("(?P<namespace>[\w/]+)", (?P<names>[\w, ]+)\)'
    r" WHERE Provider = '(?:northflank|hostup)'"
)
SEARCH = re.compile(
    r"""SEARCH\('{"(?P<namespace>[\w/]+)",(?P<names>[\w,]+)} MetricName="(?P<metric>[\w.]+)"""
    r"""(?:" Provider="(?:northflank|hostup))?"', '(?:Average|Sum|Minimum|Maximum)', 300\)"""
)

type Metric = tuple[str, frozenset[str], str]  # namespace, names of dimensions, metric


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(SOURCE, {})


@pytest.fixture(scope="module")
def alarms(template: Template) -> dict[str, Any]:
    return template.of_type("AWS::CloudWatch::Alarm")


@pytest.fixture(scope="module")
def dashboard(template: Template) -> dict[str, Any]:
    """The dashboard's body, of a stack whose resources are called by their logical ids."""
    [entry] = template.of_type("AWS::CloudWatch::Dashboard").values()
    names = {name: name for name in template.resources} | {"AWS::Region": "us-east-1"}
    text = _resolved(template, entry["DashboardBody"], names)
    body: dict[str, Any] = json.loads(text)
    return body


@pytest.fixture(scope="module")
def emitted(template: Template) -> set[Metric]:
    """Every metric of the functions' own, and those of hosts that the template publishes."""
    own = {
        ("Tributary/Self", frozenset(row[1].split(", ")), metric)
        for row in table(DESIGN, "function", "dimensions")
        for metric in re.findall(r"`(\w+)`", row[2])
    }
    published = template.parameters["PublishedMetrics"].split(",")
    return own | {("Tributary", frozenset(PUBLISHED_DIMENSIONS), name) for name in published}


def test_an_alarm_is_on_a_metric_that_there_is(
    template: Template, alarms: dict[str, Any], emitted: set[Metric]
) -> None:
    for name, alarm in alarms.items():
        namespace, dimensions, metric = _alarmed(template, alarm)
        if namespace in AWS:
            assert dimensions == AWS[namespace][0], name
            assert metric in AWS[namespace][1], name
        else:
            assert (namespace, dimensions, metric) in emitted, name


def test_every_function_and_dead_letter_queue_is_watched(
    template: Template, alarms: dict[str, Any]
) -> None:
    watched = {
        (alarm["MetricName"], json.dumps(dimension["Value"]))
        for alarm in alarms.values()
        for dimension in alarm.get("Dimensions", ())
    }
    functions = template.of_type("AWS::Lambda::Function")
    queues = [name for name in template.of_type("AWS::SQS::Queue") if "DeadLetters" in name]

    assert len(queues) == 5
    for name in functions:
        for metric in ("Errors", "Throttles", "Duration"):
            assert (metric, json.dumps({"Ref": name})) in watched
    for name in queues:
        queue = json.dumps({"Fn::GetAtt": [name, "QueueName"]})
        assert ("ApproximateNumberOfMessagesVisible", queue) in watched
    # A function that is started no more has no errors either.
    for name in {schedule.function for schedule in template.schedules()}:
        silent = alarms[f"{_stem(name)}SilentAlarm"]
        assert silent["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": name}}]
        assert silent["MetricName"] == "Invocations"
        assert silent["TreatMissingData"] == "breaching"


def test_a_function_is_alarmed_before_its_timeout(
    template: Template, alarms: dict[str, Any]
) -> None:
    for name, function in template.functions().items():
        threshold_ms = alarms[name.replace("Function", "DurationAlarm")]["Threshold"]

        assert 0.85 < threshold_ms / 1000 / function.timeout_seconds < 1


@pytest.mark.parametrize("provider", ["Northflank", "Hostup"])
def test_a_provider_is_behind_after_three_of_its_intervals(
    template: Template, alarms: dict[str, Any], provider: str
) -> None:
    three = {"Fn::FindInMap": ["Minutes", {"Ref": f"{provider}EveryMinutes"}, "ThreeIntervals"]}

    assert alarms[f"{provider}BehindAlarm"]["Threshold"] == three
    assert alarms[f"{provider}SilentAlarm"]["Period"] == three
    for minutes, mapped in template.cloudformation["Mappings"]["Minutes"].items():
        assert int(mapped["ThreeIntervals"]) == 3 * 60 * int(minutes)


def test_an_alarm_tells_the_topic_and_says_what_to_do(
    template: Template, alarms: dict[str, Any]
) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        _, _, to_do = alarm["AlarmDescription"].partition(". ")
        assert to_do, name
        assert len(alarm["AlarmDescription"]) <= 1024
        named = re.findall(r"\b[A-Z]\w+[A-Z]\w+\b", to_do)
        known = {*template.cloudformation["Parameters"], "DynamoDB", "HostUp"}
        assert set(named) <= known, name


def test_there_are_no_alarms_without_a_topic_and_none_of_silence_while_paused(
    template: Template,
) -> None:
    resources = template.resources
    conditions = template.cloudformation["Conditions"]
    alarms = {n: r for n, r in resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"}

    assert conditions["Alarmed"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopic"}, ""]}]}
    assert conditions["AlarmedWhileScheduled"]["Fn::And"] == [
        {"Condition": "Alarmed"},
        {"Fn::Equals": [{"Ref": "ScheduleState"}, "ENABLED"]},
    ]
    assert conditions["AlarmedOnRuns"]["Fn::And"] == [
        {"Condition": "AlarmedWhileScheduled"},
        {"Fn::Equals": [{"Ref": "SelfMetricsDisabled"}, "false"]},
    ]
    for name, alarm in alarms.items():
        own = "/Self" in json.dumps(alarm["Properties"])
        silent = alarm["Properties"]["TreatMissingData"] == "breaching"
        expected = "AlarmedOnRuns" if own else "AlarmedWhileScheduled" if silent else "Alarmed"
        assert alarm["Condition"] == expected, name


def test_the_page_on_operating_has_each_alarm_with_what_it_says(alarms: dict[str, Any]) -> None:
    rows = table("docs/operate.md", "alarm", "what it means and what to do")

    assert {row[0].strip("`"): row[1] for row in rows} == {
        name: alarm["AlarmDescription"] for name, alarm in alarms.items()
    }


def test_cloudwatch_takes_each_alarm(template: Template, alarms: dict[str, Any]) -> None:
    """moto holds an alarm to botocore's model: names, types and what must be there."""
    with mock_aws():
        client = boto3.client("cloudwatch", "us-east-1")
        for name, alarm in alarms.items():
            client.put_metric_alarm(AlarmName=name, **_as_sent(template, alarm))
        page = client.describe_alarms(MaxRecords=100)["MetricAlarms"]

    assert sorted(one["AlarmName"] for one in page) == sorted(alarms)


def test_the_dashboard_shows_metrics_that_there_are(
    dashboard: dict[str, Any], emitted: set[Metric]
) -> None:
    shown = [metric for widget in dashboard["widgets"] for metric in _shown(widget)]

    for namespace, dimensions, metric in shown:
        if namespace in AWS:
            assert dimensions == AWS[namespace][0]
            assert metric in AWS[namespace][1]
        else:
            assert (namespace, dimensions, metric) in emitted
    # Hosts, collection, the API and what costs.
    assert {each[0] for each in shown} == {"Tributary", "Tributary/Self", *AWS} - {"AWS/SQS"}
    collecting = frozenset({"Account", "Provider", "service"})
    for name in ("SecondsBehind", "BudgetLeft", "Requests", "ResourcesPostponed", "GapSeconds"):
        assert ("Tributary/Self", collecting, name) in shown


def test_the_dashboards_widgets_lie_side_by_side_and_have_titles(
    dashboard: dict[str, Any],
) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard["widgets"]:
        x, y, width, height = (widget[name] for name in ("x", "y", "width", "height"))
        cells = {(a, b) for a in range(x, x + width) for b in range(y, y + height)}

        assert x + width <= 24
        assert not cells & taken
        taken |= cells
        properties = widget["properties"]
        if widget["type"] == "metric":
            assert properties["title"]
            assert properties["region"] == "us-east-1"
        else:
            assert properties["markdown"].startswith("## ")


def test_cloudwatch_takes_the_dashboard(dashboard: dict[str, Any]) -> None:
    with mock_aws():
        client = boto3.client("cloudwatch", "us-east-1")
        client.put_dashboard(DashboardName="tributary", DashboardBody=json.dumps(dashboard))
        kept = client.get_dashboard(DashboardName="tributary")["DashboardBody"]

    assert json.loads(kept) == dashboard


def _alarmed(template: Template, alarm: Any) -> Metric:
    if "MetricName" in alarm:
        names = frozenset(one["Name"] for one in alarm["Dimensions"])
        return template.resolve(alarm["Namespace"]), names, alarm["MetricName"]
    [query] = alarm["Metrics"]
    found = METRICS_INSIGHTS.fullmatch(template.resolve(query["Expression"]))
    assert found, query
    return found["namespace"], frozenset(found["names"].split(", ")), found["metric"]


def _shown(widget: Any) -> Iterator[Metric]:
    """The metrics of a widget's graph, with CloudWatch's `.` and `...` for what is as before."""
    before: list[str] = []
    for *named, last in widget["properties"].get("metrics", ()):
        if "expression" in last:
            found = SEARCH.fullmatch(last["expression"])
            assert found, last
            yield found["namespace"], frozenset(found["names"].split(",")), found["metric"]
            continue
        if named[0] == "...":
            named = [*before[: len(before) - len(named) + 1], *named[1:]]
        named = [
            old if new == "." else new for new, old in zip(named, before or named, strict=True)
        ]
        before = named
        yield named[0], frozenset(named[2::2]), named[1]


def _as_sent(template: Template, alarm: Any) -> dict[str, Any]:
    sent = {
        **alarm,
        **{name: [TOPIC] for name in ("AlarmActions", "OKActions")},
        "Threshold": float(template.resolve(alarm["Threshold"])),
    }
    if "Namespace" in alarm:
        sent["Namespace"] = template.resolve(alarm["Namespace"])
        sent["Period"] = int(template.resolve(alarm["Period"]))
        sent["Dimensions"] = [
            {"Name": one["Name"], "Value": json.dumps(one["Value"])} for one in alarm["Dimensions"]
        ]
    else:
        [query] = alarm["Metrics"]
        sent["Metrics"] = [
            {
                **query,
                "Expression": template.resolve(query["Expression"]),
                "Period": int(template.resolve(query["Period"])),
            }
        ]
    return sent


def _stem(function: str) -> str:
    """As alarms are called that are about a provider rather than its collector."""
    return function.removesuffix("Function").removesuffix("Collector")


def _resolved(template: Template, value: Any, names: dict[str, str]) -> str:
    text, further = value["Fn::Sub"]
    known = {**template.parameters, **names, **dict.fromkeys(further, "table")}
    return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], text)
