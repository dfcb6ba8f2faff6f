"""Cursors: where to go on in a list, in letters that need no escaping, good for that list alone."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from hashlib import blake2b

_CHECK_BYTES = 6


def cursor_behind(position: str, about: str) -> str:
    """The cursor that points behind a position in the list that `about` tells from all others."""
    content = position.encode()
    return urlsafe_b64encode(_check(content, about) + content).decode().rstrip("=")


def position_behind(about: str) -> Callable[[str], str]:
    """Reads the position that a cursor points behind, of a list; UnknownCursorError, a ValueError,
    for one that was not given out for it."""

    def parse(cursor: str) -> str:
        try:
            padding = "=" * (-len(cursor) % 4)
            content = urlsafe_b64decode(cursor.encode("ascii") + padding.encode())
            check, position = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
            if check == _check(position, about):
                return position.decode()
        except (Base64Error, UnicodeError) as error:
            raise UnknownCursorError from error
        raise UnknownCursorError

    return parse


class UnknownCursorError(ValueError):
    """The cursor is none of this list's."""

    code = "unknown_cursor"

    def __str__(self) -> str:
        return "The cursor was not given out for this list: send it as it was answered, or none."


def _check(position: bytes, about: str) -> bytes:
    return blake2b(about.encode() + b"\0" + position, digest_size=_CHECK_BYTES).digest()
