"""Peers: the programs that are measured beside Tributary, found on PATH or fetched without root."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local.build import ROOT

# Fetched once, git-ignored, removed by `make clean`.
FOLDER = ROOT / ".bench"
_FETCH_SECONDS = 600
_SAY_VERSION_SECONDS = 10


class PeerMissing(Exception):
    """A peer that can't be had here; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A peer's executable; `name` is as people write it, with its version."""

    path: Path
    name: str


def debian_program(package: str, program: str, called: str) -> Program:
    """A program of a Debian package: the one on PATH, else unpacked under FOLDER.

    Raises PeerMissing.
    """
    found = shutil.which(program)
    if found:
        return Program(Path(found), f"{called} {_installed_version(package, Path(found))}")
    folder = FOLDER / package
    path = folder / "usr" / "bin" / program
    if not path.exists():
        _fetch_package(package, called, folder)
    if not path.exists():
        raise PeerMissing(f"{called} is missing: Debian's package {package} has no {program}.")
    return Program(path, f"{called} {_fetched_version(package, folder)}")


def _fetch_package(package: str, called: str, folder: Path) -> None:
    _need(called, "apt-get", "dpkg-deb")
    with _whole(folder) as unfinished:
        _run(called, ["apt-get", "download", "--quiet", package], unfinished)
        for archive in unfinished.glob(f"{package}_*.deb"):
            _run(called, ["dpkg-deb", "-x", str(archive), str(unfinished)], unfinished)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder to fetch into, which takes the place of `folder` once all went well: half a
    program is none."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="fetch-", dir=FOLDER) as parent:
        unfinished = Path(parent) / folder.name
        unfinished.mkdir()
        yield unfinished
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)


def _need(called: str, *programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise PeerMissing(f"{called} is missing, and {program} to fetch it with is too.")


def _run(called: str, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(
            f"{called} is missing: {command[0]} took over {error.timeout} s."
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        why = said[-1] if said else f"exit status {done.returncode}"
        raise PeerMissing(f"{called} is missing: {command[0]} says {why!r}.")


def _installed_version(package: str, path: Path) -> str:
    """What the program says of itself, else what Debian says of its package."""
    questions = ([str(path), "--version"], ["dpkg-query", "-W", "-f", "${Version}", package])
    for question in questions:
        try:
            done = subprocess.run(
                question, capture_output=True, text=True, timeout=_SAY_VERSION_SECONDS, check=False
            )
        except OSError:
            continue  # dpkg-query, where there is no Debian
        found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        if found:
            return found[0]
    return "of unknown version"


def _fetched_version(package: str, folder: Path) -> str:
    """That in the archive's name: prometheus_2.42.0+ds-5+deb12u1_amd64.deb"""
    for archive in folder.glob(f"{package}_*.deb"):
        found = re.search(r"_(\d+(\.\d+)+)", archive.name)
        if found:
            return found[1]
    return "of unknown version"
