"""The client's promises, kept against a real HTTP server on the loopback."""

import gzip
import json
import socket
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.providers.loopback import Asked, Clock, Loopback, Recorded, in_turn, loopback
from tributary.client import USER_AGENT, VERSION, Client, Dialect
from tributary.credentials import Credentials
from tributary.errors import (
    CredentialsRefusedError,
    ForbiddenError,
    GoneError,
    MalformedAnswerError,
    OutOfBudgetError,
    OutOfTimeError,
    RateLimitedError,
    RequestRefusedError,
    SettingsError,
    TributaryError,
    UnreachableError,
    UpstreamError,
)
from tributary.provider import Json
from tributary.rate_limit import NOTHING_SAID, RateLimit

TOKEN = "nf-test-token"
DIALECT = Dialect("acme", lambda header, now: float(header), {(409, "not_ready"): UpstreamError})


def client(server: Loopback | str, clock: Clock, seconds: float = 100.0, **more: Any) -> Client:
    url = server if isinstance(server, str) else server.url
    return Client(
        url,
        more.pop("credentials", TOKEN),
        more.pop("dialect", DIALECT),
        deadline=clock.now + seconds,
        clock=clock,
        sleep=clock.sleep,
        jitter=lambda: 1.0,
        **more,
    )


def test_get_sends_token_and_user_agent_and_escapes_what_it_asks() -> None:
    with loopback(in_turn(Recorded.of({"a": 1}))) as server:
        answer = client(server, Clock()).get("/v1/x", [("m", "cpu"), ("m", "C+/=2")])
    assert answer == {"a": 1}
    assert server.asked[0].path == "/v1/x"
    assert server.asked[0].query == [("m", "cpu"), ("m", "C+/=2")]
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert server.asked[0].headers["user-agent"] == USER_AGENT
    assert server.asked[0].headers["accept"] == "application/json"


def test_user_agent_names_the_version_of_the_package() -> None:
    project = tomllib.loads(Path("layers/tributary/pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
    assert USER_AGENT.startswith(f"tributary/{VERSION} (")


def test_token_is_sent_although_a_netrc_file_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with loopback(in_turn(Recorded.of({}))) as server:
        client(server, Clock()).get("/v1/x")
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve"])
def test_token_that_no_header_holds_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Client("http://127.0.0.1:1", token, DIALECT)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefusedError),
        (401, CredentialsRefusedError),
        (403, ForbiddenError),
        (404, GoneError),
        (409, RequestRefusedError),
        (422, RequestRefusedError),
        (429, RateLimitedError),
        (500, UpstreamError),
        (503, UpstreamError),
        (204, MalformedAnswerError),
        (202, MalformedAnswerError),
    ],
)
def test_status_names_what_to_do(status: int, error: type[TributaryError]) -> None:
    body = b"" if status == 204 else b"{}"
    with (
        loopback(in_turn(Recorded(status, {}, body))) as server,
        pytest.raises(error, match=f"GET /v1/x from acme answered {status}") as caught,
    ):
        client(server, Clock()).get("/v1/x")
    assert type(caught.value) is error


def test_problem_code_decides_where_the_status_alone_would_mislead() -> None:
    problem = {"code": "not_ready", "status": 409, "detail": "Still being set up."}
    with (
        loopback(in_turn(Recorded.of(problem, 409))) as server,
        pytest.raises(UpstreamError, match=r"answered 409 not_ready \(Still being set up\.\)"),
    ):
        client(server, Clock()).get("/v1/x")


def test_error_in_an_envelope_shows_its_id_and_message() -> None:
    body = {"error": {"status": 404, "message": "No such\nservice", "id": "not-found"}}
    with (
        loopback(in_turn(Recorded.of(body, 404))) as server,
        pytest.raises(GoneError, match=r"answered 404 not-found \(No such service\)"),
    ):
        client(server, Clock()).get("/v1/x")


