"""JSON as providers answer it: read only where it can be stored, and is not nested without end."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tributary.provider import Json

_TEXT_LENGTH = 200
_NESTING = 32
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NESTS = (dict, list)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True, slots=True)
class NotJson:
    """Why a body is not taken, as the end of a sentence."""

    reason: str


def parsed(body: bytes) -> Json | NotJson:
    """What a body holds."""
    too_deep = NotJson(f"is nested deeper than {_NESTING} levels")
    try:
        value: Json = json.loads(body)
    except RecursionError:
        return too_deep
    except ValueError:
        return NotJson("is not JSON")
    if _SURROGATE.search(body) and not _is_unicode(value):
        return NotJson("holds half of a character")
    return value if _is_flat(body) or _nested_within(_NESTING, value) else too_deep


def problem(body: bytes, *secrets: str) -> tuple[str, str]:
    """Code and text of an error document: RFC 9457's, or `{"error": {"id", "message"}}`.

    Neither shows the secrets.
    """
    value = parsed(body)
    if not isinstance(value, dict):
        return "", ""
    nested = value.get("error")
    document = nested if isinstance(nested, dict) else value
    code = document.get("code") or document.get("id")
    text = document.get("detail") or document.get("message") or document.get("title")
    return _line(code, secrets), _line(text, secrets)


def _line(value: Json, secrets: Iterable[str]) -> str:
    """A provider's text as part of one line of a log."""
    line = " ".join(value.split()) if isinstance(value, str) else ""
    for secret in secrets:
        line = line.replace(secret, "***")
    # Shortened afterwards: what is cut in two would not be found.
    return line[:_TEXT_LENGTH]


def _is_flat(body: bytes) -> bool:
    """Whether the brackets alone show that JSON is not too deep, which is a tenth of a walk's cost.

    Removing every empty pair takes off one level; brackets in strings may hide that none is left.
    """
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_NESTING):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _is_unicode(value: Json) -> bool:
    """Whether all texts can be stored: JSON can spell halves of surrogate pairs, UTF-8 can't."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _nested_within(levels: int, value: Json) -> bool:
    level = [value]
    for _ in range(levels):
        level = [child for node in level for child in _children(node)]
    return not any(isinstance(node, _NESTS) for node in level)


def _children(node: Json) -> Iterable[Json]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
