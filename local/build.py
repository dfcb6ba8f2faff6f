"""`sam build` and bytecode, left out when neither a source nor the template has changed."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import bytecode
from local.environment import Architecture, architecture, without_aws
from local.failure import Failure

ROOT = Path(__file__).resolve().parent.parent
BUILD_DIRECTORY = ROOT / ".aws-sam" / "build"
_STATE = ROOT / ".local"
_SOURCES = (
    *("template.yaml", "samconfig.toml", "functions", "layers"),
    *("local/build.py", "local/bytecode.py"),
)


def build(directory: Path = BUILD_DIRECTORY, processor: Architecture | None = None) -> Path:
    """Builds the functions and the layers, for this machine's processor if none is named, and
    returns the built template.

    Raises Failure with `sam`'s last line if it cannot.
    """
    processor = processor or architecture()
    template = directory / "template.yaml"
    stamp = directory / "sources.sha256"
    with _only_one_builder():
        sources = _fingerprint(processor)
        if template.exists() and stamp.exists() and stamp.read_text() == sources:
            return template
        sam(
            *("build", "--build-dir", str(directory), "--cached", "--parallel"),
            *("--parameter-overrides", f"Architecture={processor}"),
        )
        bytecode.add(directory)
        stamp.write_text(sources)
    return template


def sam(*arguments: str) -> str:
    """Runs a `sam` command, without the user's AWS settings, and returns what it printed."""
    done = subprocess.run(
        [*sam_command(), *arguments],
        cwd=ROOT,
        env=sam_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    if done.returncode != 0:
        log = _STATE / "sam.log"
        log.write_text(printed)
        raise Failure(f"sam {arguments[0]} failed: {_last_line(printed)} ({log.relative_to(ROOT)})")
    return printed


def sam_command() -> tuple[str, ...]:
    """How the `sam` that is installed here is started."""
    return sys.executable, "-m", "samcli"


def sam_environment() -> dict[str, str]:
    """The environment `sam` runs in: our python3.13 first, its settings in this checkout."""
    _STATE.mkdir(exist_ok=True)
    return without_aws(os.environ) | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(_STATE / "sam"),  # else it writes to ~/.aws-sam
    }


@contextmanager
def _only_one_builder() -> Iterator[None]:
    """Holds off a second build of this checkout, such as another test worker's."""
    _STATE.mkdir(exist_ok=True)
    with (_STATE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(processor: Architecture) -> str:
    digest = hashlib.sha256(processor.encode())
    for file in sorted(_source_files()):
        digest.update(f"\n{file.relative_to(ROOT)} ".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for source in (ROOT / name for name in _SOURCES):
        candidates = source.rglob("*") if source.is_dir() else [source]
        yield from (
            file for file in candidates if file.is_file() and "__pycache__" not in file.parts
        )


def _last_line(printed: str) -> str:
    lines = [line for line in printed.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


if __name__ == "__main__":
    try:
        print(f"Built: {build().relative_to(ROOT)}")
    except Failure as failure:
        sys.exit(str(failure))
