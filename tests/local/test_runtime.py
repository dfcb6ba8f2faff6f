"""Functions under both runtimes: the same answers, failures and surroundings."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from local.runtime import Busy, FunctionError, RunningFunction, wait_until
from tests.local.functions import running

Kind = Literal["emulator", "process"]
KINDS = [
    pytest.param(
        "emulator",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="AWS makes it for Linux only"),
    ),
    "process",
]

pytestmark = pytest.mark.stack


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def function(kind: Kind, tmp_path: Path) -> Iterator[RunningFunction]:
    with running(kind, tmp_path) as started:
        yield started


def test_a_handler_is_kept_between_events(function: RunningFunction) -> None:
    assert function.invoke({}, 1) == function.invoke({}, 1)


def test_a_handler_that_raises_is_an_error_and_lives_on(function: RunningFunction) -> None:
    before = function.invoke({}, 1)

    with pytest.raises(FunctionError, match="ValueError: no"):
        function.invoke({"do": "raise"}, 1)

    assert function.invoke({}, 1) == before


def test_a_handler_that_ends_its_process_is_an_error_and_started_again(
    function: RunningFunction,
) -> None:
    before = function.invoke({}, 1)

    with pytest.raises(FunctionError, match=r"Runtime\.ExitError.*exit status 3"):
        function.invoke({"do": "exit"}, 1)

    assert function.invoke({}, 1) != before


def test_a_handler_that_runs_out_of_time_is_ended_and_started_again(
    kind: Kind, tmp_path: Path
) -> None:
    with running(kind, tmp_path, timeout_seconds=1) as function:
        before = function.invoke({}, 1)

        with pytest.raises(FunctionError, match=r"Task timed out after 1\.00 seconds"):
            function.invoke({"do": "sleep"}, 1)

        assert function.invoke({}, 1) != before


def test_an_answer_over_six_megabytes_is_an_error(function: RunningFunction) -> None:
    with pytest.raises(FunctionError, match=r"Function\.ResponseSizeTooLarge"):
        function.invoke({"do": "big"}, 1)


def test_an_event_over_six_megabytes_is_refused(function: RunningFunction) -> None:
    with pytest.raises(FunctionError, match="RequestTooLarge"):
        function.invoke({"body": "x" * 6_500_000}, 1)


def test_a_handler_knows_the_time_it_has(function: RunningFunction) -> None:
    assert 0 < function.invoke({"do": "remaining"}, 1) <= 5000


def test_what_a_handler_prints_goes_to_its_log(function: RunningFunction, tmp_path: Path) -> None:
    function.invoke({"do": "print"}, 1)

    assert "a line" in (tmp_path / "log").read_text()


def test_nothing_of_the_users_environment_reaches_a_function(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    monkeypatch.setenv("NORTHFLANK_TOKEN", "theirs")
    with running(kind, tmp_path) as function:
        found = function.invoke({"do": "environment"}, 1)

    assert "theirs" not in found.values()
    assert found["AWS_ACCESS_KEY_ID"] == "local"
    assert found["AWS_CONFIG_FILE"] == "/dev/null"


def test_a_function_finds_what_its_template_declares_and_lambdas_own(
    function: RunningFunction,
) -> None:
    found = function.invoke({"do": "environment"}, 1)

    assert found["TABLE_NAME"] == "other"
    assert "UNDECLARED" not in found
    assert "AWS_ENDPOINT_URL" not in found  # this template does not declare it
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "Misbehaving"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"


def test_a_function_finds_its_layer_and_boto3_and_not_this_checkout(
    function: RunningFunction,
) -> None:
    for name in ("only_in_the_layer", "boto3"):
        assert function.invoke({"do": "import", "name": name}, 1) == name
    with pytest.raises(FunctionError, match="No module named 'local'"):
        function.invoke({"do": "import", "name": "local"}, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="AWS makes the emulator for Linux only")
@pytest.mark.parametrize("package", ["requests", "aws_lambda_powertools", "tributary", "moto"])
def test_under_the_emulator_nothing_is_there_that_lambda_would_lack(
    package: str, tmp_path: Path
) -> None:
    with (
        running("emulator", tmp_path) as function,
        pytest.raises(FunctionError, match=f"No module named '{package}'"),
    ):
        function.invoke({"do": "import", "name": package}, 1)


def test_an_instance_takes_one_event_at_a_time(kind: Kind, tmp_path: Path) -> None:
    with running(kind, tmp_path, timeout_seconds=3) as function:
        asking = threading.Thread(target=_ignore_timeout, args=(function,))
        asking.start()
        try:
            assert wait_until(lambda: _is_busy(function), 2)
        finally:
            asking.join()


def test_instances_take_events_side_by_side(kind: Kind, tmp_path: Path) -> None:
    with running(kind, tmp_path, instances=2, timeout_seconds=3) as function:
        asking = threading.Thread(target=_ignore_timeout, args=(function,))
        asking.start()
        assert function.invoke({}, 1)["pid"]
        asking.join()


def _is_busy(function: RunningFunction) -> bool:
    try:
        function.invoke({}, 0)
    except Busy:
        return True
    return False


def _ignore_timeout(function: RunningFunction) -> None:
    with pytest.raises(FunctionError):
        function.invoke({"do": "sleep"}, 1)
