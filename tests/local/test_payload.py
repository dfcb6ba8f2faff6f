"""API Gateway's payload format 2.0, both ways."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.build import ROOT
from local.payload import Headers, Request, event, response

NOW = datetime(2026, 11, 22, 10, 16, tzinfo=UTC)


def request(
    target: str = "/v1/query", headers: Headers = (), body: bytes = b"", method: str = "GET"
) -> Request:
    return Request(method, target, "HTTP/1.1", headers, body, "203.0.113.7")


def sent(request: Request) -> Any:
    return event(request, "GET /v1/query", NOW)


def test_event_has_the_shape_of_the_sample_event() -> None:
    sample = json.loads((ROOT / "events/query_api/query.json").read_text())

    made = sent(
        request(
            f"/v1/query?{sample['rawQueryString']}",
            [(name.title(), value) for name, value in sample["headers"].items()],
        )
    )

    context, expected = made.pop("requestContext"), sample.pop("requestContext")
    assert made == sample
    assert context["http"] == expected["http"]
    assert context.keys() == expected.keys()
    assert (context["time"], context["timeEpoch"]) == (expected["time"], expected["timeEpoch"])


def test_event_joins_repeated_parameters_with_commas_and_keeps_the_raw_query() -> None:
    made = sent(request("/v1/query?metric=a%2Bb&metric=c%20d&by="))

    assert made["queryStringParameters"] == {"metric": "a+b,c d", "by": ""}
    assert made["rawQueryString"] == "metric=a%2Bb&metric=c%20d&by="


def test_event_leaves_out_what_is_empty() -> None:
    assert {"queryStringParameters", "cookies", "body"}.isdisjoint(sent(request()))


def test_event_decodes_the_path() -> None:
    made = sent(request("/v1/que%72y/a%20b?x=1"))

    assert made["rawPath"] == made["requestContext"]["http"]["path"] == "/v1/query/a b"


def test_event_lower_cases_and_joins_headers_and_takes_cookies_out() -> None:
    made = sent(request(headers=[("X-A", "1"), ("x-a", "2"), ("Cookie", "a=b; c=d")]))

    assert made["headers"] == {"x-a": "1,2"}
    assert made["cookies"] == ["a=b", "c=d"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json; charset=utf-8", "application/problem+json"]
)
def test_event_hands_on_text_as_it_is(content_type: str) -> None:
    made = sent(request(headers=[("Content-Type", content_type)], body=b'{"a": "\xc3\xa5"}'))

    assert (made["body"], made["isBase64Encoded"]) == ('{"a": "å"}', False)


@pytest.mark.parametrize("content_type", ["image/png", "application/x-www-form-urlencoded", ""])
def test_event_encodes_other_bodies(content_type: str) -> None:
    made = sent(request(headers=[("Content-Type", content_type)], body=b"\x00\xff"))

    assert (made["body"], made["isBase64Encoded"]) == ("AP8=", True)


def test_response_sends_status_headers_cookies_and_body() -> None:
    made = response(
        {"statusCode": 404, "headers": {"ETag": "x", "N": 1}, "cookies": ["a=b"], "body": "no"}
    )

    assert (made.status, made.body) == (404, b"no")
    assert made.headers == [
        ("etag", "x"),
        ("n", "1"),
        ("content-type", "text/plain;charset=UTF-8"),
        ("set-cookie", "a=b"),
    ]


def test_response_decodes_base64() -> None:
    body = base64.b64encode(b"\x1f\x8b").decode()

    assert response({"statusCode": 200, "body": body, "isBase64Encoded": True}).body == b"\x1f\x8b"


@pytest.mark.parametrize(
    ("answer", "body"), [({"a": 1}, b'{"a": 1}'), ("text", b"text"), ([1], b"[1]")]
)
def test_response_without_a_status_is_the_body_of_a_200(answer: Any, body: bytes) -> None:
    made = response(answer)

    assert (made.status, made.body) == (200, body)
    assert made.headers == [("content-type", "application/json")]


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "x"},
        {"statusCode": None},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": "a"},
    ],
)
def test_response_that_cannot_be_read_is_a_500(answer: Any) -> None:
    made = response(answer)

    assert made.status == 500
    assert made.body == b'{"message": "Internal Server Error"}'
