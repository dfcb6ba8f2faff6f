"""Parameters: each has a default that is taken, and refuses a value that makes no sense."""

import re

import pytest

from local import samconfig
from local.failure import Failure
from local.parameters import Parameters

PARAMETERS = Parameters.of_template()
# One for each parameter: what somebody might type, and must hear of before anything is deployed.
WRONG = {
    "NorthflankEveryMinutes": "7",
    "HostupEveryMinutes": "0",
    "NorthflankRequestsPerHour": "0",
    "HostupRequestsPerMinute": "many",
    "BudgetSharePercent": "101",
    "ScheduleState": "disabled",
    "DelaySeconds": "-1",
    "Fresh": "true",
    "AccountsPerInvocation": "201",
    "AccountsAtOnce": "1",
    "NorthflankFilters": "shop",
    "HostupFilters": "name:",
    "NewSeriesPerDay": "0",
    "NorthflankBaseUrl": "http://api.northflank.com",
    "HostupBaseUrl": "https://user:secret@cloud.hostup.se",
    "NorthflankKbpsBits": "0",
    "NorthflankMbBytes": "-1000000",
    "HostupKbBytes": "1k",
    "HostupMbBytes": "0",
    "HostupGbBytes": "1e9",
    "PublishedMetrics": "cpu.utilization memory.utilization",
    "PublishMaxAgeHours": "337",
    "RawRetentionDays": "0",
    "HourRetentionDays": "-60",
    "CoarseRetentionDays": "forever",
    "FiveMinuteRetentionDays": "0",
    "RollupRetentionDays": "36501",
    "DeletionProtection": "yes",
    "RestoredTable": "a table",
    "TableKey": "alias/mine",
    "CorsOrigins": "example.com",
    "DomainName": "https://metrics.example.com",
    "CertificateArn": "metrics.example.com",
    "HostedZoneId": "example.com",
    "TokenRequestsPerHour": "0",
    "TokenBurst": "0",
    "ThrottlingRate": "0",
    "ThrottlingBurst": "5001",
    "MetricsNamespace": "AWS/Lambda",
    "AlarmTopic": "alarms",
    "Dashboard": "yes",
    "SelfMetricsDisabled": "no",
    "LogLevel": "TRACE",
    "LogRetentionDays": "45",
    "CollectorMemory": "128",
    "CompactorMemory": "10241",
    "QueryMemory": "1 GB",
    "ColdStart": "on",
    "Architecture": "arm",
}
TAKEN = {
    "NorthflankFilters": "project:shop,type!:job",
    "HostupFilters": "name!:test*",
    "CorsOrigins": "https://a.example.com,http://localhost:5173",
    "DomainName": "metrics.example.com",
    "CertificateArn": "arn:aws:acm:eu-north-1:123456789012:certificate/12345678-1234",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
    "AlarmTopic": "arn:aws:sns:eu-north-1:123456789012:alarms",
    "NorthflankBaseUrl": "https://northflank.internal:8443/api",
    "PublishedMetrics": "",
    "MetricsNamespace": "Acme/Tributary-dev",
}


def test_every_parameters_default_is_taken() -> None:
    defaults = {name: PARAMETERS.default(name) for name in PARAMETERS.entries}

    assert list(PARAMETERS.problems(defaults | TAKEN)) == []


def test_every_parameter_has_a_wrong_value_here() -> None:
    assert WRONG.keys() == PARAMETERS.entries.keys()


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_value_is_refused(name: str, value: str) -> None:
    [problem] = PARAMETERS.problems({name: value})

    assert problem.startswith(f"{name} is '{value}', ")


def test_a_parameter_that_there_is_not_is_named_with_those_that_there_are() -> None:
    [problem] = PARAMETERS.problems({"RetentionDays": "7"})

    assert problem.startswith("RetentionDays is no parameter: there are NorthflankEveryMinutes, ")


def test_samconfig_has_a_stage_to_try_in_and_one_to_keep() -> None:
    stages = samconfig.stages()

    assert list(stages) == ["dev", "prod"]
    assert [problem for one in stages.values() for problem in one.problems()] == []
    assert stages["dev"].overrides["DeletionProtection"] == "false"
    assert stages["prod"].overrides["DeletionProtection"] == "true"
    # Side by side in one AWS account, neither takes the other's metrics for its own.
    namespaces = {
        one.overrides.get("MetricsNamespace", PARAMETERS.default("MetricsNamespace"))
        for one in stages.values()
    }
    assert len(namespaces) == 2


def test_a_stage_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Failure, match=re.escape("as in STAGE=dev. There are dev, prod.")):
        samconfig.stage("staging")
