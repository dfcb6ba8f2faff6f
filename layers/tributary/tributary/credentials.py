"""Credentials: an account's token as its requests need it, renewed where it was rotated."""

import threading
from collections.abc import Callable
from typing import Self

from tributary.accounts import Account, Accounts


class Credentials:
    """One account's token for one run; may be used by several threads.

    `read_anew` gives the token that the secret holds now, None if it has none for the account. It
    may raise SettingsError or StorageError.
    """

    def __init__(self, token: str, read_anew: Callable[[], str | None] = lambda: None) -> None:
        self._token = token
        self._read_anew = read_anew
        self._accepted: set[str] = set()
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, account: Account, accounts: Accounts) -> Self:
        """The account's, which the secret of all accounts is read again for."""

        def read_anew() -> str | None:
            named = (one for one in accounts.all(anew=True) if one.name == account.name)
            return next((one.token for one in named), None)

        return cls(account.token, read_anew)

    @property
    def token(self) -> str:
        """The token that the next request is to be sent with."""
        return self._token

    @property
    def accepted(self) -> bool:
        """Whether the provider has answered a request with the present token."""
        return self._token in self._accepted

    @property
    def refused(self) -> bool:
        """Whether the provider has refused the present token, and never answered with it."""
        return self._token in self._refused and not self.accepted

    def __repr__(self) -> str:
        return "Credentials(…)"

    def answered(self, token: str) -> None:
        """Notes that the provider takes the token."""
        self._accepted.add(token)

    def renewed(self, refused: str) -> str | None:
        """Another token than the refused one, None if the secret holds no other.

        The secret is read once for each token, by the first thread that was refused with it.
        """
        with self._lock:
            if self._token == refused and refused not in self._refused:
                self._refused.add(refused)
                self._token = self._read_anew() or refused
            return self._token if self._token != refused else None
