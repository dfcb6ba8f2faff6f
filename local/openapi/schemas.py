"""Schemas: the few words of JSON Schema that the document is written in."""

from collections.abc import Mapping, Sequence
from typing import Any

type Json = dict[str, Any]

# How RFC 3339 is written here: in UTC, with milliseconds or without.
_TIME = "2026-11-22T10:00:00Z"


def text(description: str = "", example: str | None = None, **more: Any) -> Json:
    """Any text."""
    return _described({"type": "string", **more}, description, example)


def number(description: str = "", example: float | None = None, **more: Any) -> Json:
    """Any number."""
    return _described({"type": "number", **more}, description, example)


def whole(description: str = "", example: int | None = None, **more: Any) -> Json:
    """A whole number."""
    return _described({"type": "integer", **more}, description, example)


def truth(description: str = "") -> Json:
    """True or false."""
    return _described({"type": "boolean"}, description, None)


def instant(description: str = "", example: str = _TIME) -> Json:
    """A time as RFC 3339 has it."""
    return text(description, example, format="date-time")


def one_of(values: Sequence[str], description: str = "", **more: Any) -> Json:
    """One of these texts."""
    return _described({"type": "string", "enum": list(values), **more}, description, None)


def nullable(schema: Json) -> Json:
    """The same or null."""
    return {**schema, "type": [schema["type"], "null"]}


def several(items: Json, description: str = "", **more: Any) -> Json:
    """A list."""
    return _described({"type": "array", "items": items, **more}, description, None)


def record(fields: Mapping[str, Json], description: str = "", optional: Sequence[str] = ()) -> Json:
    """An object with these fields and no others."""
    required = [name for name in fields if name not in optional]
    schema = {"type": "object", "properties": dict(fields), "additionalProperties": False}
    return _described({**schema, "required": required}, description, None)


def payload(fields: Mapping[str, Json], required: Sequence[str], description: str) -> Json:
    """An object of a provider's, which may have more fields than are known of."""
    schema = {"type": "object", "properties": dict(fields), "required": list(required)}
    return _described(schema, description, None)


def mapping(values: Json, description: str = "") -> Json:
    """An object of any names."""
    return _described({"type": "object", "additionalProperties": values}, description, None)


def reference(name: str) -> Json:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def _described(schema: Json, description: str, example: object) -> Json:
    said = {"description": description} if description else {}
    return {**schema, **said, **({} if example is None else {"examples": [example]})}
