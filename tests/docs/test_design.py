"""docs/design.md is true: metrics, keys, settings and retention are the code's."""

import json
import re
import time
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
from tributary.compaction import Compaction
from tributary.errors import TributaryError
from tributary.report import Report
from tributary.retention import SETTINGS, Retention
from tributary.self_metrics import emit
from tributary.table import Table
from tributary.windows import DAY_MS, SECOND_MS, RollupTier, Tier

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
    kept = {tier.value: length_ms for tier, length_ms in Retention.from_env().by_tier.items()}
    told = {
        tier.value: setting.parameter for setting in SETTINGS.values() for tier in setting.tiers
    }

    rows = [[cell.strip("`") for cell in row] for row in table(DESIGN, "tier", "days by default")]
    assert [row[0] for row in rows] == [tier.value for tier in (*Tier, *RollupTier)]
    for tier, days, parameter in rows:
        assert str(parameters[parameter]["Default"]) == days
        assert kept[tier] == int(days) * DAY_MS
        assert told[tier] == parameter


def test_the_retention_is_told_by_the_variables_that_the_settings_list() -> None:
    rows = {row[0].strip("`"): row[2].strip("`") for row in table(DESIGN, "parameter", "default")}

    assert {setting.parameter: setting.variable for setting in SETTINGS.values()} == {
        parameter: variable
        for parameter, variable in rows.items()
        if variable.endswith("_RETENTION_DAYS")
    }


def test_every_item_of_a_collected_table_is_of_one_kind_listed(
    stack: "CollectedStack", compacted: str
) -> None:
    stack.get("/v1/metrics")
    rows = table(DESIGN, "item", "pk")
    kinds = {row[0]: (_pattern(row[1]), _pattern(row[2])) for row in rows}
    of_resources = {row[0] for row in rows if row[1] == "`<resource>`"}
    found: set[str] = set()
    for name in (stack.aws.table, compacted):
        for item in _items(stack, name):
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            fitting = [k for k, (p, s) in kinds.items() if p.fullmatch(pk) and s.fullmatch(sk)]
            assert len(fitting) == 1, f"{pk} {sk} is {fitting}"
            counted = fitting == ["token use"]
            assert counted or item.keys() - {"ttl"} == {"pk", "sk", "e", "d"}
            assert ("ttl" in item) == (counted or fitting[0] in of_resources)
            found.update(fitting)

    # No simulated host has enough samples for a chunk to be parted.
    assert found == kinds.keys() - {"part"}


@pytest.fixture
def compacted(stack: "CollectedStack") -> str:
    """The name of a table beside the stack's, with what was collected from HostUp, compacted as if
    the next day were over: the stack itself runs no compactor."""
    client, name = boto3.client("dynamodb", endpoint_url=stack.aws.endpoint), "compacted"
    schema = client.describe_table(TableName=stack.aws.table)["Table"]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=schema["AttributeDefinitions"],
        KeySchema=schema["KeySchema"],
    )
    for item in _items(stack, stack.aws.table):
        if not item["pk"]["S"].startswith("northflank/"):
            client.put_item(TableName=name, Item=item)

    def day_after_tomorrow() -> float:
        return time.time() + 2 * DAY_MS / SECOND_MS

    kept, retention = Table(client, name, day_after_tomorrow), Retention.of_days()
    report = Compaction.on(kept, retention, day_after_tomorrow).run(float("inf"))
    assert report.errors == {}
    return name


def test_the_collectors_own_metrics_are_those_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tributary/Self")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "hostup_collector")
    report = Report("hostup", "main", behind_seconds=0.0, budget_left=90.0, refused=3)
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
        "<id>": r"(?:bootstrap|[0-9a-f]{12})",
        "<tier>": "[rhdm5HD]",
        "<digit>": "[0-9a-f]",
    }
    parts = re.split(r"(<\w+>)", cell.strip("`"))
    return re.compile("".join(placeholders.get(part) or re.escape(part) for part in parts))


def _items(stack: "CollectedStack", name: str) -> Iterator[Any]:
    client = boto3.client("dynamodb", endpoint_url=stack.aws.endpoint)
    for page in client.get_paginator("scan").paginate(TableName=name):
        yield from page["Items"]
