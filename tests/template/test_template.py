"""template.yaml: valid, linted, and saying what the design page says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.build import ROOT, sam
from local.scheduler import interval
from local.template import Template
from tests.dynamodb import KEYS
from tributary.due import CLOSED_AFTER_MS
from tributary.pace import Pace
from tributary.retention import MOST_DAYS, SETTINGS
from tributary.turns import DEFAULT_ACCOUNTS_PER_INVOCATION

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
        json.dumps(template.cloudformation).replace(
            '["CompactorDeadLetters", "Arn"]', '["CompactorDeadLetters", "Nrn"]'
        )
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


@pytest.mark.parametrize("minutes", ["1", "2", "3", "5", "6", "10", "12", "15", "20", "30"])
def test_the_interval_in_seconds_is_known_for_every_allowed_rate(minutes: str) -> None:
    template = Template(SOURCE, {"NorthflankEveryMinutes": minutes})
    seconds = template.cloudformation["Mappings"]["Minutes"][minutes]["Seconds"]
    schedule = next(s for s in template.schedules() if s.function == COLLECTORS[0])

    assert interval(schedule.expression) == int(seconds)
    allowed = template.cloudformation["Parameters"]["NorthflankEveryMinutes"]["AllowedValues"]
    assert set(allowed) == set(template.cloudformation["Mappings"]["Minutes"])


def test_queries_are_told_the_intervals_of_both_providers(template: Template) -> None:
    query = template.of_type("AWS::Lambda::Function")["QueryApiFunction"]
    rates = ("NorthflankEveryMinutes", "HostupEveryMinutes")

    assert query["Environment"]["Variables"]["INTERVAL_SECONDS"] == {
        "Fn::Join": [
            ",",
            [{"Fn::FindInMap": ["Minutes", {"Ref": rate}, "Seconds"]} for rate in rates],
        ]
    }


@pytest.mark.parametrize("provider", ["Northflank", "Hostup"])
def test_collectors_are_told_their_own_interval(template: Template, provider: str) -> None:
    function = template.of_type("AWS::Lambda::Function")[f"{provider}CollectorFunction"]

    assert function["Environment"]["Variables"]["INTERVAL_SECONDS"] == {
        "Fn::FindInMap": ["Minutes", {"Ref": f"{provider}EveryMinutes"}, "Seconds"]
    }


def test_functions_have_the_memory_and_time_they_need(template: Template) -> None:
    sizes = {
        name: (function.memory_megabytes, function.timeout_seconds)
        for name, function in template.functions().items()
    }

    assert sizes == {
        "NorthflankCollectorFunction": (512, 270),
        "HostupCollectorFunction": (512, 270),
        "CompactorFunction": (512, 900),
        "QueryApiFunction": (1024, 29),
    }


def test_the_table_is_encrypted_with_the_free_key_unless_asked_otherwise(
    template: Template,
) -> None:
    table = template.resources["Table"]["Properties"]

    assert template.parameters["TableKey"] == "owned"
    assert table["SSESpecification"] == {
        "SSEEnabled": {"Fn::If": ["TableKeyIsManaged", True, False]}
    }
    assert template.cloudformation["Conditions"]["TableKeyIsManaged"] == {
        "Fn::Equals": [{"Ref": "TableKey"}, "managed"]
    }


def test_schedules_alone_start_functions_and_nothing_is_retried(template: Template) -> None:
    for name in SCHEDULED:
        dead_letters = name.replace("Function", "DeadLetters")
        target = template.of_type("AWS::Scheduler::Schedule")[f"{name}Schedule"]["Target"]
        retries = template.of_type("AWS::Lambda::EventInvokeConfig")[f"{name}EventInvokeConfig"]
        function = template.of_type("AWS::Lambda::Function")[name]

        assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
        assert retries["MaximumRetryAttempts"] == 0
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [dead_letters, "Arn"]}}
        assert function["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]}}
        assert function["Timeout"] == (270 if name in COLLECTORS else 900)


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collectors_queue_delivers_one_account_at_a_time_and_once(
    template: Template, name: str
) -> None:
    queue_id = name.replace("Function", "Queue")
    queue = template.of_type("AWS::SQS::Queue")[queue_id]
    dead_letters = template.of_type("AWS::SQS::Queue")[f"{queue_id}DeadLetters"]
    function = template.of_type("AWS::Lambda::Function")[name]

    assert queue["FifoQueue"] is queue["SqsManagedSseEnabled"] is True
    assert queue["VisibilityTimeout"] == 300 > function["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [f"{queue_id}DeadLetters", "Arn"]},
        "maxReceiveCount": 1,
    }
    assert dead_letters["FifoQueue"] is dead_letters["SqsManagedSseEnabled"] is True
    assert dead_letters["MessageRetentionPeriod"] == 14 * 86_400
    assert function["Environment"]["Variables"]["QUEUE_URL"] == {"Ref": queue_id}
    assert template.of_type("AWS::Lambda::EventSourceMapping")[f"{queue_id}Mapping"] == {
        "EventSourceArn": {"Fn::GetAtt": [queue_id, "Arn"]},
        "FunctionName": {"Ref": name},
        "BatchSize": 1,
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "AccountsAtOnce"}},
    }


@pytest.mark.parametrize("minutes", ["1", "2", "3", "5", "6", "10", "12", "15", "20", "30"])
def test_a_turn_is_kept_until_the_next_and_as_long_as_it_may_be_worked_on(minutes: str) -> None:
    template = Template(SOURCE, {"HostupEveryMinutes": minutes})
    queue = template.of_type("AWS::SQS::Queue")["HostupCollectorQueue"]

    kept_seconds = int(template.resolve(queue["MessageRetentionPeriod"]))
    assert kept_seconds == int(minutes) * 60 + queue["VisibilityTimeout"]


def test_how_many_accounts_are_collected_at_once_is_within_lambdas_bounds(
    template: Template,
) -> None:
    parameters = template.cloudformation["Parameters"]
    at_once, per_invocation = parameters["AccountsAtOnce"], parameters["AccountsPerInvocation"]

    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    assert (at_once["MinValue"], at_once["MaxValue"]) == (2, 1000)
    assert per_invocation["Default"] == DEFAULT_ACCOUNTS_PER_INVOCATION


def test_functions_run_python_313_on_arm64(template: Template) -> None:
    assert template.parameters["Architecture"] == "arm64"
    for name in FUNCTIONS:
        function = template.of_type("AWS::Lambda::Function")[name]

        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert function["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == ""


def test_the_table_is_kept_restored_and_expires(template: Template) -> None:
    table = template.resources["Table"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "ttl",
        "Enabled": True,
    }
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True
    }
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


def test_a_restored_table_takes_the_stacks_ones_place_and_nothing_of_it_away(
    template: Template,
) -> None:
    used = {"Fn::If": ["UsesRestoredTable", {"Ref": "RestoredTable"}, {"Ref": "Table"}]}
    granted = [
        statement["Resource"]["Fn::Sub"]
        for name in FUNCTIONS
        for statement in _statements(template, name)
        if str(statement["Action"]).count("dynamodb:")
    ]

    for name in FUNCTIONS:
        function = template.of_type("AWS::Lambda::Function")[name]
        assert function["Environment"]["Variables"]["TABLE_NAME"] == used
    assert len(granted) == 5
    for arn, names in granted:
        assert arn.endswith(":${AWS::AccountId}:table/${UsedTable}")
        assert names == {"UsedTable": used}
    assert "Condition" not in template.resources["Table"]


def test_the_tests_table_has_the_keys_of_the_templates(template: Template) -> None:
    table = template.resources["Table"]["Properties"]

    assert {name: table[name] for name in KEYS} == KEYS


def test_every_log_group_has_a_retention_and_every_function_its_own(template: Template) -> None:
    groups = template.of_type("AWS::Logs::LogGroup")

    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    used = [
        template.of_type("AWS::Lambda::Function")[name]["LoggingConfig"]["LogGroup"]["Ref"]
        for name in FUNCTIONS
    ]
    assert len(set(used)) == len(FUNCTIONS)
    assert set(used) < set(groups)


def test_the_query_function_changes_nothing_but_counts_of_requests(template: Template) -> None:
    [statement] = [
        one
        for one in _statements(template, "QueryApiFunction")
        if one["Action"] == "dynamodb:UpdateItem"
    ]

    leading = {"dynamodb:LeadingKeys": ["used#*"]}
    assert statement["Condition"] == {"ForAllValues:StringLike": leading}


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_publishes_to_its_own_namespace_only(template: Template, name: str) -> None:
    [statement] = [s for s in _statements(template, name) if s["Resource"] == "*"]

    namespace = {"cloudwatch:namespace": {"Ref": "MetricsNamespace"}}
    assert statement["Condition"] == {"StringEquals": namespace}


def test_secrets_are_created_empty_and_the_token_generated(template: Template) -> None:
    made = template.of_type("AWS::SecretsManager::Secret")

    assert json.loads(made["NorthflankSecret"]["SecretString"]) == {"accounts": []}
    assert json.loads(made["HostupSecret"]["SecretString"]) == {"accounts": []}
    assert made["BootstrapToken"]["GenerateSecretString"] == {
        "PasswordLength": 40,
        "ExcludePunctuation": True,
    }


def test_routes_lead_to_the_query_function_unknown_paths_too(template: Template) -> None:
    assert sorted(route.key for route in template.routes()) == [
        "$default",
        "GET /healthz",
        "GET /v1/coverage",
        "GET /v1/metrics",
        "GET /v1/query",
        "GET /v1/resources",
    ]
    assert {route.function for route in template.routes()} == {"QueryApiFunction"}


def test_a_version_is_published_when_a_setting_of_the_query_function_changes() -> None:
    """A version keeps the settings of its time, and the API asks one: its description, which
    CloudFormation replaces it for, names each parameter that the function is made of."""
    template = Template(SOURCE, {})
    function = template.of_type("AWS::Lambda::Function")["QueryApiFunction"]
    [version] = template.of_type("AWS::Lambda::Version").values()
    described = set(re.findall(r"\$\{(\w+)\}", version["Description"]["Fn::Sub"]))
    parts = [function[name] for name in ("Environment", "MemorySize")]
    parameters = template.cloudformation["Parameters"]
    used = set(re.findall(r"\w+", json.dumps(parts))) & set(parameters)

    assert described == used | {"ColdStart"}
    longest = version["Description"]["Fn::Sub"]
    for name in described:
        longest = longest.replace(f"${{{name}}}", "x" * _longest(parameters[name]))
    assert len(longest) <= 256
    [alias] = template.of_type("AWS::Lambda::Alias").values()
    [number] = template.of_type("AWS::Lambda::Version")
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [number, "Version"]}


def _longest(parameter: Any) -> int:
    """How many characters a parameter's value may have."""
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    if "MaxValue" in parameter:
        return len(str(parameter["MaxValue"]))
    # A pattern that ends with a bound, after one character.
    bound = re.search(r"\{0,(\d+)\}\$$", parameter.get("AllowedPattern", ""))
    return int(parameter.get("MaxLength") or 1 + int(bound[1] if bound else 10_000))


