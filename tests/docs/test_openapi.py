"""The OpenAPI document: true to the routes, valid, and held against exchanges."""

import json

import pytest
from openapi_spec_validator import validate

from local.openapi.__main__ import FILE, current
from tests.openapi import api, check

EMPTY = '{"resources":[],"nextCursor":null,"total":0}'
JSON = {"Content-Type": "application/json"}


def test_the_document_is_what_make_openapi_writes() -> None:
    assert FILE.read_text() == current(), "run make openapi"


def test_the_document_is_valid() -> None:
    validate(api())


def test_every_example_is_as_its_schema_says() -> None:
    for path, item in api()["paths"].items():
        content = item["get"]["responses"]["200"]["content"]
        for media_type, stated in content.items():
            text = (
                stated["example"]
                if media_type != "application/json"
                else json.dumps(stated["example"])
            )
            check(path, "", 200, {"content-type": media_type}, text)
        for status in (400, 401, 403, 404, 409, 429):
            response = item["get"]["responses"].get(str(status))
            if response:
                shared = api()["components"]["responses"][response["$ref"].rpartition("/")[2]]
                [(media_type, stated)] = shared["content"].items()
                if "example" in stated:
                    check(
                        path,
                        "",
                        status,
                        {"content-type": media_type},
                        json.dumps(stated["example"]),
                    )


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [item["get"]["operationId"] for item in api()["paths"].values()]

    assert len(set(ids)) == len(ids)


def test_an_exchange_as_documented_passes() -> None:
    check("/v1/resources", "limit=10&where=kind:vps", 200, JSON, EMPTY)


@pytest.mark.parametrize(
    ("path", "query", "status", "content_type", "text", "says"),
    [
        ("/v1/other", "", 200, "application/json", "{}", "is not documented"),
        ("/v1/resources", "page=1", 200, "application/json", EMPTY, "takes page"),
        ("/v1/resources", "limit=0", 200, "application/json", EMPTY, "takes limit=0"),
        ("/v1/resources", "", 201, "application/json", EMPTY, "answers 201"),
        ("/v1/resources", "", 200, "text/html", EMPTY, "as text/html"),
        ("/v1/resources", "", 200, "application/json", '{"total":0}', "required property"),
        ("/v1/resources", "", 200, "application/json", EMPTY[:-1] + ',"more":1}', "'more'"),
        ("/v1/resources", "", 404, "application/json", "{}", "answers 404"),
        ("/v1/resources", "", 304, "application/json", "x", "with a body"),
        ("/api/v2/vps/v", "", 404, "application/problem+json", "{}", "required property"),
    ],
)
def test_an_exchange_that_is_not_fails(
    path: str, query: str, status: int, content_type: str, text: str, says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        check(path, query, status, {"content-type": content_type}, text)
