"""Accounts: the credentials of a provider, by name, from its one Secrets Manager secret."""

import json
import os
import re
from dataclasses import dataclass, field
from typing import Any

from tributary.errors import SettingsError
from tributary.secret import Secret

_SHAPE = '{"accounts": [{"name": "main", "token": "…", "team": "…"}]} (team only where needed)'
# Names stand in keys, in CloudWatch dimensions and in URLs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Account:
    """One credential: `team` scopes requests where the provider's token spans several teams."""

    name: str
    token: str = field(repr=False)
    team: str | None = None


class Accounts:
    """The accounts in a secret, read at most every five minutes unless asked to read anew."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    @classmethod
    def from_env(cls) -> "Accounts":
        """The accounts in the secret that PROVIDER_SECRET names."""
        return cls(Secret.of(os.environ["PROVIDER_SECRET"]))

    def all(self, *, anew: bool = False) -> list[Account]:
        """Every account, none while the secret is as the stack created it.

        Raises SettingsError, which says what the secret should hold and never what it holds, and
        StorageError where Secrets Manager does not answer.
        """
        return accounts_in(self._secret.text(anew=anew))


def accounts_in(text: str) -> list[Account]:
    """The accounts that a secret's text lists."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # Not chained: the decoder's message would quote the secret.
        raise SettingsError(f"the provider's secret is not JSON; it should be {_SHAPE}") from None
    listed = document.get("accounts") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SettingsError(f"the provider's secret has no list of accounts; it should be {_SHAPE}")
    accounts = [_account(number, entry) for number, entry in enumerate(listed, 1)]
    names = [account.name for account in accounts]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"the provider's secret names the account {name!r} twice")
    return accounts


def _account(number: int, entry: Any) -> Account:
    where = f"account {number} in the provider's secret"
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is not an object; the secret should be {_SHAPE}")
    name, token, team = entry.get("name"), entry.get("token"), entry.get("team")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{where} needs a name of letters, digits, '.', '_' and '-', at most 64"
        )
    if not isinstance(token, str) or not token.strip():
        raise SettingsError(f"{where}, {name}, needs a token")
    if team is not None and not isinstance(team, str):
        raise SettingsError(f"{where}, {name}, has a team that is not a string")
    return Account(name, token.strip(), team or None)
