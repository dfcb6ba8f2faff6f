"""Decoded items: what a warm function has decoded once, kept by the digest of the content."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sized
from threading import Lock

from tributary.table import Item

# 16 bytes a sample: some 64 MB at the most.
_MOST_ROWS = 4_000_000
# What keeping an item, and naming each of its series, takes besides rows, in the room of rows: an
# hour of five-minute samples is 12 rows of each series, and takes twenty times their room.
_ROWS_PER_ITEM = 120
_ROWS_PER_SERIES = 24

type _Decode[K, V] = Callable[[bytes, Callable[[K], bool]], Mapping[K, V]]


def everything(_: object) -> bool:
    """Wants each series there is."""
    return True


class Decoded[K: Hashable, V: Sized]:
    """Decodes items by series, each series of a content once while there is room.

    Items are read from the table each time, so that what is answered is what is stored; equal
    digests are equal content. Those that were asked for longest ago are forgotten first.
    `most_rows` is the room in rows, of which each item and series takes some for itself.
    """

    def __init__(self, decode: _Decode[K, V], most_rows: int = _MOST_ROWS) -> None:
        self._decode = decode
        self._most_rows = most_rows
        self._rows = 0
        self._known: OrderedDict[bytes, dict[K, V | None]] = OrderedDict()
        self._lock = Lock()

    def series(self, item: Item, wanted: Callable[[K], bool]) -> dict[K, V]:
        """The wanted series of an item."""
        with self._lock:
            known = self._known.get(item.digest)
            if known is not None:
                self._known.move_to_end(item.digest)
        if known is None or any(one is None and wanted(key) for key, one in known.items()):
            known = self._remembered(item, wanted)
        return {key: one for key, one in known.items() if one is not None and wanted(key)}

    def _remembered(self, item: Item, wanted: Callable[[K], bool]) -> dict[K, V | None]:
        seen: dict[K, V | None] = {}

        def noted(key: K) -> bool:
            seen[key] = None
            return wanted(key)

        seen |= self._decode(item.data, noted)
        with self._lock:
            known = self._forgotten(item.digest)
            # Of what both have decoded the one in the memory already.
            known = seen | {key: one for key, one in known.items() if one is not None}
            self._known[item.digest] = known
            self._rows += _rows(known)
            while self._rows > self._most_rows and len(self._known) > 1:
                self._forgotten(next(iter(self._known)))
        return known

    def _forgotten(self, digest: bytes) -> dict[K, V | None]:
        known = self._known.pop(digest, None)
        if known is None:
            return {}
        self._rows -= _rows(known)
        return known


def _rows[K: Hashable](series: Mapping[K, Sized | None]) -> int:
    """How many rows take as much room as an item's series, decoded or only named."""
    rows = sum(len(one) for one in series.values() if one is not None)
    return rows + _ROWS_PER_ITEM + _ROWS_PER_SERIES * len(series)
