"""The live table of a local run: every host's newest values and their last minutes."""

import json
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rich.table import Table

from local.template import JSON

# What a host is shown by, as many as there is room for.
METRICS = (
    "cpu.utilization",
    "cpu.usage",
    "memory.utilization",
    "memory.usage",
    "network.receive",
    "http.requests",
)
# Whose host is this, and what is it called there?
_BY = "provider,project,name,resource"
_MINUTES = 20
_ASK_SECONDS = 10.0
# Collected every five minutes and a minute late, a live host's newest value is younger than this.
_CURRENT_MINUTES = 10
_LINES_AROUND = 7
_BARS = "▁▂▃▄▅▆▇█"
_PREFIXES = ("", "k", "M", "G", "T")
_COUNTED = {
    "{cpu}": "CPUs",
    "{request}/s": "req/s",
}


@dataclass(frozen=True)
class Row:
    """One metric of one host: a value a minute, oldest first; `host` as people call it."""

    provider: str
    host: str
    metric: str
    unit: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Hosts:
    """The last 20 minutes of every host, and a line on each provider's state."""

    rows: Sequence[Row]
    states: Sequence[str]


def ask(url: str, token: str) -> Hosts:
    """The hosts, asked of the API itself.

    Raises OSError if it does not answer, or not with 200.
    """
    query = urlencode(
        [
            *(("metric", name) for name in METRICS),
            ("by", _BY),
            ("start", f"-{_MINUTES}m"),
            ("step", "60"),
        ]
    )
    request = urllib.request.Request(
        f"{url}/v1/query?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as response:  # nosec B310 # our own
        answer: JSON = json.load(response)
    rows = [
        Row(
            each["attributes"]["provider"],
            host(each["attributes"]),
            each["metric"],
            each["unit"],
            each["values"],
        )
        for each in answer["series"]
    ]
    return Hosts(rows, [state(name, status) for name, status in answer["status"].items()])


def table(hosts: Hosts, height: int) -> Table:
    """The hosts as a table with a caption, on a terminal of so many lines."""
    # Without a frame all of it fits 80 columns.
    shown = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("provider", "host", "metric", "now"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column(
        f"last {_MINUTES} minutes", no_wrap=True, min_width=_MINUTES + 1
    )  # never the newest cut off
    before: tuple[str, str] | None = None
    for row in fitting(hosts.rows, height - _LINES_AROUND - len(hosts.states)):
        whose = (row.provider, row.host)
        names = ("", "") if whose == before else whose
        shown.add_row(*names, row.metric, now(row), sparks(row.values))
        before = whose
    shown.caption = "\n".join(hosts.states)
    return shown


def unanswered(error: OSError) -> Table:
    """What stands in the table's place while the API does not answer."""
    return Table(caption=f"the API did not answer: {error}")


def host(attributes: Mapping[str, str]) -> str:
    """What people call a host: its name, within its project if it has one."""
    project = f"{attributes['project']}/" if "project" in attributes else ""
    return project + attributes["name"]


def state(provider: str, status: JSON) -> str:
    """A provider's part of an answer's status in words."""
    newest = status["newestSample"]
    failing = status["resourcesFailing"]
    return (
        f"{provider}: {status['resourcesMatched']} hosts, {failing or 'none'} failing,"
        f" newest sample {f'{newest[11:19]}Z' if newest else 'none yet'}"
    )


def fitting(rows: Sequence[Row], lines: int) -> list[Row]:
    """The rows by host, of each host as many metrics as there is room for, and at least one."""
    hosts: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.provider, row.host, METRICS.index(row.metric))):
        hosts.setdefault((row.provider, row.host), []).append(row)
    most = next(
        (most for most in range(len(METRICS), 1, -1) if _height(hosts.values(), most) <= lines),
        1,
    )
    return [row for host_rows in hosts.values() for row in host_rows[:most]]


def now(row: Row) -> str:
    """The newest value there is, in words for people; a dash if it is no longer true."""
    current = row.values[-_CURRENT_MINUTES:]
    value = next((value for value in reversed(current) if value is not None), None)
    if value is None:
        return "–"
    if row.unit == "1":
        return f"{value:.1%}"
    if row.unit in ("By", "By/s"):
        return _prefixed(value) + row.unit.replace("By", "B")
    return f"{value:,.2f} {_COUNTED.get(row.unit, row.unit)}"


def sparks(values: Sequence[float | None]) -> str:
    """A bar for each value between the least and the greatest; a blank where there is none."""
    present = [value for value in values if value is not None]
    if not present:
        return ""
    least, span = min(present), max(present) - min(present)
    return "".join(
        " " if value is None else _BARS[_bar((value - least) / span if span else 0.0)]
        for value in values
    )


def _height(hosts: Iterable[Sequence[Row]], most: int) -> int:
    return sum(min(most, len(rows)) for rows in hosts)


def _prefixed(value: float) -> str:
    """A number of three or four digits with its decimal prefix."""
    for prefix in _PREFIXES[:-1]:
        if value < 999.5:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:,.1f} {_PREFIXES[-1]}"


def _bar(share: float) -> int:
    return min(int(share * len(_BARS)), len(_BARS) - 1)