def test_the_api_is_throttled_and_its_log_holds_no_credentials(template: Template) -> None:
    [stage] = template.of_type("AWS::ApiGatewayV2::Stage").values()
    log = json.loads(stage["AccessLogSettings"]["Format"])

    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottlingRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottlingBurst"},
    }
    assert log["status"] == "$context.status"
    assert not [value for value in log.values() if re.search("authori|header|query", value, re.I)]


def _statements(template: Template, function: str) -> list[Any]:
    role = template.of_type("AWS::IAM::Role")[f"{function}Role"]
    return [
        statement
        for policy in role["Policies"]
        for statement in _listed(policy["PolicyDocument"]["Statement"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _resource(value: Any) -> str:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case _:
            return str(value)


@pytest.mark.parametrize("minutes", [2, 3, 5, 6, 10, 12, 15, 20, 30])
def test_a_run_ends_where_a_chunk_does_by_the_default_delay(minutes: int) -> None:
    template = Template(SOURCE, {"HostupEveryMinutes": str(minutes)})
    [schedule] = [s for s in template.schedules() if s.function == "HostupCollectorFunction"]

    assert schedule.expression == f"cron(1/{minutes} * * * ? *)"
    minute_past_ms = 1795341660_000
    assert Pace(60_000, fresh=False).span(minute_past_ms).end_ms == minute_past_ms - 60_000