def test_message_never_shows_the_token_even_if_the_provider_repeats_it() -> None:
    body = {"error": {"message": f"unknown token {TOKEN}"}}
    with (
        loopback(in_turn(Recorded.of(body, 401))) as server,
        pytest.raises(CredentialsRefusedError) as caught,
    ):
        client(server, Clock()).get("/v1/x")
    assert "unknown token ***" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_message_shows_no_part_of_the_token_where_a_long_text_is_cut() -> None:
    body = {"error": {"message": "x" * 194 + TOKEN}}
    with (
        loopback(in_turn(Recorded.of(body, 401))) as server,
        pytest.raises(CredentialsRefusedError) as caught,
    ):
        client(server, Clock()).get("/v1/x")
    assert str(caught.value).endswith("(" + "x" * 194 + "***)")


def test_5xx_is_tried_again_with_growing_pauses_until_it_answers() -> None:
    clock = Clock()
    broken = Recorded(502, {}, b"<html>Bad gateway</html>")
    with loopback(in_turn(broken, broken, broken, Recorded.of([1]))) as server:
        asking = client(server, clock)
        assert asking.get("/v1/x") == [1]
    assert clock.slept == [0.5, 1.0, 2.0]
    assert asking.requests == 4


def test_5xx_is_given_up_after_four_tries() -> None:
    with loopback(in_turn(Recorded(500))) as server, pytest.raises(UpstreamError):
        client(server, Clock()).get("/v1/x")
    assert len(server.asked) == 4


def test_4xx_is_asked_once() -> None:
    with loopback(in_turn(Recorded(403))) as server, pytest.raises(ForbiddenError):
        client(server, Clock()).get("/v1/x")
    assert len(server.asked) == 1


def test_connection_refused_is_unreachable_after_four_tries() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    asking = client(f"http://127.0.0.1:{port}", Clock())
    with pytest.raises(UnreachableError, match="GET /v1/x from acme: no answer"):
        asking.get("/v1/x")
    assert asking.requests == 4


def test_body_cut_off_by_the_connection_is_tried_again() -> None:
    cut = Recorded(200, {}, b'{"a": ', length=100)
    with loopback(in_turn(cut, Recorded.of({"a": 1}))) as server:
        assert client(server, Clock()).get("/v1/x") == {"a": 1}
    assert len(server.asked) == 2


def test_429_waits_the_seconds_of_retry_after_and_a_little() -> None:
    clock = Clock()
    limited = Recorded.of({}, 429, Retry_After="7", X_RateLimit_Reset="50")
    with loopback(in_turn(limited, Recorded.of({}))) as server:
        client(server, clock).get("/v1/x")
    assert clock.slept == [7.5]


def test_429_waits_until_the_date_of_retry_after_by_the_providers_clock() -> None:
    clock = Clock()
    limited = Recorded.of(
        {},
        429,
        Date="Sun, 22 Nov 2026 10:00:00 GMT",
        Retry_After="Sun, 22 Nov 2026 10:00:12 GMT",
    )
    with loopback(in_turn(limited, Recorded.of({}))) as server:
        client(server, clock, wall_clock=lambda: 5.0).get("/v1/x")
    assert clock.slept == [12.5]


def test_429_without_retry_after_waits_for_the_reset_in_the_providers_dialect() -> None:
    clock = Clock()
    limited = Recorded.of({}, 429, X_RateLimit_Reset="20")
    with loopback(in_turn(limited, Recorded.of({}))) as server:
        client(server, clock).get("/v1/x")
    assert clock.slept == [20.5]


def test_429_without_any_header_waits_as_for_any_failure() -> None:
    clock = Clock()
    with loopback(in_turn(Recorded(429, {}, b""), Recorded.of({}))) as server:
        client(server, clock).get("/v1/x")
    assert clock.slept == [0.5]


def test_429_that_asks_to_wait_past_the_deadline_is_raised_without_sleeping() -> None:
    clock = Clock()
    limited = Recorded.of({}, 429, Retry_After="3600")
    with (
        loopback(in_turn(limited)) as server,
        pytest.raises(RateLimitedError) as caught,
    ):
        client(server, clock, seconds=200).get("/v1/x")
    assert caught.value.after_seconds == 3600
    assert (clock.slept, len(server.asked)) == ([], 1)


def test_used_up_limit_keeps_the_next_request_from_being_sent() -> None:
    clock = Clock()
    last = Recorded.of({}, X_RateLimit_Remaining="0", X_RateLimit_Reset="3000")
    with loopback(in_turn(last)) as server:
        asking = client(server, clock)
        asking.get("/v1/x")
        with pytest.raises(RateLimitedError, match="not sent: its request limit is used up"):
            asking.get("/v1/y")
    assert asking.remaining == 0
    assert len(server.asked) == 1


