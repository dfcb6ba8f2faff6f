"""Northflank's own clients, unmodified, pointed at the running stack instead of at Northflank."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.build import ROOT
from tests.stack.collected import CollectedStack

CLIENTS = ROOT / ".clients"
ASK = Path(__file__).with_name("ask.mjs")
SERVICES = ["api", "assets", "search", "storefront"]

pytestmark = pytest.mark.skipif(
    not (CLIENTS / "installed").exists(),
    reason="Northflank's clients are not installed: make test-clients does that",
)


def run(*command: str, home: Path) -> str:
    """What a program prints; a failure shows what it said.

    Into a file: what Node.js has not yet written to a pipe when a program ends is lost.
    """
    environment = {**os.environ, "HOME": str(home), "CLIENTS": str(CLIENTS), "CI": "1"}
    told = home / "told"
    with told.open("w") as out:
        done = subprocess.run(
            command, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False, timeout=60
        )
    assert done.returncode == 0, told.read_text()
    return told.read_text()


@pytest.fixture(params=[None, "demo"], ids=["no team", "a team"])
def told(request: pytest.FixtureRequest, stack: CollectedStack, tmp_path: Path) -> Any:
    """What the JavaScript client was answered."""
    team = [] if request.param is None else [request.param]
    answer = run("node", str(ASK), stack.url, stack.token, *team, home=tmp_path)
    return json.loads(answer)


def test_the_javascript_client_reads_lists_to_their_end(told: Any) -> None:
    assert told["projects"] == ["lab", "shop"]
    assert told["services"] == SERVICES
    assert told["service"]["name"] == "API"


def test_the_javascript_client_reads_metrics(told: Any) -> None:
    assert set(told["single"]) == {"cpu", "memory"}
    [first, second] = told["single"]["cpu"]["values"]
    assert first["metadata"]["containerId"] != second["metadata"]["containerId"]
    assert len(first["data"]) == len(second["data"]) == 1
    assert all(len(one["data"]) > 50 for one in told["range"]["cpu"]["values"])
    assert int(told["remaining"]) >= 0


def test_the_javascript_client_understands_a_refusal(told: Any) -> None:
    assert told["refused"]["status"] == 400
    assert "send startTime or endTime, not both" in told["refused"]["message"]


@pytest.fixture
def northflank(stack: CollectedStack, tmp_path: Path) -> Any:
    """Northflank's command line, logged in."""
    program = str(CLIENTS / "node_modules" / ".bin" / "northflank")

    def ask(*arguments: str) -> str:
        return run(program, *arguments, home=tmp_path)

    said = ask("login", "-n", "tributary", "-t", stack.token, "--host", stack.url)
    assert "Successfully logged in" in said
    return ask


def test_the_command_line_lists_what_there_is(northflank: Any) -> None:
    projects = json.loads(northflank("list", "projects", "-o", "json"))
    services = json.loads(northflank("list", "services", "--projectId", "shop", "-o", "json"))

    assert [one["id"] for one in projects["projects"]] == ["lab", "shop"]
    assert [one["id"] for one in services["services"]] == SERVICES


def test_the_command_line_gets_metrics(northflank: Any) -> None:
    place = ("--projectId", "shop", "--serviceId", "api", "-o", "json", "--quiet")
    single = json.loads(northflank("get", "service", "metrics", *place))
    ranged = json.loads(
        northflank("get", "service", "metrics", *place, "--duration", "900", "-t", "cpu", "memory")
    )

    assert set(single) == {"cpu"}
    assert set(ranged) == {"cpu", "memory"}
    assert ranged["memory"]["metricInfo"]["metricId"] == "memory"


def test_the_command_line_gets_an_addons_metrics(northflank: Any) -> None:
    place = ("--projectId", "shop", "--addonId", "orders-db", "-o", "json", "--quiet")
    found = json.loads(
        northflank("get", "addon", "metrics", *place, "--duration", "900", "-t", "diskUsage")
    )

    [entry] = found["diskUsage"]["values"]
    assert entry["metadata"] == {"containerId": "orders-db-0", "volumeId": "pgdata"}
