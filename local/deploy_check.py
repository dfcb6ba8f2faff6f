"""`make deploy-check`: all that can be known of a deployment before it touches an AWS account.

The last line is `Ready` and how to go on, or what is missing.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import botocore.session
from botocore.exceptions import BotoCoreError

from local import check_token, samconfig
from local.build import ROOT, build
from local.deploy import BUILT
from local.failure import Failure
from local.samconfig import Stage

_TOKENS = ("NORTHFLANK_TOKEN", "HOSTUP_TOKEN")


@dataclass(frozen=True)
class Check:
    """Something to be known: in words, and a sentence for each thing that is missing."""

    what: str
    missing: Callable[[], Iterator[str]]


def main(
    arguments: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
) -> int:
    """Makes every check of a stage, whatever the others find; 0 if nothing is missing.

    Raises Failure for a stage that there is not.
    """
    parser = argparse.ArgumentParser(prog="make deploy-check", description=__doc__)
    parser.add_argument("--stage", default="")
    stage = samconfig.stage(parser.parse_args(arguments).stage)
    missing = [lack for check in checks(stage, environment) for lack in _made(check, say)]
    if missing:
        things = "1 thing is" if len(missing) == 1 else f"{len(missing)} things are"
        say(f"Not ready: {things} missing. {missing[0]}")
        return 1
    say(f"Ready: make deploy STAGE={stage.name}")
    return 0


def checks(stage: Stage, environment: Mapping[str, str]) -> Iterator[Check]:
    """Those of a stage: the quick ones first."""
    yield Check("settings of samconfig.toml", lambda: settings(stage))
    yield Check("AWS credentials and region, not used", lambda: aws_settings(environment))
    if any(environment.get(name) for name in _TOKENS):
        yield Check("providers' tokens", lambda: tokens(environment))
    yield Check("style", lambda: _passes("-m", "ruff", "check", "."))
    yield Check("types", lambda: _passes("-m", "mypy"))
    yield Check("code and template, audited", lambda: _makes("audit"))
    yield Check(f"built for {stage.architecture}", lambda: built(stage))
    yield Check(
        "template, permissions, alarms, update from the last release",
        lambda: _passes("-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "tests/template"),
    )


def settings(stage: Stage) -> Iterator[str]:
    """What CloudFormation would refuse, and what it would take and should not."""
    yield from stage.problems()
    if stage.value("DomainName") and not stage.value("CertificateArn"):
        yield "DomainName needs CertificateArn, of a certificate in the stack's region."
    if stage.value("HostedZoneId") and not stage.value("DomainName"):
        yield "HostedZoneId is set, and DomainName, which its record would be of, is not."
    if stage.name == "prod" and not stage.value("AlarmTopic"):
        yield (
            "AlarmTopic is not set: nobody would be told when collecting stops. Set it to the ARN "
            "of an SNS topic in samconfig.toml, prod."
        )


def aws_settings(environment: Mapping[str, str]) -> Iterator[str]:
    """Whether there are any; whether AWS takes them is not asked."""
    session = botocore.session.get_session()
    try:
        region = environment.get("AWS_REGION") or session.get_config_variable("region")
        credentials = session.get_credentials()
    except BotoCoreError as error:
        yield f"Your AWS settings can't be used: {error}."
        return
    if not region:
        yield "No AWS region: set AWS_REGION, or a profile that has one."
    if credentials is None:
        yield "No AWS credentials: set AWS_PROFILE, or run aws configure."


def tokens(environment: Mapping[str, str]) -> Iterator[str]:
    """What the tokens that are given lack."""
    said: list[str] = []
    if check_token.main(environment, said.append):
        yield from said


def built(stage: Stage) -> Iterator[str]:
    """What can't be built."""
    try:
        build(BUILT, stage.architecture)
    except Failure as failure:
        yield str(failure)


def _passes(*arguments: str) -> Iterator[str]:
    yield from _run([sys.executable, *arguments], arguments[1])


def _makes(target: str) -> Iterator[str]:
    yield from _run(["make", "--no-print-directory", target], f"make {target}")


def _run(command: Sequence[str], name: str) -> Iterator[str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        log = ROOT / ".local" / "deploy-check.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(done.stdout + done.stderr)
        yield f"{name} found something: {log.relative_to(ROOT)} has it."


def _made(check: Check, say: Callable[[str], None]) -> list[str]:
    missing = list(check.missing())
    say(f"{'!!' if missing else 'ok'}  {check.what}")
    for lack in missing:
        say(f"    {lack}")
    return missing


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ, print))
    except Failure as failure:
        sys.exit(str(failure))
