"""The document: every route of the API with what is said of it, as OpenAPI 3.1.

https://spec.openapis.org/oas/v3.1.1.html
"""

import json
from collections.abc import Iterable, Sequence

from functions.query_api.routing import Route
from local.openapi import hostup, northflank, own
from local.openapi.operations import Operation, Shape, headers
from local.openapi.schemas import Json
from tributary.tokens import SCOPES

_PARTS = (own, northflank, hostup)
_TAGS = {
    "Tributary": "One query over all hosts, by one name and unit for each thing.",
    "Northflank": "What Northflank's API serves, from what has been collected.",
    "HostUp": "What HostUp's API serves, from what has been collected.",
}


def document(routes: Iterable[Route]) -> Json:
    """The whole document; a KeyError names the route that nothing is said of."""
    said: dict[str, tuple[Shape, Operation]] = {
        path: (part.SHAPE, operation)
        for part in _PARTS
        for path, operation in part.OPERATIONS.items()
    }
    paths = {}
    for route in routes:
        shape, operation = said.pop(route.path)
        paths[route.path] = {"get": shape.document(operation, route.scopes)}
    if said:
        raise KeyError(f"no route: {', '.join(said)}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tributary",
            "version": "1",
            "summary": "One metrics history for everything you run on small hosts.",
            "description": _description(),
        },
        "servers": [{"url": "/", "description": "Where this document was read from."}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {name: schema for part in _PARTS for name, schema in part.SCHEMAS.items()},
            "responses": {
                "NotModified": {
                    "description": "The client has this answer already: If-None-Match named it.",
                    "headers": headers({"ETag": "The answer's name."}),
                },
                **{name: said for part in _PARTS for name, said in part.SHAPE.responses().items()},
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "<id>.<secret>",
                    "description": "Made by `make token` or `python -m tributary.tokens`.",
                }
            },
        },
    }


def rendered(content: Json) -> str:
    """The document as it is kept: each path, schema and response on a line of its own, so that a
    change shows as one."""
    lines: list[str] = []
    for name, value in content.items():
        if name in ("paths", "components"):
            lines.append(f" {json.dumps(name)}: {_nested(value, 1 if name == 'paths' else 2)}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _nested(value: Json, depth: int, indent: int = 2) -> str:
    inside: Sequence[str] = [
        f"{' ' * indent}{json.dumps(name)}: "
        + (
            _nested(one, depth - 1, indent + 1)
            if depth > 1
            else json.dumps(one, ensure_ascii=False)
        )
        for name, one in value.items()
    ]
    return "{\n" + ",\n".join(inside) + "\n" + " " * (indent - 1) + "}"


def _description() -> str:
    scopes = "\n".join(f"- `{scope}`: {said}." for scope, said in SCOPES.items())
    return (
        "Every guarded path needs `Authorization: Bearer <id>.<secret>`. A token has scopes, may "
        "be limited to resources by their attributes, of which it then sees no others, and may "
        f"send so many requests an hour and in ten seconds.\n\nScopes:\n{scopes}\n"
    )
