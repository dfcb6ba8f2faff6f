"""The API's document, held against every request and answer of the tests."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

_FILE = Path(__file__).parent.parent / "functions" / "query_api" / "openapi.json"
_NUMBERS = {"integer": int, "number": float}


def check(path: str, raw_query: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """AssertionError where the answer to a GET is not as the document says, or a request that was
    answered not as it says either."""
    template = template_of(path)
    if template is None:
        assert status in (404, 503), f"{path} is not documented, and answered with {status}"
        return
    operation = api()["paths"][template]["get"]
    response = operation["responses"].get(str(status))
    assert response is not None, f"{template} answers {status}, which is not documented"
    if status == 200:
        _check_parameters(template, operation["parameters"], raw_query)
    content = _resolved(response).get("content", {})
    if not content:
        assert text == "", f"{template} answers {status} with a body"
        return
    kind = {name.lower(): value for name, value in headers.items()}["content-type"]
    media_type = kind.partition(";")[0].strip()
    assert media_type in content, f"{template} answers {status} as {media_type}"
    if media_type.endswith("json") and media_type != "application/x-ndjson":
        validator = _validator(template, str(status), media_type)
        faults = [
            f"{fault.instance_path}: {fault.message}"
            for fault in validator.iter_errors(json.loads(text))
        ]
        assert not faults, f"{template} answers {status} with {'; '.join(faults[:3])}"


@cache
def api() -> Any:
    """The document."""
    return json.loads(_FILE.read_text())


@cache
def template_of(path: str) -> str | None:
    """The documented path that a path is one of."""
    parts = path.split("/")
    for template in api()["paths"]:
        expected = template.split("/")
        if len(expected) == len(parts) and all(
            part if name.startswith("{") else name == part
            for name, part in zip(expected, parts, strict=True)
        ):
            return str(template)
    return None


def _check_parameters(template: str, documented: Any, raw_query: str) -> None:
    known = {one["name"]: one["schema"] for one in documented if one["in"] == "query"}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        assert name in known, f"{template} takes {name}, which is not documented"
        schema = known[name]
        schema = schema["items"] if schema["type"] == "array" else schema
        read = _NUMBERS.get(schema["type"], str)(value)
        valid = _parameter_validator(json.dumps(schema)).is_valid(read)
        assert valid, f"{template} takes {name}={value}, which is not as documented"


@cache
def _parameter_validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)


@cache
def _validator(template: str, status: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    response = _resolved(api()["paths"][template]["get"]["responses"][status])
    schema = response["content"][kind]["schema"]
    whole = {**schema, "components": api()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _resolved(response: Any) -> Any:
    if "$ref" not in response:
        return response
    return api()["components"]["responses"][response["$ref"].rpartition("/")[2]]
