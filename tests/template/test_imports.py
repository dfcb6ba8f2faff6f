"""What each function imports before its first answer: little that takes a cold start longer."""

import subprocess
import sys

import pytest

from benchmarks.init import FUNCTIONS, environment
from local.build import ROOT

# Each takes some hundredths of a cold start, or more.
HEAVY = {
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parameters",
    "aws_xray_sdk",
    "boto3",
    "numpy",
    "pydantic",
    "requests",
    "s3transfer",
}


@pytest.mark.parametrize(
    ("function", "heavy"),
    [
        ("query", set()),
        ("compactor", set()),
        ("northflank collector", {"requests"}),
        ("hostup collector", {"requests"}),
    ],
)
def test_a_function_imports_nothing_heavy_that_it_can_do_without(
    function: str, heavy: set[str]
) -> None:
    statements, _ = FUNCTIONS[function]

    assert modules_after(statements) & HEAVY == heavy


def test_collecting_is_no_business_of_queries_and_compaction() -> None:
    for function in ("query", "compactor"):
        statements, _ = FUNCTIONS[function]
        assert modules_after(statements).isdisjoint({"tributary.collector", "tributary.client"})


def modules_after(statements: str) -> set[str]:
    """The modules that an interpreter of its own has imported after the statements."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())
