"""Pages of a list, and cursors that do not survive being sent unescaped."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.providers.answer import Refused

# In base64 this is "+/+/", and a number in four digits after it ends with "==".
CURSOR_PREFIX = b"\xfb\xff\xbf"


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """A part of a list, and the cursor of the next one if there is one."""

    items: Sequence[Item]
    next_cursor: str | None


def page_of[Item](items: Sequence[Item], start: int, size: int) -> Page[Item]:
    """The `size` items from number `start` on."""
    end = start + size
    next_cursor = None
    if end < len(items):
        next_cursor = b64encode(CURSOR_PREFIX + b"%04d" % end).decode()
    return Page(items[start:end], next_cursor)


def start_of(cursor: str, code: str) -> int:
    """The number of the item that a cursor points at; Refused with the code if it is no cursor."""
    refused = Refused(400, code, f"{cursor!r} is no cursor of this list.", "cursor")
    try:
        decoded = b64decode(cursor, validate=True)
    except ValueError as error:
        raise refused from error
    digits = decoded.removeprefix(CURSOR_PREFIX)
    if digits == decoded or not digits.isdigit():
        raise refused
    return int(digits)


def number(args: Mapping[str, str], name: str, default: int, most: int, code: str) -> int:
    """A parameter from 1 to `most`; Refused with the code if it is anything else."""
    text = args.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise Refused(400, code, f"{name} must be 1 to {most}, not {text!r}.", name)
    return int(text)
