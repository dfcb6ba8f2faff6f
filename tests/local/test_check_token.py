"""`make check-token` against the simulated providers, some of whose paths are forbidden."""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Request, Response

from local.build import ROOT
from local.check_token import main
from local.failure import Failure
from local.providers import HostupSimulator, NorthflankSimulator, serve
from tests.local.simulated_machine import KnownLoad

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = "nf-0123456789abcdef"


class Restricted:
    """A provider that forbids paths matching a pattern, as a token without permissions sees it."""

    def __init__(self, app: "WSGIApplication", forbidden: str, status: int = 403) -> None:
        self._app = app
        self._forbidden = re.compile(forbidden)
        self._status = status

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not self._forbidden.fullmatch(Request(environ).path):
            return self._app(environ, start_response)
        error = {"status": self._status, "message": f"no: {TOKEN}", "id": "forbidden"}
        response = Response(json.dumps({"error": error}), self._status)
        return response(environ, start_response)


def checked(**environment: str) -> tuple[int, list[str]]:
    """The exit status and the lines."""
    said: list[str] = []
    status = main(environment, said.append)
    assert TOKEN not in "\n".join(said)
    return status, said


def northflank() -> NorthflankSimulator:
    return NorthflankSimulator(TOKEN, load=KnownLoad())


def test_a_good_northflank_token_sees_projects_and_what_is_in_them() -> None:
    with serve(northflank()) as server:
        status, said = checked(NORTHFLANK_TOKEN=TOKEN, NORTHFLANK_BASE_URL=server.url)

    assert said == [
        "northflank: the token works and sees 2 projects with 6 services, 1 addon and 1 job."
    ]
    assert status == 0


def test_a_good_hostup_token_sees_vpses() -> None:
    with serve(HostupSimulator(TOKEN, load=KnownLoad())) as server:
        status, said = checked(HOSTUP_TOKEN=TOKEN, HOSTUP_BASE_URL=server.url)

    assert said == ["hostup: the token works and sees 4 VPSes."]
    assert status == 0


def test_both_are_checked_and_one_that_fails_decides() -> None:
    with (
        serve(northflank()) as one,
        serve(HostupSimulator("another", load=KnownLoad())) as other,
    ):
        status, said = checked(
            NORTHFLANK_TOKEN=TOKEN,
            NORTHFLANK_BASE_URL=one.url,
            HOSTUP_TOKEN=TOKEN,
            HOSTUP_BASE_URL=other.url,
        )

    assert said[0].startswith("northflank: the token works")
    assert said[1].startswith("hostup: the token does not work: GET /api/v2/vps from hostup answer")
    assert len(said) == 2
    assert status == 1


def test_a_team_is_asked_for_by_its_path() -> None:
    with serve(northflank()) as server:
        _, said = checked(
            NORTHFLANK_TOKEN=TOKEN, NORTHFLANK_TEAM="demo", NORTHFLANK_BASE_URL=server.url
        )
        _, refused = checked(
            NORTHFLANK_TOKEN=TOKEN, NORTHFLANK_TEAM="other", NORTHFLANK_BASE_URL=server.url
        )

    assert said == [
        "northflank: the token works and sees 2 projects with 6 services, 1 addon and 1 job."
    ]
    assert refused == [
        "northflank: GET /v1/teams/other/projects from northflank answered 404 not-found"
        " (There is no such team.)."
    ]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (
            "/v1/projects",
            [
                "sees 0 projects with 0 services.",
                "may not list the projects: it needs Project > Projects > Manage > Read.",
            ],
        ),
        (
            "/v1/projects/lab/services",
            [
                "sees 2 projects with 4 services, 1 addon and 1 job.",
                "may not list the services of lab: it needs Project > Services > General > Read.",
            ],
        ),
        (
            ".*/(addons|jobs)",
            [
                "sees 2 projects with 6 services.",
                "may not list the addons of shop: it needs Project > Addons > General > Read.",
                "may not list the jobs of shop: it needs Project > Jobs > General > Read.",
                "may not list the addons of lab: it needs Project > Addons > General > Read.",
                "may not list the jobs of lab: it needs Project > Jobs > General > Read.",
            ],
        ),
        (
            ".*/(shop/services|addons|jobs)/.*/metrics",
            [
                "sees 2 projects with 6 services, 1 addon and 1 job.",
                "may not read the metrics of shop/api: it needs Project > Services > Deployment >"
                " View Instance Metrics.",
                "may not read the metrics of shop/orders-db: it needs Project > Addons >"
                " Deployment > View Instance Metrics.",
                "may not read the metrics of lab/nightly-report: it needs Project > Jobs >"
                " Deployment > View Instance Metrics.",
            ],
        ),
        (
            ".*/(services|jobs)/.*/containers",
            [
                "sees 2 projects with 6 services, 1 addon and 1 job.",
                "may not list the containers of shop/api: it needs Project > Services >"
                " Deployment > View Instances.",
                "may not list the containers of lab/worker: it needs Project > Services >"
                " Deployment > View Instances.",
                "may not list the containers of lab/nightly-report: it needs Project > Jobs >"
                " Deployment > View Instance Logs.",
            ],
        ),
        (
            ".*/services/api",
            [
                "sees 2 projects with 6 services, 1 addon and 1 job.",
                "may not read the region and plan of shop/api: it needs Project > Services >"
                " General > Read.",
            ],
        ),
    ],
)
def test_what_a_northflank_token_may_not_is_said_with_the_permission(
    path: str, lines: list[str]
) -> None:
    with serve(Restricted(northflank(), path)) as server:
        status, said = checked(NORTHFLANK_TOKEN=TOKEN, NORTHFLANK_BASE_URL=server.url)

    assert said == [
        f"northflank: the token works and {lines[0]}",
        *(f"northflank: the token {line}" for line in lines[1:]),
    ]
    assert status == 1


def test_what_a_hostup_token_may_not_is_said_with_the_permission() -> None:
    simulator = HostupSimulator(TOKEN, load=KnownLoad())
    with serve(Restricted(simulator, ".*/vps")) as server:
        status, said = checked(HOSTUP_TOKEN=TOKEN, HOSTUP_BASE_URL=server.url)

    assert said == [
        "hostup: the token works and sees 0 VPSes.",
        "hostup: the token may not list the VPSes: it needs read:vm.",
    ]
    assert status == 1


def test_what_fails_otherwise_is_said_as_it_is() -> None:
    with serve(Restricted(northflank(), ".*/metrics", status=400)) as server:
        status, said = checked(NORTHFLANK_TOKEN=TOKEN, NORTHFLANK_BASE_URL=server.url)

    assert said[1].startswith("northflank: GET /v1/projects/shop/services/api/metrics from north")
    assert "400" in said[1]
    assert status == 1


def test_a_token_that_cannot_be_sent_is_not_repeated() -> None:
    said: list[str] = []

    assert main({"HOSTUP_TOKEN": "two words"}, said.append) == 1
    assert said == ["hostup: the hostup token is empty or holds blanks or other characters."]


def test_without_a_token_there_is_nothing_to_check() -> None:
    with pytest.raises(Failure, match="set NORTHFLANK_TOKEN or HOSTUP_TOKEN"):
        main({}, print)


def test_make_check_token_says_it_in_one_line() -> None:
    unset = {"NORTHFLANK_TOKEN": "", "HOSTUP_TOKEN": "", "MAKEFLAGS": ""}
    done = subprocess.run(
        ["make", "--no-print-directory", "check-token"],
        cwd=ROOT,
        env=os.environ | unset,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == (
        "No token to check: set NORTHFLANK_TOKEN or HOSTUP_TOKEN."
    )
