"""An exchange: one request on its way, and what is found out about it for log and headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from functions.query_api.payload import Request
from functions.query_api.quota import Quota
from functions.query_api.timing import Timing
from tributary.tokens import Token


@dataclass(slots=True)
class Exchange:
    """The request, and whose it is known to be: a `caller`'s token, and the `quota` it has left.

    `seconds_left` is how long Lambda gives it still, `counts` what its answer counted.
    """

    request: Request
    seconds_left: Callable[[], float]
    timing: Timing = field(default_factory=Timing)
    caller: Token | None = None
    quota: Quota | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
