"""Cursors: where to go on in a list, in letters that need no escaping, good for that list alone."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b

from functions.query_api.problems import BadRequestError, Fault

_CHECK_BYTES = 6


def cursor_behind(position: str, about: str) -> str:
    """The cursor that points behind a position in the list that `about` tells from all others."""
    content = position.encode()
    return urlsafe_b64encode(_check(content, about) + content).decode().rstrip("=")


def position_in(cursor: str | None, about: str) -> str:
    """The position that the cursor points behind, "" without one; BadRequestError for a cursor that
    was not given out for this list."""
    if cursor is None:
        return ""
    try:
        padding = "=" * (-len(cursor) % 4)
        content = urlsafe_b64decode(cursor.encode("ascii") + padding.encode())
        check, position = content[:_CHECK_BYTES], content[_CHECK_BYTES:]
        if check == _check(position, about):
            return position.decode()
    except (Base64Error, UnicodeError) as error:
        raise _unknown_cursor() from error
    raise _unknown_cursor()


def _unknown_cursor() -> BadRequestError:
    detail = "The cursor was not given out for this list: send it as it was answered, or none."
    return BadRequestError([Fault("cursor", detail, "unknown_cursor")])


def _check(position: bytes, about: str) -> bytes:
    return blake2b(about.encode() + b"\0" + position, digest_size=_CHECK_BYTES).digest()
