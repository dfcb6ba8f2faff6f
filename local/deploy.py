"""`make deploy`: builds for Lambda, bytecode included, and hands what was built to `sam deploy`."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import samconfig
from local.build import ROOT, build, sam_command
from local.failure import Failure

BUILT = ROOT / ".aws-sam" / "deploy"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Deploys a stage of samconfig.toml with the user's own AWS settings; `sam`'s exit status.

    Raises Failure for a stage that there is not, a parameter that the template would refuse, or
    what can't be built.
    """
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stage", default="")
    parser.add_argument("--guided", action="store_true")
    given = parser.parse_args(arguments)
    stage = samconfig.stage(given.stage)
    for problem in stage.problems():
        raise Failure(problem)
    template = build(BUILT, stage.architecture)
    return subprocess.run(
        [*sam_command(), "deploy", *_options(template, stage.name, given.guided)],
        cwd=ROOT,
        env={**environment, "SAM_CLI_TELEMETRY": "0"},
        check=False,
    ).returncode


def _options(template: Path, stage: str, guided: bool) -> Sequence[str]:
    # With --guided, sam asks for every parameter, and would save its answers to samconfig.toml.
    return (
        *("--template-file", str(template), "--config-env", stage),
        *(["--guided"] if guided else []),
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except Failure as failure:
        sys.exit(str(failure))