def test_used_up_limit_that_is_reset_in_time_is_waited_for() -> None:
    clock = Clock()
    last = Recorded.of({}, X_RateLimit_Remaining="0", X_RateLimit_Reset="30")
    with loopback(in_turn(last)) as server:
        asking = client(server, clock)
        asking.get("/v1/x")
        asking.get("/v1/y")
    assert clock.slept == [30.0]


def test_nothing_is_asked_less_than_a_second_before_the_deadline() -> None:
    with loopback(in_turn(Recorded.of({}))) as server:
        asking = client(server, Clock(), seconds=0.9)
        with pytest.raises(OutOfTimeError, match="GET /v1/x from acme not sent"):
            asking.get("/v1/x")
    assert (asking.requests, server.asked) == (0, [])


def test_failure_just_before_the_deadline_is_raised_instead_of_slept_on() -> None:
    clock = Clock()
    with loopback(in_turn(Recorded(503))) as server, pytest.raises(UpstreamError):
        client(server, clock, seconds=1.4).get("/v1/x")
    assert (clock.slept, len(server.asked)) == ([], 1)


def test_answer_that_comes_past_the_deadline_is_not_read_to_its_end() -> None:
    clock = Clock()

    def late(_: Asked) -> Recorded:
        clock.now += 200
        return Recorded.of({})

    with (
        loopback(late) as server,
        pytest.raises(UnreachableError, match="did not come to its end in time"),
    ):
        client(server, clock, seconds=100).get("/v1/x")
    assert len(server.asked) == 1


def test_redirect_to_the_same_host_is_followed() -> None:
    moved = Recorded(307, {"Location": "/v2/x?page=1"}, b"")
    with loopback(in_turn(moved, Recorded.of({"a": 1}))) as server:
        assert client(server, Clock()).get("/v1/x") == {"a": 1}
    assert (server.asked[1].path, server.asked[1].query) == ("/v2/x", [("page", "1")])


def test_redirect_to_another_host_is_refused_and_that_host_not_asked() -> None:
    with (
        loopback(in_turn(Recorded.of({}))) as other,
        loopback(in_turn(Recorded(302, {"Location": f"{other.url}/v1/x"}, b""))) as server,
        pytest.raises(RequestRefusedError, match="redirects to another host are not followed"),
    ):
        client(server, Clock()).get("/v1/x")
    assert other.asked == []


def test_redirects_in_a_circle_come_to_an_end() -> None:
    with (
        loopback(in_turn(Recorded(302, {"Location": "/v1/x"}, b""))) as server,
        pytest.raises(RequestRefusedError, match="more than 3 redirects"),
    ):
        client(server, Clock()).get("/v1/x")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>hello</html>", "is not JSON"),
        (b'{"data": {"cpu"', "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff\xfe\xfa", "is not JSON"),
        (b"9" * 5000, "is not JSON"),
        (b"[" * 33 + b"]" * 33, "is nested deeper than 32 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested deeper than 32 levels"),
    ],
)
def test_answer_that_is_no_plain_json_is_malformed(body: bytes, says: str) -> None:
    with (
        loopback(in_turn(Recorded(200, {"Content-Type": "text/html"}, body))) as server,
        pytest.raises(MalformedAnswerError, match=rf"200 with {len(body)} bytes .* that {says}"),
    ):
        client(server, Clock()).get("/v1/x")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "value", [json.loads("[" * 32 + "]" * 32), ["]]]]]" * 20, "[[[[{{{{" * 20]]
)
def test_answer_as_deep_as_allowed_or_with_brackets_in_strings_is_taken(value: Json) -> None:
    with loopback(in_turn(Recorded.of(value))) as server:
        assert client(server, Clock()).get("/v1/x") == value


def test_answer_that_unpacks_to_more_than_32_mb_is_malformed() -> None:
    body = gzip.compress(b"[" + b" " * (33 * 2**20) + b"]")
    headers: Mapping[str, str] = {"Content-Encoding": "gzip"}
    with (
        loopback(in_turn(Recorded(200, headers, body))) as server,
        pytest.raises(MalformedAnswerError, match="more than 33554432 bytes"),
    ):
        client(server, Clock()).get("/v1/x")


