"""JSON documents packed into items: deflated, with a digest of what they say."""

import json
import zlib
from hashlib import blake2b
from typing import Any

from tributary.codec import DIGEST_BYTES
from tributary.table import Item, Key


def packed(key: Key, document: Any, expires_s: int | None = None) -> Item:
    """The document as an item; equal documents have equal digests."""
    content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    digest = blake2b(content, digest_size=DIGEST_BYTES).digest()
    return Item(key, zlib.compress(content, 9), digest, expires_s)


def unpacked(item: Item) -> Any:
    """The document in an item made by `packed`."""
    return json.loads(zlib.decompress(item.data))
