"""The compactor's Lambda handler."""

from functools import cache
from typing import TYPE_CHECKING, Any

from tributary.compactor import Compactor

if TYPE_CHECKING:
    from tributary.collector import LambdaContext


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Compacts every hour that is due, whatever the event says; returns counts."""
    return _compactor().handle(event, context)


@cache
def _compactor() -> Compactor:
    """Built at the first event and kept for those that the same Lambda instance gets after it."""
    return Compactor.from_env()
