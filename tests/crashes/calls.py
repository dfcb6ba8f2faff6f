"""Calls: each request of a run to AWS or a provider passes here, where the run may be killed."""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests


class Killed(BaseException):
    """The process is no more: nothing in the product catches this."""


class Calls:
    """The calls of one run, in order of arrival, the first being number 1.

    At call `number` the run is killed, before the call takes effect or, if `after`, once it has;
    from then on no call of any of its threads takes effect. Or `meanwhile` happens, in the midst
    of the run, before the call takes effect. `made` names all calls, `effective` those that took
    effect and were not refused.
    """

    def __init__(
        self,
        number: int = 0,
        *,
        after: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        self.made: list[str] = []
        self.effective: list[str] = []
        self.killed = False
        self._number, self._after, self._meanwhile = number, after, meanwhile
        self._lock = Lock()

    def make[Answer](self, name: str, act: Callable[[], Answer]) -> Answer:
        """Makes a call, unless the run is killed by then; names say what is asked of whom."""
        with self._lock:
            self._check_alive()
            self.made.append(name)
            is_the_one = len(self.made) == self._number
        if is_the_one and self._meanwhile:
            self._meanwhile()
        elif is_the_one and not self._after:
            self._die()
        try:
            answer = act()
            self.effective.append(name)
            return answer
        finally:
            # A call that was refused has been made all the same.
            if is_the_one and self._after:
                self._die()
            self._check_alive()

    def _die(self) -> None:
        self.killed = True
        raise Killed

    def _check_alive(self) -> None:
        if self.killed:
            raise Killed


class CountedClient:
    """An AWS client as one run has it: its operations are calls, and nothing else of it can ask.

    `atomic` is held while AWS answers, for moto within a process is not atomic. `noted` is told
    what was asked with success.
    """

    def __init__(
        self,
        client: Any,
        calls: Calls,
        atomic: Lock,
        noted: Callable[[str, dict[str, Any]], None] = lambda operation, asked: None,
    ) -> None:
        self.meta, self.exceptions = client.meta, client.exceptions
        self._client, self._calls, self._atomic, self._noted = client, calls, atomic, noted

    def __getattr__(self, method: str) -> Any:
        operation = self.meta.method_to_api_mapping[method]

        def ask(**asked: Any) -> Any:
            def act() -> Any:
                with self._atomic:
                    answer = getattr(self._client, method)(**asked)
                    self._noted(operation, asked)
                    return answer

            return self._calls.make(f"{operation}{_subject(asked)}", act)

        return ask


@contextmanager
def requests_counted(
    owners: MutableMapping[str, Calls], noted: Callable[[str], None]
) -> Iterator[None]:
    """While in it, every HTTP request is a call of the run that owns its address.

    `noted` is told each address (`127.0.0.1:1234`) that a request was sent to. A request to an
    address that no run owns is a KeyError: it would have passed the harness by.
    """
    send = requests.Session.send

    def counted(
        session: requests.Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")

        def act() -> requests.Response:
            noted(str(parts.netloc))
            return send(session, request, **how)

        return owners[str(parts.netloc)].make(f"GET {parts.path!s}{_brief(parts.query)}", act)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", counted)
        yield


def _subject(asked: dict[str, Any]) -> str:
    """Which item a request to DynamoDB is about, as far as one is."""
    key = asked.get("Key") or asked.get("Item")
    if key:
        return f" {key['pk']['S']} {key['sk']['S']}"
    values = asked.get("ExpressionAttributeValues", {})
    return "".join(f" {value['S']}" for value in values.values() if "S" in value)


def _brief(query: str | bytes) -> str:
    """The part of a query that tells one request from the next."""
    told = [one for one in str(query).split("&") if one.startswith(("startTime", "timeframe"))]
    return "?" + "&".join(told) if told else ""
