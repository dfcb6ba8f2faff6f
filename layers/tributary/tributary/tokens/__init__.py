"""Tokens: who may ask the API, for what, of which resources, and how often."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from tributary.errors import TributaryError
from tributary.matching import Attributes, Filter, matcher, parse_filter
from tributary.packed import packed, unpacked
from tributary.table import Item, Key, Table

READ_METRICS = "read:metrics"
READ_PROJECTS = "read:projects"
READ_VM = "read:vm"
ADMIN = "admin"
# What each scope lets its token do.
SCOPES: Mapping[str, str] = {
    READ_METRICS: "Tributary's own routes, and the metrics of Northflank-shaped ones",
    READ_PROJECTS: "Northflank-shaped routes",
    READ_VM: "HostUp-shaped routes",
    ADMIN: "all of it",
}
# The stack's own, whose secret lies in Secrets Manager.
BOOTSTRAP = "bootstrap"

_PARTITION = "token"
_LAST = "\U0010ffff"
_ID_BYTES = 6
_SECRET_BYTES = 32


class UnknownTokenError(TributaryError):
    """There is no token of the id."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token `<id>.<secret>`, of whose secret there is the SHA-256, in hex.

    `limits` are filters (`provider:hostup`) over the attributes of resources: it sees none but
    those that fit. `requests_per_hour` and `burst`, requests in ten seconds, are None for the
    stack's own. Times are ms since the epoch.
    """

    id: str
    hash: str
    name: str
    scopes: tuple[str, ...]
    limits: tuple[str, ...] = ()
    created_ms: int = 0
    expires_ms: int | None = None
    requests_per_hour: int | None = None
    burst: int | None = None
    _filters: tuple[Filter, ...] = field(init=False, repr=False, compare=False)
    _fits: Callable[[Attributes], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        filters = tuple(map(parse_filter, self.limits))
        object.__setattr__(self, "_filters", filters)
        object.__setattr__(self, "_fits", matcher(filters))

    def has_secret(self, secret: str) -> bool:
        """Whether the secret is this token's, in a time that does not tell how close it is."""
        return compare_digest(self.hash, hashed(secret))

    def allows(self, scope: str) -> bool:
        """Whether what takes the scope may be done."""
        return scope in self.scopes or ADMIN in self.scopes

    def sees(self, attributes: Mapping[str, str]) -> bool:
        """Whether a resource with these attributes is there for whoever has the token; for a token
        without scopes nothing is."""
        return bool(self.scopes) and self._fits(attributes)

    def sees_all_of(self, attributes: Mapping[str, str]) -> bool:
        """Whether every resource with these attributes is there, whatever others it has."""
        told = all(one.attribute in attributes for one in self._filters)
        return told and self.sees(attributes)


class Tokens:
    """The tokens of a table, of which only hashes are stored."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, token_id: str) -> Token | None:
        """The token as it is now, expired or not."""
        item = self._table.get(Key(_PARTITION, token_id))
        return _token(item) if item else None

    def all(self) -> list[Token]:
        """Every token, the oldest first."""
        found = map(_token, self._table.query(_PARTITION, " ", _LAST, consistent=True))
        return sorted(found, key=lambda token: token.created_ms)

    def make(
        self,
        name: str,
        scopes: Iterable[str],
        limits: Iterable[str],
        now_ms: int,
        expires_ms: int | None = None,
        requests_per_hour: int | None = None,
        burst: int | None = None,
    ) -> tuple[Token, str]:
        """Stores a new token; returns it, and the text `<id>.<secret>` that nobody knows later."""
        identity, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        token = Token(
            identity,
            hashed(secret),
            name,
            tuple(scopes),
            tuple(limits),
            now_ms,
            expires_ms,
            requests_per_hour,
            burst,
        )
        self._table.put(packed(Key(_PARTITION, identity), _document(token)), None)
        return token, f"{identity}.{secret}"

    def revoke(self, token_id: str) -> None:
        """Forgets a token: the next request with it is refused. UnknownTokenError if none is."""
        if not self._table.delete(Key(_PARTITION, token_id)):
            known = ", ".join(one.id for one in self.all()) or "none"
            raise UnknownTokenError(f"There is no token {token_id!r}. There are: {known}.")


def hashed(secret: str) -> str:
    """What is stored of a secret: random ones of this length need no slower hash."""
    return sha256(secret.encode()).hexdigest()


def _document(token: Token) -> dict[str, Any]:
    return {
        "hash": token.hash,
        "name": token.name,
        "scopes": token.scopes,
        "limits": token.limits,
        "created": token.created_ms,
        "expires": token.expires_ms,
        "perHour": token.requests_per_hour,
        "burst": token.burst,
    }


def _token(item: Item) -> Token:
    document = unpacked(item)
    return Token(
        item.key.sk,
        document["hash"],
        document["name"],
        tuple(document["scopes"]),
        tuple(document["limits"]),
        document["created"],
        document["expires"],
        document["perHour"],
        document["burst"],
    )
