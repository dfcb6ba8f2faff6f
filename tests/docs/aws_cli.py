"""The aws command line, as far as pages use it: by the same models, against moto."""

import json
import re
import shlex
from typing import Any

import boto3
from botocore import xform_name


def run(command: str) -> Any:
    """What `aws <service> <operation> --option value …` answers.

    AssertionError for an operation or an option that there is not; botocore's own error where one
    is missing, or of another type.
    """
    _, service, operation, *given = shlex.split(command)
    client = boto3.client(service)  # type: ignore[call-overload]
    method = operation.replace("-", "_")
    assert method in client.meta.method_to_api_mapping, f"{service} has no {operation}"
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {f"--{xform_name(name, '-')}": name for name in model.input_shape.members}
    arguments = {}
    for option, value in _options(given):
        named = option.replace("--no-", "--") if value is False else option
        assert named in members, f"{service} {operation} has no {option}"
        shape = model.input_shape.members[members[named]]
        arguments[members[named]] = _typed(value, shape.type_name)
    return getattr(client, method)(**arguments)


def _options(given: list[str]) -> list[tuple[str, str | bool]]:
    """Each option with its value; without one it is a switch."""
    found: list[tuple[str, str | bool]] = []
    for word in given:
        if word.startswith("--"):
            found.append((word, not word.startswith("--no-")))
        else:
            found[-1] = (found[-1][0], word)
    return found


def _typed(value: str | bool, kind: str) -> Any:
    if kind == "structure" and isinstance(value, str):
        return json.loads(value) if value.startswith("{") else _shorthand(value)
    return value


def _shorthand(text: str) -> dict[str, Any]:
    """`Enabled=true,AttributeName=ttl`."""
    pairs = (one.partition("=") for one in re.split(r",(?=\w+=)", text))
    return {name: {"true": True, "false": False}.get(value, value) for name, _, value in pairs}
