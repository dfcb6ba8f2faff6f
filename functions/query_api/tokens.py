"""Tokens: who may ask, by `Authorization: Bearer <id>.<secret>`."""

import os
import re
from hashlib import sha256
from hmac import compare_digest
from typing import Self

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.config import Config

from functions.query_api.problems import UnauthorizedError
from tributary.packed import unpacked
from tributary.table import Key, Table

BOOTSTRAP = "bootstrap"
_CACHED_SECONDS = 300
_TOKEN = re.compile(r"(?P<id>[A-Za-z0-9_-]{1,64})\.(?P<secret>[\x21-\x7e]{1,256})")
_REMEDY = (
    "Send Authorization: Bearer <id>.<secret>; the stack's TokenCommand output prints one, "
    "and so does make run."
)


class Tokens:
    """Knows the stack's bootstrap token, whose secret lies in Secrets Manager, and those in the
    table, of which only hashes are stored."""

    def __init__(self, table: Table, secrets: SecretsProvider, bootstrap_secret: str) -> None:
        self._table = table
        self._secrets = secrets
        self._bootstrap_secret = bootstrap_secret

    @classmethod
    def from_env(cls, table: Table) -> Self:
        """The bootstrap token whose secret BOOTSTRAP_TOKEN_SECRET names."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5
        )
        client = boto3.client("secretsmanager", config=config)
        secrets = SecretsProvider(boto3_client=client)
        return cls(table, secrets, os.environ["BOOTSTRAP_TOKEN_SECRET"])

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
            secret = self._secrets.get(self._bootstrap_secret, max_age=_CACHED_SECONDS)
            return sha256(str(secret).encode()).hexdigest() if secret else None
        item = self._table.get(Key("token", token_id))
        return str(unpacked(item)["hash"]) if item else None
