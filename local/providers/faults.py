"""Faults of a simulated provider: a WSGI app before a simulator that spoils some of its answers.

It is driven by the clock and a seed alone: the same requests at the same times meet the same
faults, in whatever order several threads send them. What belongs to a provider's own metering is
not here: samples that are late or revised, and a clock that is off, are the simulators' arguments.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zlib import crc32

from werkzeug.wrappers import Request

from local.providers import backstage, spoiling
from local.providers.occasion import ALWAYS, Occasion
from local.providers.spoiling import Struck, draw

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Kind(StrEnum):
    """What can go wrong with an answer; of several at once, the first here is what is seen."""

    SLOW = "slow"
    """It takes some seconds, and then what else befalls it."""
    OUTAGE = "outage"
    """The connection is dropped, or a load balancer says 503; the provider receives nothing."""
    UNAUTHORIZED = "unauthorized"
    """401, as after a key was rotated."""
    THROTTLED = "throttled"
    """429 in the provider's own words, though its budget is not spent."""
    ERRORS = "errors"
    """500 or 503 in the provider's own words, or a proxy's 502."""
    GARBAGE = "garbage"
    """200 with a body that is no JSON, is cut off, or has another shape."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and when it strikes; `seconds` is what a slow answer takes."""

    kind: Kind
    occasion: Occasion = ALWAYS
    seconds: float = 5.0


class Faulty:
    """A simulator with faults. `struck` counts them by kind; its own paths are spared.

    `faults` may be set to others while it runs. Occasions count from when this was made. Whether
    a fault strikes a request by chance depends on the seed, the request's path and query, and how
    often these were asked before.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        faults: Sequence[Fault],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        self.struck: Counter[Kind] = Counter()
        self.faults = faults
        self._app = app
        self._clock, self._sleep, self._seed = clock, sleep, seed
        self._started = clock()
        self._asked: Counter[int] = Counter()
        self._lock = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith(backstage.PREFIX):
            return self._app(environ, start_response)
        elapsed, number = self._clock() - self._started, self._number(request)
        striking = [
            fault
            for fault in sorted(self.faults, key=lambda fault: _ORDER.index(fault.kind))
            if fault.occasion.strikes(elapsed, draw(fault.kind, number))
        ]
        for fault in striking:
            with self._lock:
                self.struck[fault.kind] += 1
            if fault.kind is not Kind.SLOW:
                struck = Struck(self._app, request, fault.occasion.seconds_left(elapsed), number)
                return _SPOILING[fault.kind](struck)(environ, start_response)
            self._sleep(fault.seconds)
        return self._app(environ, start_response)

    def _number(self, request: Request) -> int:
        """A number for this request, the same whatever other ones come between."""
        which = crc32(request.environ["PATH_INFO"].encode() + request.query_string, self._seed)
        with self._lock:
            self._asked[which] += 1
            return which + self._asked[which]


_ORDER = tuple(Kind)
_SPOILING = {
    Kind.OUTAGE: spoiling.outage,
    Kind.UNAUTHORIZED: spoiling.unauthorized,
    Kind.THROTTLED: spoiling.throttled,
    Kind.ERRORS: spoiling.error,
    Kind.GARBAGE: spoiling.garbage,
}
