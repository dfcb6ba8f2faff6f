"""The query function's entry point."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.query_api.api import Api

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answers one request of the HTTP API; event and answer are of payload version 2.0."""
    return api().handle(event, context)


@cache
def api() -> Api:
    """The API of this Lambda instance, made from the environment at its first request."""
    return Api.from_env()


# An instance that is made ahead of requests, for a snapshot or to be kept ready, is made whole.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") != "on-demand":
    api()
