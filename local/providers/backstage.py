"""The paths of a simulator that no provider has: its health, and what it served."""

from werkzeug.wrappers import Request, Response

from local.providers.answer import json_response
from local.providers.ledger import Ledger

PREFIX = "/_simulator/"


def backstage(request: Request, served: Ledger) -> Response | None:
    """The answer to `/_simulator/health` and `/_simulator/served`, needing no token; else None."""
    if not request.path.startswith(PREFIX):
        return None
    match request.path.removeprefix(PREFIX):
        case "health":
            return json_response({"status": "ok"})
        case "served":
            return json_response(served.as_json())
    return json_response({"error": f"Only {PREFIX}health and {PREFIX}served are here."}, 404)
