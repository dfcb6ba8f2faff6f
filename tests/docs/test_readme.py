"""The README is true: `make run` shows what it shows, and what it says to type is right."""

import json
import re
import shlex
import signal

import pytest

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


def test_the_readmes_arithmetic_is_right() -> None:
    text = " ".join(text_of("README.md").split())
    metrics, own = 10 * 2 + 10 * 4, 2 * 6 + 3 + 5
    units = round((10 * 13.3 + 10 * 19.3 + 2 * 49) * 730)
    runs, compactions = 2 * 12 * 730, 730
    polls = 2 * 15 * 60 * 730
    gigabyte_seconds = (runs + compactions) * 5 * 0.5

    for sentence in (
        f"10 × 2 + 10 × 4 = {metrics} CloudWatch metrics at $0.30 a month are",
        f"**${metrics * 0.3:.2f}**; the stack's own {own} metrics (6 for each of two accounts, 3",
        f"for the compactor, 5 for the API) are another **${own * 0.3:.2f}**",
        f"(10 × 13.3 + 10 × 19.3 + 2 × 49) × 730 h = {units:,} a month at $0.625 per million,",
        f"**${units * 0.625e-6:.2f}**, and about as much again",
        f"Three secrets at $0.40 are **${3 * 0.4:.2f}**",
        f"= {runs:,} runs of some 5 s, and {compactions} of the compactor, at 512 MB are "
        f"{gigabyte_seconds:,.0f} GB-s at $0.0000133,",
        f"**${gigabyte_seconds * 0.0000133:.2f}**. Lambda polls",
        f"2 × 15 × 60 × 730 = {polls:,} requests at $0.50 per million, "
        f"**${polls * 0.5e-6:.2f}**. The HTTP API",
    ):
        assert sentence in text
