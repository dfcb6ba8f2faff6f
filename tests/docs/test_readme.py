"""The README is true: `make run` shows what it shows, and what it says to type is right."""

import json
import os
import re
import shlex
import signal
import subprocess

import pytest

from local.build import ROOT
from local.fault_switches import FAULT_NAMES
from tests.docs import curl
from tests.docs.expected import template
from tests.docs.markdown import blocks, text_of
from tests.docs.shape import line_shape, transcript_differences
from tests.docs.terminal import terminal
from tributary.accounts import accounts_in

FIRST_COLLECTION_SECONDS = 240.0
LAST_OF_THE_TABLE = "shop/Storefront"


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
def test_make_run_shows_what_the_readme_shows_and_its_first_curl_line_works() -> None:
    [shown] = [block for block in blocks("README.md") if block.commands[:1] == ["make run"]]

    with terminal(["make", "--no-print-directory", "run"], PORT="0", MAKEFLAGS="") as user:
        user.read_until(LAST_OF_THE_TABLE, FIRST_COLLECTION_SECONDS)
        pasted = next(line.strip() for line in user.lines if line.startswith("  curl "))
        address = next(line.split()[1] for line in user.lines if line.startswith("Address "))
        answer = json.loads(curl.run(pasted, address, ""))
        status = user.interrupt()

    assert transcript_differences(shown.lines[1:], user.lines) == []
    assert {each["attributes"]["provider"] for each in answer["series"]} == {
        "hostup",
        "northflank",
    }
    # make ends by the same signal, once its command has put everything away.
    assert status in (0, -signal.SIGINT)


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
def test_make_run_with_faults_shows_what_the_readme_shows() -> None:
    command = "make run FAULTS=outage,hostup:errors"
    [shown] = [block for block in blocks("README.md") if block.commands == [command]]

    arguments = [command.split()[0], "--no-print-directory", *command.split()[1:]]
    with terminal(arguments, PORT="0", MAKEFLAGS="") as user:
        user.read_until("· Building", FIRST_COLLECTION_SECONDS)
        user.interrupt()

    assert user.lines[: len(shown.lines) - 1] == shown.lines[1:]


def test_the_readme_names_every_fault() -> None:
    named = text_of("README.md").partition("There are `errors`")[2].partition("each of")[0]

    assert {"errors", *re.findall(r"`(\w+)`", named)} == set(FAULT_NAMES)


def test_the_first_query_is_the_first_curl_line_that_make_run_prints() -> None:
    [run] = [block for block in blocks("README.md") if block.commands[:1] == ["make run"]]
    query, *_ = [block for block in blocks("README.md") if "curl" in "".join(block.commands)]
    token = query.commands[0].removeprefix("TOKEN=")

    printed = next(line.strip() for line in run.lines if line.startswith("  curl "))
    assert line_shape(printed) == line_shape(
        query.commands[1].replace(
            '"Authorization: Bearer $TOKEN"', f"'Authorization: Bearer {token}'"
        )
    )


def test_the_secrets_that_the_readme_fills_in_are_ones_that_collectors_can_read() -> None:
    commands = [
        shlex.split(command)
        for block in blocks("README.md")
        for command in block.commands
        if command.startswith("aws secretsmanager put-secret-value ")
    ]
    outputs = template()["Outputs"]

    for command in commands:
        given = dict(zip(command[3::2], command[4::2], strict=True))
        [account] = accounts_in(given["--secret-string"])
        assert account.name == "main"
        assert given["--secret-id"].strip("<>") in outputs
    assert [accounts_in(command[-1])[0].team for command in commands] == ["YOUR-TEAM", None]


@pytest.mark.parametrize(
    "name",
    [
        *("ApiUrl", "TokenCommand", "MakeTokenCommand"),
        *("NorthflankSecretCommand", "HostupSecretCommand"),
    ],
)
def test_the_readme_names_the_stacks_outputs(name: str) -> None:
    assert name in template()["Outputs"]
    assert f"`{name}`" in text_of("README.md")


def test_make_plan_shows_what_the_readme_shows() -> None:
    command = "make plan RESOURCES=10 VPSES=10"
    [shown] = [block for block in blocks("README.md") if block.commands == [command]]

    printed = made(command)

    assert [line for line in shown.lines[1:] if line not in printed] == []
    cheapest = made(f"{command} PublishedMetrics= SelfMetricsDisabled=true")
    [total] = re.findall(r"^Together (\$[\d.]+) ", "\n".join(cheapest), re.MULTILINE)
    counts = f"(Of its {len(printed)} lines the {len(shown.lines) - 1} that matter.)"
    text = " ".join(text_of("README.md").split())
    assert f"{counts} Parameters of the template may be given too: with" in text
    assert f"SelfMetricsDisabled=true` it is {total}. Neither" in text


def made(command: str) -> list[str]:
    """What a make command prints."""
    done = subprocess.run(
        [*shlex.split(command), "--no-print-directory"],
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
