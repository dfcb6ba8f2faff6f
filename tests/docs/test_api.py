"""docs/api.md is true: parameters, defaults, limits and errors are the code's."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest

from functions.query_api import plan
from functions.query_api.answer import MOST_BYTES
from functions.query_api.api import routes_over
from functions.query_api.coverage import REASONS
from functions.query_api.formats import CONTENT_TYPES
from functions.query_api.parameters import (
    COVERAGE_PARAMETERS,
    QUERY_PARAMETERS,
    RESOURCES_AT_ONCE,
    RESOURCES_PARAMETERS,
    parse_coverage_query,
    parse_query,
    parse_resources_query,
)
from functions.query_api.problems import KINDS, kind_of
from functions.query_api.quota import BURST, REQUESTS_PER_HOUR
from functions.query_api.routing import Route
from local.build import ROOT
from tests.docs import curl
from tests.docs.expected import template
from tests.docs.markdown import table, text_of
from tributary.coverage import MOST_GAPS
from tributary.tokens import SCOPES
from tributary.windows import HOUR_MS

if TYPE_CHECKING:
    from tests.stack.collected import CollectedStack

API = "docs/api.md"


@pytest.mark.parametrize("row", table(API, "code", "for example"), ids=lambda row: row[0])
def test_a_fault_is_answered_with_its_code(stack: "CollectedStack", row: list[str]) -> None:
    code, request = row[0].strip("`"), row[1]
    too_many = "/v1/query?" + "&".join(["by=kind"] * 501)

    reply = stack.get(request.strip("`") if request.startswith("`") else too_many)

    assert reply.status == 400
    assert [fault["code"] for fault in reply.json["errors"]] == [code]


def test_all_codes_of_faults_are_listed() -> None:
    assert {row[0].strip("`") for row in table(API, "code", "for example")} == set(_fault_codes())


def test_all_problems_are_listed() -> None:
    kinds = {*KINDS.values(), kind_of(Exception())}

    assert [row[:3] for row in table(API, "status", "code")] == [
        [str(status), f"`{code}`", title]
        for status, title, code in sorted(
            {(kind.status, kind.title, kind.code) for kind in kinds},
            key=lambda kind: (kind[0], kind[2]),
        )
    ]


def test_all_own_paths_are_listed_with_their_scopes() -> None:
    rows = {row[0]: row[1].strip("`") for row in table(API, "path", "scope")}
    listed = {path.strip("`"): scope for path, scope in rows.items() if "…" not in path}

    own = [part for part in _routes() if not part.path.startswith(_PROVIDERS)]
    assert listed == {route.path: ", ".join(route.scopes) or "open" for route in own}


def test_all_paths_of_the_providers_are_listed() -> None:
    listed = {row[0].strip("`") for row in table(API, "path", "answers")}
    services = {path for path in listed if "/services" in path}
    alike = {
        path.replace("services", kind).replace("serviceId", identity)
        for path in services
        for kind, identity in (("addons", "addonId"), ("jobs", "jobId"))
    }
    under_v1 = {path for path in listed | alike if path.startswith("/v1/projects")}
    teams = {path.replace("/v1/", "/v1/teams/{teamId}/", 1) for path in under_v1}

    routes = {route.path for route in _routes() if route.path.startswith(_PROVIDERS)}
    assert listed | alike | teams == routes


def test_all_scopes_are_listed() -> None:
    rows = {row[0].strip("`"): row[1] for row in table(API, "scope", "allows")}

    assert rows == SCOPES


def test_the_numbers_of_requests_are_those_of_the_stack() -> None:
    parameters = template()["Parameters"]
    per_hour, burst = (
        parameters[name]["Default"] for name in ("TokenRequestsPerHour", "TokenBurst")
    )

    assert (per_hour, burst) == (REQUESTS_PER_HOUR, BURST)
    assert f"{per_hour} in an hour of the clock and {burst} in ten seconds" in text_of(API)


def test_tokens_are_made_listed_and_revoked_as_shown(stack: "CollectedStack") -> None:
    [shown] = re.findall(r"```sh\n(make token .*?)```", text_of(API), re.DOTALL)
    make, listing, revoke = shown.strip().split("\n")

    port = str(urlsplit(stack.url).port)

    def run(command: str) -> str:
        words = [*shlex.split(command), f"PORT={port}"]
        done = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    token = run(make.replace("make ", "make -s ", 1)).strip()
    identity = token.partition(".")[0]
    headers = f"-H 'Authorization: Bearer {token}'"
    ask = f"curl -s {headers} {stack.url}/api/v2/vps?limit=1"
    assert '"hasMore":true' in curl.run(ask, stack.url, "")
    shown_again = rf"{identity} +grafana +read:metrics,read:vm +provider:hostup +2"
    assert re.search(shown_again, run(listing))
    run(re.sub(r"REVOKE=\w+", f"REVOKE={identity}", revoke))
    assert '"code":"unauthorized"' in curl.run(ask, stack.url, "")


_PROVIDERS = ("/v1/login", "/v1/projects", "/v1/teams", "/api/v2/")


def _routes() -> list[Route]:
    nothing = cast(Any, None)
    return routes_over(nothing, nothing).all


def test_all_parameters_are_listed_with_whether_they_repeat() -> None:
    listed = table(API, "parameter", "repeatable")
    known = [
        *QUERY_PARAMETERS.items(),
        *RESOURCES_PARAMETERS.items(),
        *COVERAGE_PARAMETERS.items(),
    ]

    assert [row[:2] for row in listed] == [
        [f"`{name}`", "yes" if repeatable else "no"] for name, repeatable in known
    ]


def test_the_defaults_are_those_listed() -> None:
    rows = [row[:3] for row in table(API, "parameter", "repeatable")]
    # Of names that several paths have, those of /v1/query come first and those of coverage last.
    listed = {name.strip("`"): default.strip("`") for name, _, default in reversed(rows)}
    of_coverage = {name.strip("`"): default.strip("`") for name, _, default in rows}
    now_ms = 1_795_341_600_000
    query = parse_query("metric=cpu.utilization", now_ms)
    named = parse_query(f"metric=x&start={listed['start']}&end={listed['end']}", now_ms)

    assert (query.start_ms, query.end_ms) == (named.start_ms, named.end_ms)
    assert query.start_ms == now_ms - HOUR_MS
    assert query.format == listed["format"]
    assert str(parse_resources_query("").limit) == listed["limit"]
    assert f"1 to {RESOURCES_AT_ONCE}" in text_of(API)
    start, end = of_coverage["start"], of_coverage["end"]
    coverage = parse_coverage_query("", now_ms)
    assert coverage == parse_coverage_query(f"start={start}&end={end}", now_ms)
    assert str(coverage.paging.limit) == of_coverage["limit"]


def test_all_reasons_for_gaps_are_listed() -> None:
    rows = table(API, "reason", "state")

    assert {row[0].strip("`"): row[2] for row in rows} == REASONS
    assert f"the newest {MOST_GAPS}\ngaps are kept" in text_of(API)


def test_all_formats_are_named() -> None:
    [row] = [row for row in table(API, "parameter", "repeatable") if row[0] == "`format`"]

    assert re.findall(r"`(\w+)`", row[3]) == list(CONTENT_TYPES)


def test_the_steps_chosen_are_those_described() -> None:
    text = " ".join(text_of(API).split())
    *most, last = (f"{step} s" for step in plan.DEFAULT_STEPS_S)

    assert f"smallest of {', '.join(most)} and {last} that gives at most" in text
    assert f"at most {plan.POINTS_BY_DEFAULT} points" in text


def test_the_limits_are_those_listed() -> None:
    numbers = [row[1] for row in table(API, "limit", "value")]
    timeout = template()["Resources"]["QueryApiFunction"]["Properties"]["Timeout"]

    limits = (plan.MOST_POINTS, plan.MOST_VALUES, plan.MOST_SAMPLES, MOST_BYTES, 500, timeout)
    assert numbers == [str(limit) for limit in limits]


def test_what_an_answer_took_is_said_as_in_the_example(stack: "CollectedStack") -> None:
    [shown] = re.findall("`Server-Timing: (.*)`", text_of(API))

    said = stack.get("/v1/query?metric=cpu.utilization").headers["server-timing"]

    assert re.sub(r"[\d.]+", "0", said) == re.sub(r"[\d.]+", "0", shown)


def _fault_codes() -> Iterator[str]:
    """The codes that the query function's source gives to faults; most have that of most."""
    for source in (ROOT / "functions" / "query_api").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            match node:
                case ast.Call(args=[_, _]) if _called(node) == "fault":
                    yield "invalid_value"
                case ast.Call(args=[_, _, ast.Constant(value=str(code))]):
                    if _called(node) in ("Fault", "fault"):
                        yield code
                # An error that is its parser's own.
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                    yield code


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")
