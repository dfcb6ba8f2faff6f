"""Authorisation: whose request it is, whether it may be answered, and what it may see."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

from functions.query_api.problems import ForbiddenError, UnauthorizedError
from functions.query_api.series import own_attributes
from tributary.registry import Shard
from tributary.secret import Secret
from tributary.table import Table
from tributary.tokens import ADMIN, BOOTSTRAP, Token, Tokens, hashed
from tributary.windows import rfc3339

_TOKEN = re.compile(r"(?P<id>[A-Za-z0-9_-]{1,64})\.(?P<secret>[\x21-\x7e]{1,256})")
_REMEDY = (
    "Send Authorization: Bearer <id>.<secret>; the stack's TokenCommand output prints one, "
    "and so does make run."
)
# A token that is replaced is good for no longer, on any instance.
_KEPT_SECONDS = 60.0
# Of an open route, or of no token that is known.
NOBODY = Token("", hashed(""), "", ())


class Authorisation:
    """Knows the stack's bootstrap token, whose secret lies in Secrets Manager, and those in the
    table, of which only hashes are stored."""

    def __init__(self, tokens: Tokens, bootstrap_secret: Secret) -> None:
        self._tokens = tokens
        self._bootstrap_secret = bootstrap_secret

    @classmethod
    def from_env(cls, table: Table) -> Self:
        """The table's tokens, and the one whose secret BOOTSTRAP_TOKEN_SECRET names."""
        return cls(Tokens(table), Secret.of(os.environ["BOOTSTRAP_TOKEN_SECRET"], _KEPT_SECONDS))

    def token(self, header: str | None, now_ms: int) -> Token:
        """The token in an Authorization header; UnauthorizedError if it is not known or no longer
        good."""
        scheme, _, text = (header or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise UnauthorizedError(f"The request has no bearer token. {_REMEDY}")
        sent = _TOKEN.fullmatch(text.strip())
        known = self._known(sent["id"]) if sent else None
        # Compared for unknown ids too, so that the time it takes tells nothing of either.
        fits = (known or NOBODY).has_secret(sent["secret"] if sent else "")
        if known is None or not fits:
            raise UnauthorizedError(f"The bearer token is not known here. {_REMEDY}")
        if known.expires_ms is not None and known.expires_ms <= now_ms:
            raise UnauthorizedError(
                f"The bearer token expired at {rfc3339(known.expires_ms)}: make a new one."
            )
        return known

    def _known(self, token_id: str) -> Token | None:
        if token_id != BOOTSTRAP:
            return self._tokens.get(token_id)
        secret = self._bootstrap_secret.text()
        return Token(BOOTSTRAP, hashed(secret), "the stack's own", (ADMIN,)) if secret else None


def check_scopes(token: Token, scopes: Iterable[str]) -> None:
    """ForbiddenError if the token lacks one of the scopes."""
    missing = [scope for scope in scopes if not token.allows(scope)]
    if missing:
        raise ForbiddenError(
            f"The token lacks the scope {' and '.join(missing)}: send one that was made with it."
        )


def visible(shards: Sequence[Shard], token: Token) -> Sequence[Shard]:
    """The shards with no resource but those that the token may see."""
    if not token.limits:
        return shards
    seen = (
        replace(
            shard,
            entries={
                name: entry
                for name, entry in shard.entries.items()
                if token.sees(own_attributes(entry))
            },
        )
        for shard in shards
    )
    return [shard for shard in seen if shard.entries]