def test_answer_that_does_not_unpack_is_malformed() -> None:
    with (
        loopback(in_turn(Recorded(200, {"Content-Encoding": "gzip"}, b"no gzip"))) as server,
        pytest.raises(MalformedAnswerError, match="can't be decompressed"),
    ):
        client(server, Clock()).get("/v1/x")


def test_clock_offset_follows_the_providers_date_header() -> None:
    dated = Recorded.of({}, Date="Sun, 22 Nov 2026 10:00:00 GMT")
    with loopback(in_turn(dated, Recorded.of({}, Date="yesterday"))) as server:
        asking = client(server, Clock(), wall_clock=lambda: 1795341590.5)
        assert asking.clock_offset_ms == 0
        asking.get("/v1/x")
        asking.get("/v1/y")
    assert asking.clock_offset_ms == 9500


def test_cookies_are_not_sent_back() -> None:
    with loopback(in_turn(Recorded.of({}, Set_Cookie="session=1; Path=/"))) as server:
        asking = client(server, Clock())
        asking.get("/v1/x")
        asking.get("/v1/x")
    assert "cookie" not in server.asked[1].headers


def test_a_refused_token_is_renewed_and_the_request_sent_once_more() -> None:
    with loopback(only("new")) as server:
        credentials = Credentials("old", lambda: "new")
        asking = client(server, Clock(), credentials=credentials)
        assert asking.get("/v1/x", [("m", "cpu")]) == {"a": 1}
        assert asking.get("/v1/y") == {"a": 1}
    assert [one.headers["authorization"] for one in server.asked] == [
        "Bearer old",
        "Bearer new",
        "Bearer new",
    ]
    assert server.asked[1].query == [("m", "cpu")]
    assert credentials.accepted


def test_a_refused_token_that_the_secret_still_holds_is_sent_once() -> None:
    with loopback(only("new")) as server, pytest.raises(CredentialsRefusedError):
        client(server, Clock(), credentials=Credentials("old", lambda: "old")).get("/v1/x")
    assert len(server.asked) == 1


def test_a_renewed_token_that_is_refused_too_is_the_end() -> None:
    tokens = iter(["second", "third"])
    credentials = Credentials("first", lambda: next(tokens))
    with loopback(only("fourth")) as server, pytest.raises(CredentialsRefusedError):
        client(server, Clock(), credentials=credentials).get("/v1/x")
    assert [one.headers["authorization"] for one in server.asked] == [
        "Bearer first",
        "Bearer second",
    ]


def test_a_secret_that_cannot_be_read_again_is_told_with_the_refusal() -> None:
    def unreadable() -> str:
        raise SettingsError("the provider's secret is not JSON")

    with (
        loopback(only("new")) as server,
        pytest.raises(
            CredentialsRefusedError, match=r"answered 401; the provider's secret is not JSON"
        ),
    ):
        client(server, Clock(), credentials=Credentials("old", unreadable)).get("/v1/x")


def test_a_renewed_token_that_no_header_holds_is_refused_without_being_quoted() -> None:
    with (
        loopback(only("new")) as server,
        pytest.raises(SettingsError, match="the acme token is empty or holds blanks") as caught,
    ):
        client(server, Clock(), credentials=Credentials("old", lambda: "two words")).get("/v1/x")
    assert "two words" not in str(caught.value)


def test_all_threads_go_on_with_the_renewed_token() -> None:
    read: list[str] = []

    def read_anew() -> str:
        read.append("new")
        return "new"

    with loopback(only("new")) as server, ThreadPoolExecutor(4) as pool:
        asking = client(server, Clock(), credentials=Credentials("old", read_anew))
        answers = list(pool.map(lambda number: asking.get(f"/v1/{number}"), range(12)))
    assert answers == [{"a": 1}] * 12
    assert read == ["new"]


def only(token: str) -> Callable[[Asked], Recorded]:
    """Answers to one token, and refuses all others."""

    def answer(asked: Asked) -> Recorded:
        allowed = asked.headers["authorization"] == f"Bearer {token}"
        return Recorded.of({"a": 1}) if allowed else Recorded(401, {}, b"")

    return answer


