"""`make token`: makes, lists and revokes the API's tokens, here or in a deployed table."""

import argparse
import os
import sys
from collections.abc import Iterator

from local.environment import leave_aws_behind
from local.failure import Failure
from local.running import running
from tributary.tokens.__main__ import main as tokens

_USAGE = (
    "Send NAME=grafana SCOPES=read:metrics (and, if wished, LIMITS=provider:hostup, EXPIRES=90d, "
    "PER_HOUR=5000, BURST=100), LIST=1, or REVOKE=<id>."
)


def main(arguments: list[str] | None = None) -> int:
    """Does what the variables of make say; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make token")
    for name in ("name", "scopes", "limits", "expires", "per-hour", "burst", "list", "revoke"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--table", default="")
    given = parser.parse_args(arguments)
    try:
        command = list(_command(given))
        if given.table:
            os.environ["TABLE_NAME"] = given.table
        else:
            _find_local()
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 2
    return tokens(command)


def _command(given: argparse.Namespace) -> Iterator[str]:
    """The same as arguments of `python -m tributary.tokens`."""
    if [bool(given.list), bool(given.revoke), bool(given.name)].count(True) != 1:
        raise Failure(_USAGE)
    if given.list:
        yield "list"
    elif given.revoke:
        yield from ("revoke", given.revoke)
    else:
        yield from ("make", f"--name={given.name}")
        yield from (f"--scope={one}" for one in given.scopes.split(",") if one)
        yield from (f"--limit={one}" for one in given.limits.split(",") if one)
        for name in ("expires", "per-hour", "burst"):
            if value := getattr(given, name.replace("-", "_")):
                yield f"--{name}={value}"


def _find_local() -> None:
    found = running(os.environ.get("PORT") or "3000")
    leave_aws_behind()
    os.environ |= {"AWS_ENDPOINT_URL": found.endpoint, "TABLE_NAME": found.table}


if __name__ == "__main__":
    sys.exit(main())
