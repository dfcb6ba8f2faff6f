"""`make openapi`: writes the document that the query function answers with."""

from typing import Any, cast

from functions.query_api.api import routes_over
from local.build import ROOT
from local.openapi.document import document, rendered

FILE = ROOT / "functions" / "query_api" / "openapi.json"


def current() -> str:
    """What the file should hold."""
    # Routes are listed here, and not answered.
    nothing = cast(Any, None)
    return rendered(document(routes_over(nothing, nothing).all))


if __name__ == "__main__":
    FILE.write_text(current())
    print(f"Wrote {FILE.relative_to(ROOT)}.")
