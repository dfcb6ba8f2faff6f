"""The local stack after both providers have been collected twice, with ways to ask it."""

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.client import HTTPResponse
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from local import emulator
from local.aws import CreatedStack
from local.front import reserve
from local.inputs import HOSTUP, NORTHFLANK, Inputs
from local.scheduler import Run
from local.settings import Runtime, Settings
from local.stack import RunningStack, running_stack
from local.template import Template
from tests.openapi import check
from tributary.tokens import ADMIN

FUNCTIONS = {"northflank": NORTHFLANK, "hostup": HOSTUP}
DELAY_MS = 60_000
_ASK_SECONDS = 30.0
_COLLECT_SECONDS = 240.0


@dataclass(frozen=True)
class Reply:
    """An answer of the API as it came over the wire, header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """One series that a simulator handed out: `samples` by time in ms, in the provider's unit."""

    resource: str
    container: str | None
    volume: str | None
    metric: str
    unit: str
    resolution_seconds: int
    samples: Mapping[int, float]

    @property
    def instance(self) -> str:
        """As Tributary names it."""
        return "/".join(filter(None, (self.container, self.volume))) or "-"


@dataclass(frozen=True)
class CollectedStack:
    """A running stack and the collections that were waited for, oldest first."""

    running: RunningStack
    runs: tuple[Run, ...]

    @property
    def url(self) -> str:
        """The API's address, before /v1/query."""
        return self.running.url

    @cached_property
    def token(self) -> str:
        """A bearer token that may ask everything, as often as it likes."""
        return self.aws.token("the tests", [ADMIN])

    @property
    def inputs(self) -> Inputs:
        """What the collectors are given."""
        return self.running.inputs

    @property
    def aws(self) -> CreatedStack:
        """What the template became on moto."""
        return self.running.aws

    @property
    def template(self) -> Template:
        """The template that everything was made of."""
        return self.running.template

    @property
    def settled_ms(self) -> int:
        """Until when both providers have been collected."""
        newest = {run.function: run.scheduled_time for run in self.runs}
        return int(min(newest.values()).timestamp()) * 1000 - DELAY_MS

    def get(self, path: str, **headers: str) -> Reply:
        """The API's answer to a GET with the token, which is as its document says; underscores in
        header names are hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {self.token}", **given}
        )
        reply = _asked(request)
        if "content-encoding" not in reply.headers:
            named, _, query = path.partition("?")
            check(named, query, reply.status, reply.headers, reply.body.decode())
        return reply

    def json(self, path: str) -> Any:
        """The body of a 200, parsed."""
        reply = self.get(path)
        assert reply.status == 200, reply.body.decode()
        return reply.json

    def served(self, provider: str) -> list[Served]:
        """The ledger of a simulated provider, `northflank` or `hostup`."""
        url = self.inputs.provider_urls[FUNCTIONS[provider]]
        with urllib.request.urlopen(f"{url}/_simulator/served", timeout=_ASK_SECONDS) as response:
            ledger = json.load(response)
        return [
            Served(
                each["resource"],
                each["container"],
                each["volume"],
                each["metric"],
                each["unit"],
                each["resolutionSeconds"],
                dict(each["samples"]),
            )
            for each in ledger["series"]
        ]


@contextmanager
def collected_stack(
    runtime: Runtime | None = None, collections: int = 2
) -> Iterator[CollectedStack]:
    """Starts the stack, waits for so many collections of each provider, and ends it on leaving.

    `runtime` is by default the one `make run` takes. Fails if a collection does, or if they take
    longer than four minutes.
    """
    chosen: Runtime = runtime or ("emulator" if emulator.runs_here() else "process")
    ran: SimpleQueue[Run] = SimpleQueue()
    settings = Settings(port=0, runtime=chosen)
    with (
        TemporaryDirectory() as logs,
        running_stack(settings, reserve(0), _say_nothing, ran.put, Path(logs)) as running,
    ):
        functions = running.inputs.collectors
        yield CollectedStack(running, tuple(_awaited(ran, functions, collections, Path(logs))))


def rfc3339(time_ms: int) -> str:
    """A time in whole seconds as the API takes it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _asked(request: urllib.request.Request) -> Reply:
    try:
        with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as response:
            return Reply(response.status, _headers(response), response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, _headers(refusal), refusal.read())


def _headers(response: HTTPResponse | urllib.error.HTTPError) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _awaited(
    ran: SimpleQueue[Run], functions: frozenset[str], collections: int, logs: Path
) -> Iterator[Run]:
    ended: Counter[str] = Counter()
    deadline = monotonic() + _COLLECT_SECONDS
    while any(ended[function] < collections for function in functions):
        try:
            run = ran.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            raise AssertionError(f"collections after {_COLLECT_SECONDS:.0f} s: {ended}") from None
        log = (logs / f"{run.function}.log").read_text()
        assert run.error is None, f"{run.error}\n{log}"
        assert run.answer["errors"] == 0, f"{run.answer}\n{log}"
        ended[run.function] += 1
        yield run


def _say_nothing(step: str) -> None:
    """Progress is for people."""
