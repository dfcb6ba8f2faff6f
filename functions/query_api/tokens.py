"""Tokens: who may ask, by `Authorization: Bearer <id>.<secret>`."""

import os
import re
from hashlib import sha256
from hmac import compare_digest
from typing import Self

from functions.query_api.problems import UnauthorizedError
from tributary.packed import unpacked
from tributary.secret import Secret
from tributary.table import Key, Table

BOOTSTRAP = "bootstrap"
_TOKEN = re.compile(r"(?P<id>[A-Za-z0-9_-]{1,64})\.(?P<secret>[\x21-\x7e]{1,256})")
_REMEDY = (
    "Send Authorization: Bearer <id>.<secret>; the stack's TokenCommand output prints one, "
    "and so does make run."
)


class Tokens:
    """Knows the stack's bootstrap token, whose secret lies in Secrets Manager, and those in the
    table, of which only hashes are stored."""

    def __init__(self, table: Table, bootstrap_secret: Secret) -> None:
        self._table = table
        self._bootstrap_secret = bootstrap_secret

    @classmethod
    def from_env(cls, table: Table) -> Self:
        """The bootstrap token whose secret BOOTSTRAP_TOKEN_SECRET names."""
        return cls(table, Secret.of(os.environ["BOOTSTRAP_TOKEN_SECRET"]))

    def authorise(self, header: str | None) -> str:
        """The id of the token in an Authorization header; UnauthorizedError if it is not known."""
        scheme, _, text = (header or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise UnauthorizedError(f"The request has no bearer token. {_REMEDY}")
        token = _TOKEN.fullmatch(text.strip())
        known = self._hash_of(token["id"]) if token else None
        # Compared in constant time, and for unknown ids too, so that time tells nothing of either.
        sent = sha256(token["secret"].encode() if token else b"").hexdigest()
        if not compare_digest(known or "", sent) or token is None:
            raise UnauthorizedError(f"The bearer token is not known here. {_REMEDY}")
        return token["id"]

    def _hash_of(self, token_id: str) -> str | None:
        if token_id == BOOTSTRAP:
            secret = self._bootstrap_secret.text()
            return sha256(secret.encode()).hexdigest() if secret else None
        item = self._table.get(Key("token", token_id))
        return str(unpacked(item)["hash"]) if item else None
