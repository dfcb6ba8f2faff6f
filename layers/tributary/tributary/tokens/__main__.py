"""`python -m tributary.tokens make | list | revoke`: the API's tokens in a stack's table."""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from botocore.exceptions import BotoCoreError

from tributary.errors import TributaryError
from tributary.matching import parse_filter
from tributary.table import Table
from tributary.tokens import SCOPES, Token, Tokens, UnknownTokenError
from tributary.usage import Usage
from tributary.windows import DAY_MS, HOUR_MS, SECOND_MS, WEEK_MS, parse_rfc3339, rfc3339

# What tells instances of a resource apart: what is known of a resource as a whole, its totals and
# rollups, can't leave some of them out.
_OF_INSTANCES = ("instance", "container", "volume", "deployment")
_OF_RESOURCES = (
    *("provider", "account", "team", "project", "kind", "type"),
    *("resource", "name", "region", "plan"),
)
_LENGTH = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_LENGTHS_MS = {"h": HOUR_MS, "d": DAY_MS, "w": WEEK_MS}
_MOST = 1_000_000
_PATIENCE_SECONDS = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say; returns the exit status: 1 if that failed, 2 if they are
    wrong."""
    given = _parser().parse_args(arguments)
    if given.table:
        os.environ["TABLE_NAME"] = given.table
    if not os.environ.get("TABLE_NAME"):
        return _failed("Send --table, or set TABLE_NAME: the stack's output TableName.", 2)
    try:
        table = Table.from_env()
        table.until(time.monotonic() + _PATIENCE_SECONDS)
        given.act(given, table)
    except UnknownTokenError as error:
        return _failed(str(error), 2)
    except (TributaryError, BotoCoreError) as error:
        return _failed(f"The table {os.environ['TABLE_NAME']} can't be used: {error}", 1)
    return 0


def _make(given: argparse.Namespace, table: Table) -> None:
    token, text = Tokens(table).make(
        given.name,
        dict.fromkeys(given.scope),
        dict.fromkeys(given.limit),
        _now_ms(),
        given.expires,
        given.per_hour,
        given.burst,
    )
    print(f"Token {token.id}: {_described(token)}. It is shown once:", file=sys.stderr, flush=True)
    print(text)


def _list(given: argparse.Namespace, table: Table) -> None:
    usage = Usage(table)
    rows = [("ID", "NAME", "SCOPES", "SEES", "EXPIRES", "PER HOUR", "BURST", "LAST USED")]
    for token in Tokens(table).all():
        used_ms = usage.last_used_ms(token.id)
        rows.append(
            (
                token.id,
                token.name,
                ",".join(token.scopes),
                ",".join(token.limits) or "all",
                _until(token),
                str(token.requests_per_hour or "default"),
                str(token.burst or "default"),
                rfc3339(used_ms) if used_ms is not None else "never",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _revoke(given: argparse.Namespace, table: Table) -> None:
    Tokens(table).revoke(given.id)
    print(f"Token {given.id} is revoked.", file=sys.stderr)


def _described(token: Token) -> str:
    sees = ", ".join(token.limits) or "everything"
    until = f", until {rfc3339(token.expires_ms)}" if token.expires_ms is not None else ""
    return f"{token.name}, {', '.join(token.scopes)}, sees {sees}{until}"


def _until(token: Token) -> str:
    if token.expires_ms is None:
        return "never"
    expired = " (expired)" if token.expires_ms <= _now_ms() else ""
    return f"{rfc3339(token.expires_ms)}{expired}"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m tributary.tokens",
        description="Makes, lists and revokes tokens of the API, by your AWS settings.",
    )
    parser.add_argument("--table", help="name of the stack's table; else TABLE_NAME")
    commands = parser.add_subparsers(required=True, metavar="make|list|revoke")
    making = commands.add_parser("make", help="makes a token and prints it, once")
    making.add_argument("--name", required=True, type=_name, help="what it is for")
    making.add_argument(
        "--scope", required=True, action="append", choices=SCOPES, help="repeat for several"
    )
    making.add_argument(
        "--limit",
        action="append",
        default=[],
        type=_limit,
        help="attribute:value or attribute:prefix*, of resources it sees; repeat for several",
    )
    making.add_argument("--expires", type=_expiry, help="90d, 12h, 4w or an RFC 3339 time")
    making.add_argument("--per-hour", type=_count, help="requests an hour")
    making.add_argument("--burst", type=_count, help="requests in ten seconds")
    making.set_defaults(act=_make)
    commands.add_parser("list", help="lists all tokens").set_defaults(act=_list)
    revoking = commands.add_parser("revoke", help="makes a token useless at once")
    revoking.add_argument("id", help="the part of the token before the dot")
    revoking.set_defaults(act=_revoke)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage before it."""
        sys.exit(_failed(f"{message[0].upper()}{message[1:]}.", 2))


def _name(text: str) -> str:
    if not (text.strip() and len(text) <= 100 and text.isprintable()):
        raise argparse.ArgumentTypeError("send a name of up to 100 printable characters")
    return text


def _limit(text: str) -> str:
    try:
        attribute = parse_filter(text).attribute
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error
    if attribute in _OF_INSTANCES:
        raise argparse.ArgumentTypeError(
            f"{attribute} is of instances: a token sees resources whole or not at all; send a "
            "limit such as provider:hostup, project:web* or name:api"
        )
    if attribute not in _OF_RESOURCES and not attribute.startswith("tag."):
        # One that nothing has would exclude nothing either.
        raise argparse.ArgumentTypeError(
            f"no resource has a {attribute}: send one of {', '.join(_OF_RESOURCES)}, tag.<name>"
        )
    return text


def _expiry(text: str) -> int:
    if length := _LENGTH.fullmatch(text):
        return _now_ms() + int(length[1]) * _LENGTHS_MS[length[2]]
    try:
        expires_ms = parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: send 90d, 12h, 4w or 2027-01-01T00:00:00Z"
        ) from error
    if expires_ms <= _now_ms():
        raise argparse.ArgumentTypeError(f"{text!r} is past: send a time to come")
    return expires_ms


def _count(text: str) -> int:
    if not (re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= _MOST):
        raise argparse.ArgumentTypeError(f"{text!r}: send a number from 1 to {_MOST}")
    return int(text)


def _failed(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status


def _now_ms() -> int:
    return int(time.time() * SECOND_MS)


if __name__ == "__main__":
    sys.exit(main())
