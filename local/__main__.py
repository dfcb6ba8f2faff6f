"""`make run`: starts the whole stack on this machine and shows it until Ctrl-C."""

import os
import signal
import sys
from types import FrameType

from rich.console import Console

from local.build import ROOT
from local.environment import leave_aws_behind
from local.failure import Failure
from local.front import reserve
from local.screen import Screen
from local.settings import Settings
from local.stack import LOGS, RunningStack, running_stack
from tributary.tokens import READ_METRICS

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Runs until interrupted, and returns the exit status."""
    for number in _ENDINGS:
        signal.signal(number, _interrupt)
    screen = Screen(Console())
    try:
        run(screen)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.line("Ended. moto has forgotten everything that was collected.")
    return 0


def run(screen: Screen) -> None:
    """Starts the stack, says how to use it, and follows it."""
    settings = Settings.from_env(os.environ)
    leave_aws_behind()
    listener = reserve(settings.port)
    screen.line(_opening(settings))
    for line in settings.faults.lines():
        screen.line(line)
    with running_stack(settings, listener, screen.progress, screen.ran) as stack:
        screen.wait_for_runs(stack.inputs.collectors)
        for line in _welcome(stack):
            screen.line(line)
        # The token that was shown is for whoever reads this, and so are its requests.
        screen.follow(stack.url, stack.aws.token("the live table", [READ_METRICS]))


def _opening(settings: Settings) -> str:
    source = "two simulated providers" if settings.simulated else "your accounts"
    return (
        f"Tributary on this machine, from {source}. Everything is kept in moto's memory:"
        " when this ends, it is forgotten. Ctrl-C ends it."
    )


def _welcome(stack: RunningStack) -> list[str]:
    def curl(path: str) -> str:
        return f"  curl -s -H 'Authorization: Bearer {stack.token}' '{stack.url}{path}'"

    return [
        "",
        f"Address  {stack.url}",
        f"Token    {stack.token}",
        f"Logs     {LOGS.relative_to(ROOT)}/",
        "",
        curl("/v1/query?metric=cpu.utilization&by=provider&start=-15m&step=5m"),
        curl("/v1/query?metric=network.receive&by=provider,name&start=-3h&step=1h&format=csv"),
        curl("/v1/resources"),
        "",
    ]


def _interrupt(number: int, frame: FrameType | None) -> None:
    for ending in _ENDINGS:  # once is enough: what follows is putting away
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
