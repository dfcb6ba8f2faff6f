"""Quarantine: a key that runs in a row were refused with is not sent any more until it changes."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Self

from tributary.windows import DAY_MS

REFUSALS = 3
# The provider may have refused it by its own fault.
_PROBE_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Quarantine:
    """How a key, named by a digest, has fared: `refusals` runs in a row since `since_ms`.

    The last of them, or of those that only looked whether it works again, was at `probed_ms`.
    """

    key: str = ""
    refusals: int = 0
    since_ms: int = 0
    probed_ms: int = 0

    def concerns(self, token: str) -> bool:
        """Whether the token is the key in quarantine."""
        return self.refusals >= REFUSALS and self.key == digest_of(token)

    def forbids(self, token: str, now_ms: int) -> bool:
        """Whether a run must not send the token: once a day one may, to see if it works again."""
        return self.concerns(token) and now_ms < self.probed_ms + _PROBE_MS

    def probed(self, token: str, now_ms: int) -> Self:
        """A run is about to send the token."""
        return replace(self, probed_ms=now_ms) if self.concerns(token) else self

    def refused(self, token: str, now_ms: int) -> Self:
        """A run was refused with the token."""
        key = digest_of(token)
        if key != self.key:
            return type(self)(key, 1, now_ms, now_ms)
        return replace(self, refusals=self.refusals + 1, probed_ms=now_ms)


def digest_of(token: str) -> str:
    """By which a token is known again without being told."""
    return blake2b(token.encode(), digest_size=8).hexdigest()
