"""The user's AWS settings stay the user's."""

import pytest

from local.build import sam_environment
from local.environment import bare, without_aws


def test_aws_settings_are_replaced_by_ones_that_reach_nothing() -> None:
    scrubbed = without_aws({"AWS_PROFILE": "theirs", "AWS_REGION": "eu-north-1", "HOME": "/h"})

    assert "AWS_PROFILE" not in scrubbed
    assert scrubbed["AWS_REGION"] == "us-east-1"
    assert scrubbed["AWS_CONFIG_FILE"] == "/dev/null"
    assert scrubbed["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert scrubbed["HOME"] == "/h"


def test_started_programs_are_given_nothing_of_the_environment_but_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "theirs")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")

    assert "SECRET" not in bare()
    assert bare()["HTTPS_PROXY"] == "http://proxy:3128"
    assert bare()["NO_PROXY"] == "127.0.0.1,localhost"


def test_sam_keeps_its_own_settings_in_this_checkout() -> None:
    assert sam_environment()["__SAM_CLI_APP_DIR"].endswith("/.local/sam")
    assert sam_environment()["SAM_CLI_TELEMETRY"] == "0"
