"""Usage: how many requests each token made, hour by hour, counted in the table for all instances
of the query function together."""

import logging
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from typing import NamedTuple

from tributary.errors import StorageError
from tributary.table import Key, Table
from tributary.windows import DAY_MS, HOUR_MS, SECOND_MS, floor_to, key_time, parse_rfc3339

BURST_MS = 10 * SECOND_MS
# So that of a token that nobody uses it can be said for how long.
_KEPT_MS = 400 * DAY_MS
# Counting is worth waiting so long for; without it the request is answered all the same.
_PATIENCE_SECONDS = 0.5
_AT_ONCE = 4

_LOG = logging.getLogger(__name__)


class Counts(NamedTuple):
    """Requests of a token, this one among them: in the hour and in the ten seconds."""

    in_hour: int
    in_burst: int


class Usage:
    """Counts requests: one write each, and never longer than half a second.

    An item is one hour of one token, with a counter of the hour and one of each ten seconds that
    had requests: so no write needs to know of another, and none has to be undone.
    """

    def __init__(self, table: Table, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._table = table
        self._patience_seconds = patience_seconds
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="counting")

    def count(self, token_id: str, now_ms: int) -> Counts | None:
        """Counts one request; None, and a line in the log, where DynamoDB does not at once."""
        hour_ms = floor_to(HOUR_MS, now_ms)
        burst = f"b{(now_ms - hour_ms) // BURST_MS}"
        key = Key(_partition(token_id), key_time(hour_ms))
        expires_s = (hour_ms + HOUR_MS + _KEPT_MS) // SECOND_MS
        counting = self._pool.submit(self._table.count, key, ("n", burst), expires_s)
        try:
            counted = counting.result(self._patience_seconds)
        except LateError:
            _LOG.warning("a request of token %s not counted in time", token_id)
            return None
        except StorageError as error:
            _LOG.warning("a request of token %s not counted: %s", token_id, error)
            return None
        return Counts(counted["n"], counted[burst])

    def last_used_ms(self, token_id: str) -> int | None:
        """The hour of the token's last request; None if there was none for over a year."""
        newest = self._table.last(_partition(token_id))
        return parse_rfc3339(newest) if newest else None


def _partition(token_id: str) -> str:
    return f"used#{token_id}"
