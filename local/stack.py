"""The whole stack, started in the order it depends on itself and ended in the reverse."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.aws import CreatedStack, create_stack, start_moto
from local.build import BUILD_DIRECTORY, ROOT, build
from local.emulator import EmulatedInstance
from local.environment import architecture
from local.front import Front
from local.gateway import Gateway
from local.inputs import Inputs, inputs
from local.plain_process import PlainInstance
from local.processes import Processes
from local.running import noted
from local.runtime import Instance, RunningFunction, start_functions
from local.scheduler import Run, Scheduler
from local.settings import Settings
from local.template import Function, Template

LOGS = ROOT / ".local" / "logs"
QUERY = "QueryApiFunction"
_QUERIES_AT_ONCE = 2


@dataclass(frozen=True)
class RunningStack:
    """What is up: the API's address and token, AWS's stand-in, and the providers' addresses."""

    url: str
    token: str
    aws: CreatedStack
    template: Template
    functions: Mapping[str, RunningFunction]
    inputs: Inputs


@contextmanager
def running_stack(
    settings: Settings,
    listener: socket.socket,
    progress: Callable[[str], None],
    ran: Callable[[Run], None],
    logs: Path = LOGS,
    build_directory: Path = BUILD_DIRECTORY,
) -> Iterator[RunningStack]:
    """Starts everything, and ends it on leaving.

    `progress` is told each step before it begins, `ran` each collection after it has ended; what
    the functions and moto print goes to files in `logs`.
    Raises Failure when something cannot be started.
    """
    with ExitStack() as started:
        started.callback(listener.close)
        logs.mkdir(parents=True, exist_ok=True)

        def log(name: str) -> IO[bytes]:
            return started.enter_context((logs / f"{name}.log").open("wb"))

        progress("Building functions and layers (sam build)")
        template = Template(build(build_directory), {"Architecture": architecture()})
        processes = started.enter_context(Processes())
        progress("Creating the stack on moto")
        aws = create_stack(template, start_moto(processes, log("moto")))
        given = inputs(settings, started)
        for secret, accounts in given.accounts.items():
            aws.fill_secret(secret, accounts)
        progress(f"Starting the functions ({settings.runtime})")
        functions = _start_functions(template, aws, given, settings, processes, log)
        front = Front(listener, Gateway(template.routes(), functions), given.answered)
        started.callback(front.close)
        progress("Collecting for the first time: the last hour, then older history")
        _start_scheduler(template, functions, given, ran, started)
        started.enter_context(noted(front.url, aws.endpoint, aws.table))
        token = f"bootstrap.{aws.secret('BootstrapToken')}"
        yield RunningStack(front.url, token, aws, template, functions, given)


def _start_functions(
    template: Template,
    aws: CreatedStack,
    given: Inputs,
    settings: Settings,
    processes: Processes,
    log: Callable[[str], IO[bytes]],
) -> dict[str, RunningFunction]:
    kind = EmulatedInstance if settings.runtime == "emulator" else PlainInstance

    def start(function: Function, environment: Mapping[str, str]) -> Instance:
        return kind(function, environment, processes, log(function.name))

    wanted = given.collectors | {QUERY}
    return start_functions(
        {name: each for name, each in template.functions().items() if name in wanted},
        aws,
        given.environment,
        start,
        {QUERY: _QUERIES_AT_ONCE},
    )


def _start_scheduler(
    template: Template,
    functions: Mapping[str, RunningFunction],
    given: Inputs,
    ran: Callable[[Run], None],
    started: ExitStack,
) -> None:
    schedules = [each for each in template.schedules() if each.function in given.collectors]
    scheduler = Scheduler(schedules, functions, given.interval_seconds, ran)
    started.callback(scheduler.join)
    for function in functions.values():  # what a run waits for ends before the run is waited for
        started.callback(function.close)
    started.callback(scheduler.stop)
