"""What is missing on a fresh machine is said in one line with its remedy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.build import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tests" / "dynalite", tmp_path / "tests" / "dynalite")
    return tmp_path


def make(checkout: Path, *arguments: str, **environment: str) -> str:
    """What `make` prints, without its own last line."""
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=checkout,
        env=os.environ | {"MAKEFLAGS": ""} | environment,  # not those of `make test`
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ("help" in arguments), done.stderr
    return done.stdout


def python(checkout: Path, refused: str) -> Path:
    """A python3.13 that fails on a command with this word in it."""
    script = checkout / "python"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *{refused}*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return script


def test_help_names_every_target(checkout: Path) -> None:
    printed = make(checkout, "help")

    for target in (
        *("help", "run", "test", "test-dynalite", "soak", "lint", "build"),
        *("check-token", "retention", "backfill", "sam-local", "clean"),
    ):
        assert f"\n  {target} " in printed


def test_a_missing_python_is_one_line(checkout: Path) -> None:
    [line] = make(checkout, "lint", f"PYTHON={checkout}/none").splitlines()

    assert line.startswith("Python 3.13 is missing: install it")


def test_a_missing_venv_module_is_one_line(checkout: Path) -> None:
    [line] = make(checkout, "lint", f"PYTHON={python(checkout, 'ensurepip')}").splitlines()

    assert "apt install python3.13-venv" in line


def test_a_missing_npm_is_one_line(checkout: Path) -> None:
    [line] = make(checkout, "test-dynalite", f"NPM={checkout}/none").splitlines()

    assert line.startswith("Node.js 20 or later with npm is missing: install it")


def test_a_missing_network_is_one_line(checkout: Path) -> None:
    nowhere = "http://127.0.0.1:9/"
    printed = make(
        checkout,
        "lint",
        f"PYTHON={sys.executable}",
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
        PIP_EXTRA_INDEX_URL="",
        PIP_INDEX_URL=nowhere,
        PIP_RETRIES="0",
    )

    progress, line = printed.splitlines()
    assert progress.startswith("Installing requirements-dev.txt into .venv")
    assert line.startswith("Installing requirements-dev.txt failed: check the network")
