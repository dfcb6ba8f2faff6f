"""The events in events/ and the env file of `make sam-local`, as `sam local` would use them.

Containers are what is missing: their name for this machine is replaced by its address.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from local import emulator
from local.build import ROOT
from local.emulator import EmulatedInstance
from local.processes import Processes
from local.runtime import function_environment
from local.sam_local import HOST_NAME, Surroundings, start_surroundings
from local.settings import Settings

pytestmark = [
    pytest.mark.stack,
    pytest.mark.xdist_group("sam-local"),
    pytest.mark.skipif(not emulator.runs_here(), reason="AWS makes the emulator for Linux only"),
]

EVENTS = ROOT / "events"
TOKEN_IN_EVENTS = "0" * 40

type Invoke = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def invoked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Surroundings, Invoke]]:
    """What `make sam-local` starts beside the API, and a way to send a function an event file."""
    folder = tmp_path_factory.mktemp("sam-local")
    with ExitStack() as started:
        around = start_surroundings(Settings(0, "emulator"), started, folder / "env.json")
        processes = started.enter_context(Processes())
        log = started.enter_context((folder / "functions.log").open("wb"))

        def invoke(function: str, event: str) -> Any:
            variables = json.loads((folder / "env.json").read_text())[function]
            reachable = {
                name: value.replace(HOST_NAME, "127.0.0.1") for name, value in variables.items()
            }
            found = around.template.functions()[function]
            instance = EmulatedInstance(
                found, function_environment(found, around.stack, reachable), processes, log
            )
            try:
                return json.loads(instance.invoke(event.encode()))
            finally:
                instance.close()

        yield around, invoke


def event(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text()


@pytest.mark.parametrize(("folder", "resources"), [("northflank", 8), ("hostup", 4)])
@pytest.mark.parametrize("sent", ["schedule", "delivery"])
def test_a_collector_collects_for_its_events(
    invoked: tuple[Surroundings, Invoke], folder: str, resources: int, sent: str
) -> None:
    _, invoke = invoked

    answer = invoke(f"{folder.capitalize()}CollectorFunction", event(f"{folder}_collector/{sent}"))

    counts = (answer["provider"], answer["accounts"], answer["resources"], answer["errors"])
    assert counts == (folder, 1, resources, 0)


def test_the_compactor_compacts_for_its_event(invoked: tuple[Surroundings, Invoke]) -> None:
    _, invoke = invoked
    invoke("HostupCollectorFunction", event("hostup_collector/schedule"))

    answer = invoke("CompactorFunction", event("compactor/schedule"))

    assert (answer["shards"] >= 1, answer["secondsBehind"], answer["errors"]) == (True, 0.0, {})


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("healthz", 200),
        ("metrics", 200),
        ("query", 200),
        ("resources", 200),
        ("coverage", 200),
        ("unknown_path", 404),
    ],
)
def test_the_api_answers_its_events(
    invoked: tuple[Surroundings, Invoke], name: str, status: int
) -> None:
    around, invoke = invoked
    token = around.stack.secret("BootstrapToken")

    answer = invoke("QueryApiFunction", event(f"query_api/{name}").replace(TOKEN_IN_EVENTS, token))

    assert answer["statusCode"] == status
    assert isinstance(json.loads(answer["body"]), dict)


def test_the_token_in_the_events_opens_nothing(invoked: tuple[Surroundings, Invoke]) -> None:
    _, invoke = invoked

    answer = invoke("QueryApiFunction", event("query_api/query"))

    assert answer["statusCode"] == 401


def test_the_built_query_function_folds_many_rows_by_numpy(
    invoked: tuple[Surroundings, Invoke],
) -> None:
    around, _ = invoked
    query = around.template.functions()["QueryApiFunction"]
    code = (
        "from functions.query_api.arithmetic import arithmetic_for;"
        "print(type(arithmetic_for(300_000)).__name__)"
    )

    said = subprocess.run(
        [emulator.PYTHON, "-B", "-c", code],
        cwd=query.code,
        env=function_environment(query, around.stack, {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said == "Arrays\n"


def test_every_event_is_sent() -> None:
    sent = {"coverage", "healthz", "metrics", "query", "resources", "unknown_path"}

    assert {path.stem for path in (EVENTS / "query_api").glob("*.json")} == sent
    assert {path.parent.name for path in EVENTS.glob("*/*.json")} == {
        *("northflank_collector", "hostup_collector", "compactor", "query_api")
    }
