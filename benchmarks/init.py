"""Init: what a cold start of each function costs, against making one DynamoDB client with boto3.

Both sides run in fresh interpreters, in turns, on what Lambda's Python has and nothing else where
that is installed (`make run` does it); the first run of each compiles, and is not counted.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.row import Row

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 21
BASELINE = "import boto3; boto3.client('dynamodb')"

# What the first event imports and makes, and the most it may cost.
FUNCTIONS: Mapping[str, tuple[str, float]] = {
    "query": ("from functions.query_api.app import api; api()", 1.25),
    "compactor": ("from functions.compactor.app import _compactor; _compactor()", 1.25),
    "northflank collector": (
        "from functions.northflank_collector.app import collector_from_env; collector_from_env()",
        1.5,
    ),
    "hostup collector": (
        "from functions.hostup_collector.app import collector_from_env; collector_from_env()",
        1.5,
    ),
}

# Where the interpreter's stack of frames needs its next piece of memory is a matter of how deep an
# import stands, and costs it up to a tenth: every pair is measured one frame deeper than the last.
_PROBE = """
import sys, time

def timed(statements, depth):
    if depth:
        return timed(statements, depth - 1)
    started = time.process_time()
    exec(statements, {})
    return time.process_time() - started

print(timed(sys.argv[1], int(sys.argv[2])))
"""


def rows() -> Iterable[Row]:
    """A row for each function."""
    baseline, functions = _measured()
    peer = statistics.median(baseline)
    for name, (_, most) in FUNCTIONS.items():
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(functions[name], baseline, strict=True)
        )
        yield Row(
            "init",
            f"{name}: imports and clients",
            f"{statistics.median(functions[name]) * 1000:.0f} ms of CPU",
            f"{peer * 1000:.0f} ms (boto3 and a DynamoDB client)",
            ratio,
            most=most,
        )


def environment() -> dict[str, str]:
    """Lambda's environment, as far as making clients looks at it."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, _paths())),
        # What was built or installed stays as it is, and both sides find their bytecode here.
        "PYTHONPYCACHEPREFIX": str(ROOT / ".local" / "pycache"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": "",
        "TABLE_NAME": "table",
        "PROVIDER_SECRET": "provider",
        "BOOTSTRAP_TOKEN_SECRET": "bootstrap",
        "INTERVAL_SECONDS": "300,300",
        "POWERTOOLS_SERVICE_NAME": "init",
        "POWERTOOLS_METRICS_NAMESPACE": "Tributary/Self",
    }


def _measured() -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of CPU of the baseline, and of each function, pair by pair."""
    baseline: list[float] = []
    functions: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for statements in _all_statements():
        _seconds(statements, 0)
    for depth in range(PAIRS):
        baseline.append(_seconds(BASELINE, depth))
        for name, (statements, _) in FUNCTIONS.items():
            functions[name].append(_seconds(statements, depth))
    return baseline, functions


def _all_statements() -> Iterator[str]:
    yield BASELINE
    for statements, _ in FUNCTIONS.values():
        yield statements


def _seconds(statements: str, depth: int) -> float:
    done = subprocess.run(
        [_python(), "-c", _PROBE, statements, str(depth)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _python() -> Path:
    """Lambda's packages alone, where `make run` has installed them: the development environment
    has some that botocore imports if it finds them, and so a slower baseline."""
    lambdas = ROOT / ".runtime" / "bin" / "python"
    return lambdas if _layer().is_dir() and lambdas.exists() else Path(sys.executable)


def _layer() -> Path:
    """Where `sam build` puts the layer's dependencies."""
    return ROOT / ".aws-sam" / "build" / "TributaryLayer" / "python"


def _paths() -> Iterator[Path]:
    yield ROOT
    yield ROOT / "layers" / "tributary"
    if _python() != Path(sys.executable):
        yield _layer()


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:40} {row.ours:>14} {row.ratio:.2f} x {row.peer}, at most {row.most}")
