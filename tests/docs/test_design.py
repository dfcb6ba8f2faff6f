"""docs/design.md is true: metrics, keys, settings and retention are the code's."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.build import ROOT
from tests.docs.expected import (
    metric_rows,
    parameter_rows,
    spelling_rows,
    template,
    variables_without_parameter,
)
from tests.docs.markdown import table
from tributary.errors import TributaryError
from tributary.report import Report
from tributary.retention import Retention
from tributary.self_metrics import emit
from tributary.windows import DAY_MS, Tier

if TYPE_CHECKING:
    from tests.stack.collected import CollectedStack

DESIGN = "docs/design.md"


def test_the_metrics_are_the_catalogues() -> None:
    assert _rows(table(DESIGN, "metric", "unit")) == _rows(metric_rows())
    assert _rows(table(DESIGN, "metric", "Prometheus")) == _rows(spelling_rows())


def test_the_settings_are_the_templates() -> None:
    assert _rows(table(DESIGN, "parameter", "default")) == _rows(parameter_rows())
    assert {row[0].strip("`"): row[1] for row in table(DESIGN, "variable", "of")} == (
        variables_without_parameter()
    )


def test_the_retention_is_the_templates() -> None:
    parameters = template()["Parameters"]
    kept = Retention.from_env().by_tier

    rows = [[cell.strip("`") for cell in row] for row in table(DESIGN, "tier", "days by default")]
    assert [row[0] for row in rows] == [tier.value for tier in Tier]
    for tier, days, parameter in rows:
        assert str(parameters[parameter]["Default"]) == days
        assert kept[Tier(tier)] == int(days) * DAY_MS


def test_every_item_of_a_collected_table_is_of_one_kind_listed(stack: "CollectedStack") -> None:
    kinds = {row[0]: (_pattern(row[1]), _pattern(row[2])) for row in table(DESIGN, "item", "pk")}
    found: set[str] = set()
    for item in _items(stack):
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        fitting = [k for k, (p, s) in kinds.items() if p.fullmatch(pk) and s.fullmatch(sk)]
        assert len(fitting) == 1, f"{pk} {sk} is {fitting}"
        assert item.keys() - {"ttl"} == {"pk", "sk", "e", "d"}
        assert ("ttl" in item) == fitting[0].endswith("chunk")
        found.update(fitting)

    # No simulated host has samples of over an hour, or enough of them to be parted.
    assert found == kinds.keys() - {"month chunk", "part"}


def test_the_collectors_own_metrics_are_those_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tributary/Self")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "hostup_collector")
    report = Report("hostup", "main")
    report.failed(TributaryError("asked and not answered"), "vps")

    emit(report)

    embedded = [
        document["_aws"]["CloudWatchMetrics"][0]
        for line in capsys.readouterr().out.splitlines()
        if "_aws" in (document := json.loads(line))
    ]
    assert [
        [sorted(each["Dimensions"][0]), [metric["Name"] for metric in each["Metrics"]]]
        for each in embedded
    ] == [
        [sorted(row[1].split(", ")), re.findall(r"`(\w+)`", row[2])]
        for row in table(DESIGN, "function", "dimensions")
        if row[0].startswith("collectors")
    ]


def test_the_querys_own_metrics_are_those_listed() -> None:
    source = (ROOT / "functions" / "query_api" / "observation.py").read_text()
    [row] = [row for row in table(DESIGN, "function", "dimensions") if row[0] == "query"]

    assert re.findall(r"`(\w+)`", row[2]) == re.findall(r'add_metric\("(\w+)"', source)


def _rows(rows: list[list[str]]) -> str:
    """Rows as the page has them, so that a failure shows what to paste."""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows).replace("|  |", "| |")


def _pattern(cell: str) -> re.Pattern[str]:
    """Keys as a table writes them: `acc#<account>`."""
    placeholders = {
        "<resource>": r"(?:northflank|hostup)/\w+/.+",
        "<account>": r"(?:northflank|hostup)/\w+",
        "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\dZ",
        "<shard>": r"\d+",
        "<tier>": "[rhdm]",
        "<digit>": "[0-9a-f]",
    }
    parts = re.split(r"(<\w+>)", cell.strip("`"))
    return re.compile("".join(placeholders.get(part) or re.escape(part) for part in parts))


def _items(stack: "CollectedStack") -> Iterator[Any]:
    client = boto3.client("dynamodb", endpoint_url=stack.aws.endpoint)
    for page in client.get_paginator("scan").paginate(TableName=stack.aws.table):
        yield from page["Items"]
