"""The query function's entry point."""

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
