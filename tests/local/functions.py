"""A function written for a test, with the instances that run it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from local.aws import CreatedStack
from local.emulator import EmulatedInstance
from local.plain_process import PlainInstance
from local.processes import Processes
from local.runtime import RunningFunction, function_environment
from local.template import Function

MISBEHAVING = """
import os, sys, time

def lambda_handler(event, context):
    match event.get("do"):
        case "raise": raise ValueError("no")
        case "exit": os._exit(3)
        case "sleep": time.sleep(30)
        case "big": return "x" * 6_500_000
        case "environment": return dict(os.environ)
        case "path": return sys.path
        case "import": return __import__(event["name"]).__name__
        case "remaining": return context.get_remaining_time_in_millis()
        case "print": print("a line"); return os.getpid()
    return {"pid": os.getpid()}
"""


@contextmanager
def running(
    kind: Literal["emulator", "process"], folder: Path, instances: int = 1, timeout_seconds: int = 5
) -> Iterator[RunningFunction]:
    """The misbehaving function, laid out as `sam build` lays functions and layers out."""
    code = folder / "Function" / "functions" / "misbehaving"
    layer = folder / "Layer" / "python"
    code.mkdir(parents=True)
    layer.mkdir(parents=True)
    (code / "app.py").write_text(MISBEHAVING)
    (layer / "only_in_the_layer.py").write_text("")
    function = Function(
        "Misbehaving",
        "functions.misbehaving.app.lambda_handler",
        folder / "Function",
        (layer,),
        timeout_seconds,
        128,
    )
    stack = CreatedStack("http://127.0.0.1:9", {"Misbehaving": {"TABLE_NAME": "t"}}, {}, "t")
    environment = function_environment(function, stack, {"TABLE_NAME": "other", "UNDECLARED": "x"})
    with Processes() as processes, (folder / "log").open("wb") as log:
        start = EmulatedInstance if kind == "emulator" else PlainInstance
        made = [start(function, environment, processes, log) for _ in range(instances)]
        yield RunningFunction("Misbehaving", made)
