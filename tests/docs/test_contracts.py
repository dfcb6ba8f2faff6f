"""docs/contracts.md is whole: every parameter and field, each with a test that there is."""

import ast
import re

import pytest

from functions.query_api.hostup.metrics import FIELDS, SUMMARY
from functions.query_api.hostup.query import ALIASES, LIST_PARAMETERS, METRICS_PARAMETERS
from functions.query_api.northflank import lists, query
from local.build import ROOT
from tests.docs.markdown import table

PAGE = "docs/contracts.md"
FOLDERS = {"N": "northflank", "H": "hostup"}
ROWS = table(PAGE, "documented", "as served")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_that_there_is(row: list[str]) -> None:
    [(letter, name)] = re.findall(r"^([NH]) `(\w+)`$", row[2])
    folder = ROOT / "tests" / "query_api" / FOLDERS[letter]
    tests = {
        node.name
        for source in folder.glob("test_*.py")
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }

    assert name in tests


@pytest.mark.parametrize(
    "name",
    [
        *query.PARAMETERS,
        "deploymentId",
        "runId",
        *lists.PARAMETERS,
        *METRICS_PARAMETERS,
        *ALIASES,
        *LIST_PARAMETERS,
        *FIELDS,
        *(one.name for one in SUMMARY),
    ],
)
def test_what_is_documented_has_its_row(name: str) -> None:
    documented = {one for row in ROWS for one in re.findall(r"[\w.]+", row[0])}

    assert name in {one.rpartition(".")[2] for one in documented}