class Turnstile:
    """Turns that are counted, and noted with what their answers said."""

    def __init__(self, turns: int) -> None:
        self.left = turns
        self.noted: list[tuple[int, RateLimit]] = []

    def take(self, asked: str, seconds_left: float) -> int:
        if not self.left:
            raise OutOfBudgetError(f"{asked} not sent: no turns left of {seconds_left:.0f} s")
        self.left -= 1
        return self.left

    def heard(self, sent: int, said: RateLimit) -> None:
        self.noted.append((sent, said))


def test_every_try_and_every_redirect_takes_a_turn_and_has_its_answer_heard() -> None:
    turns = Turnstile(4)
    answers = in_turn(
        Recorded(302, {"Location": "/v1/y"}, b""),
        Recorded.of({}, 500, X_RateLimit_Limit="1000", X_RateLimit_Remaining="998"),
        Recorded.of({}, 429, Retry_After="3"),
        Recorded.of({"a": 1}, X_RateLimit_Limit="nonsense", X_RateLimit_Reset="9"),
    )
    with loopback(answers) as server:
        asking = client(server, Clock(), allowance=turns)
        assert asking.get("/v1/x") == {"a": 1}
        with pytest.raises(OutOfBudgetError, match="GET /v1/z from acme not sent"):
            asking.get("/v1/z")
    assert turns.noted == [
        (3, NOTHING_SAID),
        (2, RateLimit(1000, 998)),
        (1, RateLimit(refused=True, wait_seconds=3.0)),
        (0, RateLimit(reset_seconds=9.0, wait_seconds=9.0)),
    ]
    assert asking.requests == 4


def test_a_request_without_an_answer_is_heard_as_well() -> None:
    turns = Turnstile(4)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(UnreachableError):
        client(f"http://127.0.0.1:{port}", Clock(), allowance=turns).get("/v1/x")
    assert turns.noted == [(turn, NOTHING_SAID) for turn in (3, 2, 1, 0)]


def test_pages_follow_cursors_until_there_is_none() -> None:
    def page(asked: Asked) -> Recorded:
        following = {"": "C+/=2", "C+/=2": "C3"}.get(dict(asked.query).get("cursor", ""))
        return Recorded.of({"next": following})

    with loopback(page) as server:
        pages = list(client(server, Clock()).pages("/v1/x", [("n", "1")], _next))
    assert [p["next"] for p in pages] == ["C+/=2", "C3", None]
    assert server.asked[1].query == [("n", "1"), ("cursor", "C+/=2")]


def test_pages_with_a_repeated_cursor_are_malformed_instead_of_endless() -> None:
    with loopback(in_turn(Recorded.of({"next": "a"}))) as server:
        pages = client(server, Clock()).pages("/v1/x", (), _next)
        with pytest.raises(MalformedAnswerError, match="repeats a cursor"):
            list(pages)
    assert len(server.asked) == 2


def _next(page: Mapping[str, Json]) -> str | None:
    cursor = page.get("next")
    return cursor if isinstance(cursor, str) else None


def test_halves_of_characters_are_malformed_and_whole_ones_are_read() -> None:
    half, whole = Recorded(body=b'{"id": "\\ud800"}'), Recorded(body=b'"\\ud83d\\ude00"')
    with loopback(in_turn(half, whole)) as server:
        asking = client(server, Clock())
        with pytest.raises(MalformedAnswerError, match="holds half of a character"):
            asking.get("/v1/x")
        assert asking.get("/v1/x") == "\N{GRINNING FACE}"


def test_an_answer_that_trickles_ends_with_the_deadline() -> None:
    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += 1.0
            return self.now

    with trickling(pieces=2000) as (url, sent), pytest.raises(UnreachableError):
        client(url, Ticking(), seconds=20.0).get("/v1/x")
    assert len(sent) < 200


@contextmanager
def trickling(pieces: int) -> Iterator[tuple[str, list[bytes]]]:
    """A server whose every answer comes byte by byte, and the bytes that it has sent."""
    sent: list[bytes] = []

    class Trickle(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(pieces))
            self.end_headers()
            with suppress(OSError):  # the client has had enough
                for _ in range(pieces):
                    self.wfile.write(b" ")
                    sent.append(b" ")
                    time.sleep(0.005)  # what makes it a trickle

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Trickle) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
