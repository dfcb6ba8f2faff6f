"""Operations: what the document says of one route, and the errors that routes of a front share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.openapi.schemas import Json, text


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query string or, where `path`, of the path."""

    name: str
    schema: Json
    description: str
    example: Any = None
    path: bool = False
    required: bool = False

    def document(self) -> Json:
        """As OpenAPI has it; lists are repeated, not joined by commas."""
        exploded = {"style": "form", "explode": True} if self.schema["type"] == "array" else {}
        return {
            "name": self.name,
            "in": "path" if self.path else "query",
            "description": self.description,
            "required": self.path or self.required,
            **exploded,
            "schema": self.schema,
            **({} if self.example is None else {"example": self.example}),
        }


@dataclass(frozen=True)
class Operation:
    """A GET: `answer` is the schema of its JSON and `example` one of them; `contents` are other
    media types and their examples. `errors` are the statuses beside 304, 400, 500 and 503."""

    id: str
    summary: str
    parameters: Sequence[Parameter]
    answer: Json
    example: Any
    description: str = ""
    errors: Sequence[int] = ()
    contents: Mapping[str, str] = field(default_factory=dict)


_HEADERS: Mapping[str, str] = {
    "ETag": "Names this answer: send it as If-None-Match, and what has not changed is a 304.",
    "Cache-Control": "For how long the answer may be kept, by whoever asked alone.",
}
_GUARDED_HEADERS: Mapping[str, str] = {
    "Server-Timing": "What the answer took: milliseconds by phase, and DynamoDB's read units.",
}
RATE_HEADERS: Mapping[str, str] = {
    "x-ratelimit-limit": "Requests an hour that the token may send.",
    "x-ratelimit-remaining": "Requests left in this hour of the clock.",
    "x-ratelimit-reset": "Seconds until the hour is over.",
}
NO_TOKEN, NO_SCOPE, NOT_FOUND, AMBIGUOUS, TOO_MANY = 401, 403, 404, 409, 429
_ALWAYS = (400, 500, 503)
_TITLES = {
    400: "A parameter can't be used: the error says what to send instead.",
    401: "No token, or one that is not known or has expired.",
    403: "The token lacks a scope.",
    404: "There is no such thing, or none that the token may see.",
    409: "Several teams have this: the error names the paths that tell them apart.",
    429: "The token's requests are used up for now: `Retry-After` says for how long.",
    500: "The API failed.",
    503: "What the answer is made of can't be read just now: `Retry-After` says when to ask again.",
}


@dataclass(frozen=True)
class Shape:
    """A front's errors: their schema's name, media type, an example by status, headers of 429 and
    those of every answer to a token."""

    tag: str
    error: str
    media_type: str
    examples: Mapping[int, Json]
    too_many_headers: Mapping[str, str]
    headers: Mapping[str, str]

    def responses(self) -> dict[str, Json]:
        """The components that operations refer to."""
        return {f"{self.tag}{status}": self._error(status) for status in _TITLES}

    def document(self, operation: Operation, scopes: Sequence[str]) -> Json:
        """The operation; without scopes it is open."""
        statuses = sorted({*_ALWAYS, *operation.errors, *((401, 403, 429) if scopes else ())})
        said = f"Scopes: {', '.join(f'`{scope}`' for scope in scopes)}." if scopes else ""
        return {
            "operationId": operation.id,
            "tags": [self.tag],
            "summary": operation.summary,
            "description": " ".join(filter(None, (operation.description, said))),
            "parameters": [one.document() for one in operation.parameters],
            "security": [{"token": list(scopes)}] if scopes else [],
            "responses": {
                "200": self._answer(operation, bool(scopes)),
                "304": {"$ref": "#/components/responses/NotModified"},
                **{
                    str(status): {"$ref": f"#/components/responses/{self.tag}{status}"}
                    for status in statuses
                },
            },
        }

    def _answer(self, operation: Operation, guarded: bool) -> Json:
        described = {**_HEADERS, **({**_GUARDED_HEADERS, **self.headers} if guarded else {})}
        contents: Json = {
            "application/json": {"schema": operation.answer, "example": operation.example}
        }
        for media_type, example in operation.contents.items():
            contents[media_type] = {"schema": text(), "example": example}
        if operation.example is None:
            del contents["application/json"]
        return {
            "description": operation.summary,
            "headers": headers(described),
            "content": contents,
        }

    def _error(self, status: int) -> Json:
        described = dict(self.too_many_headers) if status == 429 else {}
        if status in (429, 503):
            described["Retry-After"] = "Seconds until it is worth asking again."
        if status == 401:
            described["WWW-Authenticate"] = "Which kind of token is needed."
        return {
            "description": _TITLES[status],
            **({"headers": headers(described)} if described else {}),
            "content": {
                self.media_type: {
                    "schema": {"$ref": f"#/components/schemas/{self.error}"},
                    **({"example": self.examples[status]} if status in self.examples else {}),
                }
            },
        }


def headers(described: Mapping[str, str]) -> Json:
    """Headers of texts."""
    return {
        name: {"description": said, "schema": {"type": "string"}}
        for name, said in described.items()
    }
