"""The whole local stack with the simulated providers, under both runtimes."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any, Literal

import pytest
from rich.console import Console

from local.front import reserve
from local.screen import Screen, ask
from local.settings import Settings
from local.stack import RunningStack, running_stack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(
            "emulator",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="AWS makes it for Linux only"),
        ),
        "process",
    ],
)
def test_one_answer_holds_both_providers_after_the_first_collections(
    runtime: Literal["emulator", "process"],
) -> None:
    with Path("/dev/null").open("w") as nowhere:
        screen = Screen(Console(file=nowhere))
        settings = Settings(port=0, runtime=runtime)
        with running_stack(settings, reserve(0), screen.progress, screen.ran) as stack:
            screen.wait_for_runs(stack.inputs.collectors)

            answer = get(stack, "/v1/query?metric=cpu.utilization&by=provider&start=-1h&step=5m")
            rows = ask(stack.url, stack.token)

    assert {s["attributes"]["provider"] for s in answer["series"]} == {"hostup", "northflank"}
    assert all(any(v is not None for v in s["values"]) for s in answer["series"])
    assert {row.host.partition("/")[0] for row in rows} == {"hostup", "northflank"}


def get(stack: RunningStack, path: str) -> Any:
    request = urllib.request.Request(
        stack.url + path, headers={"Authorization": f"Bearer {stack.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)
