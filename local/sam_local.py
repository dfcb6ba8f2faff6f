"""`make sam-local`: the API under `sam local start-api`, with moto and the providers outside it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from local.aws import CreatedStack, create_stack, start_moto
from local.build import ROOT, build, sam_environment
from local.environment import architecture, leave_aws_behind
from local.failure import Failure
from local.inputs import Inputs, inputs
from local.processes import Processes
from local.runtime import variables
from local.settings import Settings
from local.template import Template

ENV_FILE = ROOT / ".local" / "sam-env.json"
ALL_INTERFACES = "0.0.0.0"  # nosec B104 # containers reach this machine by none of its names
# How a container calls the machine it runs on, and how Docker on Linux is told of that name.
HOST_NAME = "host.docker.internal"
ADD_HOST = ("--add-host", f"{HOST_NAME}:host-gateway")


def main() -> int:
    """Serves until interrupted, and returns the exit status."""
    try:
        settings = Settings.from_env(os.environ)
        leave_aws_behind()
        _need_docker()
        with ExitStack() as started:
            _explain(start_surroundings(settings, started, ENV_FILE))
            return _start_api(settings.port)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


@dataclass(frozen=True)
class Surroundings:
    """What the functions need around them: moto with the stack in it, and the providers."""

    template: Template
    stack: CreatedStack
    inputs: Inputs


def start_surroundings(settings: Settings, started: ExitStack, env_file: Path) -> Surroundings:
    """Starts moto and the providers on all interfaces, and writes the env file that names them.

    `started` ends them. Raises Failure when something cannot be started.
    """
    template = Template(build(), {"Architecture": architecture()})
    processes = started.enter_context(Processes())
    log = started.enter_context(env_file.with_name("moto.log").open("wb"))
    stack = create_stack(template, start_moto(processes, log, ALL_INTERFACES))
    given = inputs(settings, started, ALL_INTERFACES)
    for secret, accounts in given.accounts.items():
        stack.fill_secret(secret, accounts)
    write_env_file(env_file, template, stack, _overrides(stack, given))
    return Surroundings(template, stack, given)


def write_env_file(
    file: Path, template: Template, stack: CreatedStack, overrides: Mapping[str, str]
) -> None:
    """Writes each function's variables as `sam local --env-vars` reads them."""
    functions = {name: variables(name, stack, overrides) for name in template.functions()}
    file.write_text(json.dumps(functions, indent=2) + "\n")


def seen_from_a_container(url: str) -> str:
    """The address of a server on this machine as a function in a container has to call it."""
    port = url.rpartition(":")[2]
    return f"http://{HOST_NAME}:{port}"


def _need_docker() -> None:
    found = shutil.which("docker")
    if found and subprocess.run([found, "info"], capture_output=True, check=False).returncode == 0:
        return
    raise Failure(
        "`sam local` needs a running Docker engine: start one, or use `make run`, which needs none."
    )


def _overrides(stack: CreatedStack, given: Inputs) -> dict[str, str]:
    simulated = set(given.provider_urls.values())
    reachable = {
        name: seen_from_a_container(value) if value in simulated else value
        for name, value in given.environment.items()
    }
    return {**reachable, "AWS_ENDPOINT_URL": seen_from_a_container(stack.endpoint)}


def _explain(surroundings: Surroundings) -> None:
    print(f"Token  bootstrap.{surroundings.stack.secret('BootstrapToken')}")
    print("Collect, in another terminal:")
    for function in sorted(surroundings.inputs.collectors):
        folder = function.removesuffix("CollectorFunction").lower() + "_collector"
        print(
            f"  .venv/bin/sam local invoke {function} -e events/{folder}/schedule.json"
            f" --env-vars {ENV_FILE.relative_to(ROOT)} {' '.join(ADD_HOST)}"
        )


def _start_api(port: int) -> int:
    return subprocess.call(
        [
            *(sys.executable, "-m", "samcli", "local", "start-api"),
            *("--port", str(port), "--env-vars", str(ENV_FILE)),
            *ADD_HOST,
        ],
        cwd=ROOT,
        env=sam_environment(),
    )


if __name__ == "__main__":
    sys.exit(main())
