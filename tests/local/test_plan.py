"""`make plan`: the arithmetic, what tokens see, and everything that is wrong with them."""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from local import prices
from local.bill import Bill
from local.failure import Failure
from local.fleet_size import SERVICE, VPS, Kind, Part, together
from local.parameters import Parameters
from local.plan import main
from local.providers import HostupSimulator, NorthflankSimulator, serve
from tests.docs.markdown import table
from tests.local.simulated_machine import KnownLoad
from tests.local.test_check_token import Restricted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN = "nf-0123456789abcdef"
# Everything before tomorrow is history, which simulators make up.
MADE_UP = KnownLoad(live_from=int(time.time()) + 86_400)
PARAMETERS = Parameters.of_template()
DEFAULTS = {
    name: Parameters.of_template().default(name) for name in Parameters.of_template().entries
}


class InFurlongs:
    """A Northflank whose traffic comes in a unit that nobody has heard of."""

    def __init__(self) -> None:
        self._simulator = NorthflankSimulator(TOKEN, load=MADE_UP)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        body, status, headers = run_wsgi_app(self._simulator, environ)
        told = b"".join(body).replace(b'"kbps"', b'"furlongs"')
        response = Response(told, status, [one for one in headers if one[0] != "Content-Length"])
        return response(environ, start_response)


def planned(*arguments: str, **environment: str) -> tuple[int, list[str]]:
    """The exit status and the lines."""
    said: list[str] = []
    status = main(arguments, environment, said.append)
    assert TOKEN not in "\n".join(said)
    return status, said


def line(said: list[str], what: str) -> str:
    [found] = [one for one in said if one.strip().startswith(what)]
    return re.sub(r"\s+", " ", found.strip())


def test_a_fleet_that_is_said_is_planned_line_by_line_and_added_up() -> None:
    status, said = planned("--resources=20", "--containers=30", "--vpses=10")

    assert status == 0
    assert said[0] == "northflank: 20 service(s), 280 series, 100,800 samples an hour"
    assert line(said, "northflank, requests") == (
        "northflank, requests 20 resources × 12 runs = 240 an hour; 1,000 × 80 % = 800 an hour"
    )
    assert line(said, "CloudWatch metrics") == (
        "CloudWatch metrics 20 × 4 + 10 × 2 = 100 × $0.30 = $30.00"
    )
    assert line(said, "the stack's own").endswith("2 × 8 + 8 = 24 × $0.30 = $7.20")
    assert line(said, "secrets") == "secrets 3 × $0.40 = $1.20"
    costs = [
        float(one.rpartition("= $")[2]) for one in said[2:-2] if re.search(r"= \$[\d.]+$", one)
    ]
    [total] = re.findall(r"^Together \$([\d.]+) a month", said[-2])
    assert float(total) == pytest.approx(sum(costs), abs=0.01)
    assert prices.AS_OF in said[-2]


def test_a_request_budget_that_is_too_small_stretches_the_interval() -> None:
    _, said = planned("--resources=700")

    assert line(said, "northflank, interval") == (
        "northflank, interval each resource every 58 min, stretched by the request budget"
    )


@pytest.mark.parametrize(("vpses", "minutes"), [(170, 5), (340, 10)])
def test_a_budget_by_the_minute_starts_afresh_while_a_run_goes_on(vpses: int, minutes: int) -> None:
    _, said = planned(f"--vpses={vpses}")

    assert f"each resource every {minutes} min" in line(said, "hostup, interval")


