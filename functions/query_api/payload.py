"""The payload: API Gateway's events (format 2.0) as requests, and responses as what it takes.

Powertools' resolver does as much; importing it would be a fifth of a cold start.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    """A request as API Gateway hands it on: names of `headers` in small letters, `path` decoded."""

    id: str
    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """That of an event; a stage other than $default stands before its path."""
        context = event["requestContext"]
        stage = "" if context["stage"] == "$default" else f"/{context['stage']}"
        return cls(
            context["requestId"],
            context["http"]["method"],
            event["rawPath"].removeprefix(stage),
            event.get("rawQueryString", ""),
            {name.lower(): value for name, value in event.get("headers", {}).items()},
        )


@dataclass(slots=True)
class Response:
    """A response: text, or bytes that are compressed already."""

    status: int
    content_type: str | None = None
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """As Lambda answers it."""
        packed = isinstance(self.body, bytes)
        body = base64.b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body
        kind = {"Content-Type": self.content_type} if self.content_type else {}
        return {
            "statusCode": self.status,
            "headers": {**kind, **self.headers},
            "body": body,
            "isBase64Encoded": packed,
        }
