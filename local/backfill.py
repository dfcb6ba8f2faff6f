"""`make backfill`: has a provider asked again for everything that it has since an instant."""

import argparse
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from botocore.exceptions import BotoCoreError
from rich.console import Console

from functions.hostup_collector import app as hostup
from functions.northflank_collector import app as northflank
from functions.query_api.times import instant
from local.backfill_bar import Shown
from local.backfilling import Backfill
from local.failure import Failure
from local.settings import Settings
from local.user_aws import LOOKED_FOR, in_force, user_client
from tributary.accounts import Account, Accounts
from tributary.allowance import Allowance
from tributary.collector import Host
from tributary.credentials import Credentials
from tributary.errors import SettingsError, StorageError, TributaryError
from tributary.hours import Hours
from tributary.provider import Provider
from tributary.registry import Registry, Shard
from tributary.retention import Retention
from tributary.secret import Secret
from tributary.table import Table
from tributary.windows import SECOND_MS, rfc3339

_HOSTS: Mapping[str, Callable[[], Host]] = {
    "northflank": northflank.host_from_env,
    "hostup": hostup.host_from_env,
}
_USAGE = (
    "Say since when, what and into which table, as in make backfill FROM=-7d PROVIDER=northflank "
    "TABLE=tributary-Table-1AB SECRET=<name or ARN of the provider's secret>. ACCOUNT=… and "
    "RESOURCE=<beginning of ids> leave out others."
)


@dataclass(frozen=True)
class Wish:
    """What the user wants to have asked for."""

    since: str
    from_ms: int
    provider: str
    table: str
    secret: str
    account: str
    resource: str

    @classmethod
    def of(cls, arguments: Sequence[str], now_ms: int) -> "Wish":
        """`--from=-7d --provider=hostup …`; raises Failure for what can't be meant."""
        parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
        for name in ("from", "provider", "table", "secret", "account", "resource"):
            parser.add_argument(f"--{name}", default="")
        try:
            given, rest = parser.parse_known_args(arguments)
        except argparse.ArgumentError as error:
            raise Failure(_USAGE) from error
        words = {name: text.strip() for name, text in vars(given).items()}
        if rest or not (words["from"] and words["provider"] and words["table"]):
            raise Failure(_USAGE)
        if words["provider"] not in _HOSTS:
            raise Failure(f"PROVIDER={words['provider']} is not one of {', '.join(_HOSTS)}.")
        since = words.pop("from")
        return cls(since, _from_ms(since, now_ms), **words)

    def command(self, from_ms: int, account: str) -> str:
        """What goes on from an instant."""
        given = {
            "FROM": rfc3339(from_ms),
            "PROVIDER": self.provider,
            "TABLE": self.table,
            "SECRET": self.secret,
            "ACCOUNT": account,
            "RESOURCE": self.resource,
        }
        return shlex.join(["make", "backfill", *(f"{k}={v}" for k, v in given.items() if v)])


def main(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    console: Console,
    stopped: threading.Event,
    clock: Callable[[], float] = time.time,
) -> int:
    """Asks for all that is wanted, and returns the exit status: 0 if all of it was answered.

    Raises Failure for arguments, a table or a secret that can't be used.
    """
    wish = Wish.of(arguments, int(clock() * SECOND_MS))
    say = _sayer(console)
    try:
        host = _HOSTS[wish.provider]()
        table = Table(user_client("dynamodb"), wish.table, clock)
        shards = _shards(table, wish.table)
        credentials = list(_credentials(wish, environment, shards))
        statuses = []
        for account, given in credentials:
            if stopped.is_set():
                say(f"To go on: {wish.command(wish.from_ms, account.name)}")
                statuses.append(1)
                continue
            backfill = _backfill(wish, host, table, shards, account, given, stopped, clock)
            statuses.append(_followed(backfill, wish, account, console))
        return max(statuses)
    except SettingsError as error:
        raise Failure(f"{error}.") from error


def _sayer(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)


def _from_ms(text: str, now_ms: int) -> int:
    try:
        from_ms = instant(text, now_ms)
    except ValueError as error:
        raise Failure(f"FROM: {error}") from error
    if from_ms >= now_ms:
        raise Failure(f"FROM={text} is not in the past.")
    return from_ms


def _shards(table: Table, name: str) -> Sequence[Shard]:
    try:
        return list(Registry(table).shards())
    except (BotoCoreError, StorageError) as error:
        raise Failure(f"The table {name!r} can't be read: {error}. {LOOKED_FOR}") from error


