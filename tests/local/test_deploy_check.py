"""`make deploy-check`: what is missing is said before anything is deployed."""

import re

import pytest

from local.deploy import main as deploy
from local.deploy_check import aws_settings, settings
from local.deploy_check import main as deploy_check
from local.failure import Failure
from local.samconfig import Stage

TOPIC = "arn:aws:sns:eu-north-1:123456789012:alarms"


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REGION", "DEFAULT_REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_a_stage_that_cloudformation_takes_and_that_tells_somebody_lacks_nothing() -> None:
    assert list(settings(Stage("prod", {"AlarmTopic": TOPIC}))) == []
    # One to try in needs no alarms.
    assert list(settings(Stage("dev", {}))) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({}, "AlarmTopic is not set: nobody would be told when collecting stops"),
        ({"AlarmTopic": "alarms"}, "samconfig.toml, prod: AlarmTopic is 'alarms', which does not"),
        ({"Retention": "7"}, "samconfig.toml, prod: Retention is no parameter: there are"),
        ({"DomainName": "metrics.example.com"}, "DomainName needs CertificateArn"),
        ({"HostedZoneId": "Z0123456789"}, "HostedZoneId is set, and DomainName"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_said(overrides: dict[str, str], said: str) -> None:
    given = {"AlarmTopic": TOPIC, **overrides} if overrides else {}
    [lack] = settings(Stage("prod", given))

    assert lack.startswith(said)


@pytest.mark.usefixtures("no_aws")
def test_aws_settings_that_there_are_not_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [lack.partition(":")[0] for lack in aws_settings({})] == [
        "No AWS region",
        "No AWS credentials",
    ]

    monkeypatch.setenv("AWS_PROFILE", "nobody")
    [lack] = aws_settings({})
    assert "The config profile (nobody) could not be found" in lack

    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert list(aws_settings({"AWS_REGION": "eu-north-1"})) == []


def test_deploying_wants_a_stage() -> None:
    with pytest.raises(Failure, match=re.escape("as in STAGE=dev. There are dev, prod.")):
        deploy([], {})


def test_checking_wants_a_stage_that_there_is() -> None:
    with pytest.raises(Failure, match=re.escape("as in STAGE=dev. There are dev, prod.")):
        deploy_check(["--stage=staging"], {}, print)
