"""API Gateway's payload format 2.0: HTTP requests as events, handlers' answers as HTTP responses.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from local.environment import ACCOUNT_ID
from local.template import JSON

Headers = Sequence[tuple[str, str]]

_TEXT = re.compile(r"text/|application/(json|javascript|xml)\b|application/[\w.-]+\+(json|xml)\b")


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire; `target` is the path with its query, still encoded."""

    method: str
    target: str
    protocol: str
    headers: Headers
    body: bytes
    source_ip: str

    @property
    def path(self) -> str:
        """The path decoded, as HTTP APIs match and hand it on."""
        return unquote(self.target.partition("?")[0])


@dataclass(frozen=True)
class Response:
    """A response ready to be sent."""

    status: int
    headers: Headers
    body: bytes


def event(request: Request, route_key: str, now: datetime) -> JSON:
    """The event a Lambda integration is sent for a request; what is empty is left out."""
    query = request.target.partition("?")[2]
    headers = _joined((name.lower(), value) for name, value in request.headers)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    parameters = _joined(parse_qsl(query, keep_blank_values=True))
    return {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": query,
        **({"cookies": cookies} if cookies else {}),
        "headers": headers,
        **({"queryStringParameters": parameters} if parameters else {}),
        "requestContext": _context(request, route_key, headers, now),
        **_body(request.body, headers.get("content-type", "")),
    }


def response(answer: JSON) -> Response:
    """The response to a handler's answer; one that API Gateway cannot read is a 500."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(HTTPStatus.OK, [("content-type", "application/json")], body.encode())
    try:
        return _structured(answer)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")


def refusal(status: HTTPStatus, message: str) -> Response:
    """What API Gateway answers itself when it does not ask, or does not hear from, a function."""
    body = json.dumps({"message": message}).encode()
    return Response(status, [("content-type", "application/json")], body)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _context(request: Request, route_key: str, headers: dict[str, str], now: datetime) -> JSON:
    return {
        "accountId": ACCOUNT_ID,
        "apiId": "local",
        "domainName": headers.get("host", "localhost"),
        "domainPrefix": headers.get("host", "localhost").partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": uuid.uuid4().hex[:15] + "=",
        "routeKey": route_key,
        "stage": "$default",
        "time": now.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _body(body: bytes, content_type: str) -> JSON:
    if not body:
        return {"isBase64Encoded": False}
    if _TEXT.match(content_type):
        return {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _structured(answer: JSON) -> Response:
    body = answer.get("body") or ""
    content = (
        base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    )
    headers = [
        (name.lower(), _header_value(value))
        for name, value in (answer.get("headers") or {}).items()
    ]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    cookies = [("set-cookie", cookie) for cookie in answer.get("cookies") or []]
    return Response(int(answer["statusCode"]), [*headers, *cookies], content)


def _header_value(value: JSON) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(f"a header of type {type(value).__name__}")