def _credentials(
    wish: Wish, environment: Mapping[str, str], shards: Sequence[Shard]
) -> Iterator[tuple[Account, Credentials]]:
    """The accounts to be asked, each with its key; raises Failure where there is none."""
    prefix = f"{wish.provider}/"
    collected = {
        one.account.removeprefix(prefix) for one in shards if one.account.startswith(prefix)
    }
    if not collected:
        raise Failure(f"The table {wish.table!r} knows no resources of {wish.provider} yet.")
    if wish.secret:
        accounts, given = _in_secret(wish)
    else:
        accounts, given = None, [_by_token(wish, environment, collected)]
    chosen = [one for one in given if wish.account in ("", one.name) and one.name in collected]
    if not chosen:
        raise Failure(
            f"No account to ask {wish.provider} as: the table has {', '.join(sorted(collected))}, "
            f"the secret {', '.join(sorted(one.name for one in given)) or 'none'}"
            f"{f', ACCOUNT is {wish.account}' if wish.account else ''}."
        )
    for account in chosen:
        key = Credentials.of(account, accounts) if accounts else Credentials(account.token)
        yield account, key


def _in_secret(wish: Wish) -> tuple[Accounts, list[Account]]:
    accounts = Accounts(Secret(user_client("secretsmanager"), wish.secret))
    try:
        return accounts, accounts.all()
    except (BotoCoreError, StorageError) as error:
        raise Failure(f"The secret {wish.secret!r} can't be read: {error}. {LOOKED_FOR}") from error


def _by_token(wish: Wish, environment: Mapping[str, str], collected: set[str]) -> Account:
    settings = Settings.from_env(environment)
    given = {"northflank": settings.northflank, "hostup": settings.hostup}[wish.provider]
    variable = f"{wish.provider.upper()}_TOKEN"
    if given is None:
        raise Failure(
            f"No key to ask {wish.provider} with: say SECRET=<name or ARN of its secret>, or set "
            f"{variable}."
        )
    if not wish.account and len(collected) > 1:
        raise Failure(
            f"{variable} is whose key? Say ACCOUNT=, one of {', '.join(sorted(collected))}."
        )
    return Account(wish.account or min(collected), given.token, given.team)


def _backfill(
    wish: Wish,
    host: Host,
    table: Table,
    shards: Sequence[Shard],
    account: Account,
    credentials: Credentials,
    stopped: threading.Event,
    clock: Callable[[], float],
) -> Backfill:
    name = f"{wish.provider}/{account.name}"

    def connect(allowance: Allowance, deadline: float) -> Provider:
        return host.adapter(account, credentials, allowance, deadline, clock)

    mine = [shard for shard in shards if shard.account == name]
    stamps = [Hours(table).get(shard).stamps for shard in mine]
    return Backfill(
        table, name, host.limit, credentials, connect, Retention(in_force(stamps)), wish.from_ms,
        wish.resource, stopped.is_set, stopped.wait, clock,
    )  # fmt: skip


def _followed(backfill: Backfill, wish: Wish, account: Account, console: Console) -> int:
    """Runs it with a bar, says how it ended, and returns the exit status."""
    say = _sayer(console)
    say(f"{backfill.account}: everything since {rfc3339(wish.from_ms)}. Ctrl-C ends it.")
    failure: TributaryError | None = None
    try:
        with Shown(console, backfill.account) as shown:
            backfill.run(shown.tell)
    except TributaryError as error:
        failure = error
    report = backfill.report
    say(f"{report.requests:,} requests, {report.samples:,} samples that were not there before.")
    for message in report.messages:
        say(message)
    failed = [piece for piece in backfill.pieces.values() if piece.error]
    for piece in failed:
        say(f"{piece.resource}: {piece.error}.")
    if not backfill.pieces:
        say("The table knows no such resources.")
        return 1
    if failure:
        say(f"Ended: {failure}.")
    reached_ms = backfill.reached_ms
    if reached_ms is None:
        return 1 if failed else 0
    say("What was answered is stored. To go on:")
    say(f"  {wish.command(reached_ms, account.name)}")
    return 1


def _stop_on_interrupt(stopped: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        # What is under way ends and is noted; the second time, at once.
        signal.signal(number, signal.default_int_handler)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


if __name__ == "__main__":
    ending = threading.Event()
    _stop_on_interrupt(ending)
    try:
        sys.exit(main(sys.argv[1:], os.environ, Console(), ending))
    except Failure as failed:
        sys.exit(str(failed))