@pytest.mark.parametrize(
    ("parameter", "what", "cost"),
    [
        ("PublishedMetrics=", "CloudWatch metrics", "0 = 0 × $0.30 = $0.00"),
        ("SelfMetricsDisabled=true", "the stack's own", "SelfMetricsDisabled = $0.00"),
        ("AlarmTopic=arn:aws:sns:eu-north-1:123456789012:a", "alarms", "31 × $0.10 = $3.10"),
        ("ColdStart=provisioned", "cold start", "1 GB × 2,628,000 s × $0.0000033334 = $8.76"),
        ("NorthflankEveryMinutes=15", "northflank, requests", "20 resources × 4 runs = 80 an hour"),
    ],
)
def test_a_parameter_changes_its_line(parameter: str, what: str, cost: str) -> None:
    _, said = planned("--resources=20", parameter)

    assert cost in line(said, what)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say what to plan for: NORTHFLANK_TOKEN or HOSTUP_TOKEN"),
        (("--resources=some",), "RESOURCES=some is no number from 0 to 1,000,000."),
        (("--resources=1", "RawRetentionDays=0"), "RawRetentionDays is '0', not a number from 1"),
        (("--resources=1", "Retention=7"), "Retention is no parameter: there are"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_what_to_say(
    arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(Failure, match=re.escape(said)):
        planned(*arguments)


def test_tokens_resources_are_counted_by_kind_with_their_containers() -> None:
    with (
        serve(NorthflankSimulator(TOKEN, load=MADE_UP)) as one,
        serve(HostupSimulator(TOKEN, load=MADE_UP)) as other,
    ):
        status, said = planned(
            NORTHFLANK_TOKEN=TOKEN,
            NORTHFLANK_BASE_URL=one.url,
            HOSTUP_TOKEN=TOKEN,
            HOSTUP_BASE_URL=other.url,
        )

    assert status == 0
    kinds = [re.sub(r"\(s\).*", "", one) for one in said if re.match(r"\w+: \d+ \w+\(s\)", one)]
    assert kinds == [
        "northflank: 6 service",
        "northflank: 1 addon",
        "northflank: 1 job",
        "hostup: 4 VPS",
    ]
    assert line(said, "hostup: 4 VPS").startswith("hostup: 4 VPS(s), 1 of them idle, 18 series")


def test_all_problems_are_listed_and_the_rest_is_planned_all_the_same() -> None:
    with (
        serve(Restricted(InFurlongs(), ".*/lab/services/[^/]+/metrics")) as one,
        serve(HostupSimulator("another", load=MADE_UP)) as other,
    ):
        status, said = planned(
            NORTHFLANK_TOKEN=TOKEN,
            NORTHFLANK_BASE_URL=one.url,
            HOSTUP_TOKEN=TOKEN,
            HOSTUP_BASE_URL=other.url,
        )

    problems = [one for one in said if one.startswith("!! ")]
    assert status == 1
    assert any("networkIngress comes in 'furlongs', which is no unit" in one for one in problems)
    assert any("the token may not read the metrics of lab/worker" in one for one in problems)
    assert any(one.startswith("!! hostup: the token does not work") for one in problems)
    assert line(said, "CloudWatch metrics")


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (Kind("northflank", "service", 10, 0, frozenset(), 10_000), 1),
        (Kind("hostup", "VPS", 6, 0, frozenset(), 60_000), 2),
    ],
)
def test_write_units_are_about_those_that_were_measured(kind: Kind, column: int) -> None:
    rows = table("docs/performance.md", "kind", "10 metrics at 10 s, every 5 min")
    [measured] = [float(row[column]) for row in rows if row[0] == "all, a resource and hour"]

    assert 0.9 < Part(kind, 1).write_units_an_hour(12) / measured < 1.7


def test_the_state_of_a_year_is_held_by_the_retention_of_each_tier() -> None:
    part = Part(SERVICE, 1)
    day, bill = part.bytes_a_day(), Bill([part], DEFAULTS)

    [month] = [str(one) for one in bill.lines() if one.what == "stored after a month"]
    assert f"{day['r'] * 7 / 1e6:,.1f} raw chunks + {day['h'] * 30 / 1e6:,.1f} hour chunks" in month


def test_figures_of_kinds_are_added_by_tier() -> None:
    both = together([Part(SERVICE, 1).items_a_day(), Part(VPS, 2).items_a_day()])

    # A VPS's samples are a minute apart, and so in no raw chunk.
    assert (both["r"], both["h"], both["5"]) == (288, 72, 72)
