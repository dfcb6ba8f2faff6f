"""Every page: its examples are run, what it links to and names is there."""

import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest

from local.build import ROOT
from tests.docs import curl
from tests.docs.markdown import PAGES, Example, anchors, blocks, examples, links, text_of
from tests.docs.shape import differences, parsed

if TYPE_CHECKING:
    from tests.stack.collected import CollectedStack

FLOW = ROOT / "docs" / "flow.svg"
EXAMPLES = [example for page in PAGES for example in examples(page)]

# Commands that tests/docs does not run, and why.
RUN_ELSEWHERE = {
    "make test": "is what runs this",
    "make test-dynalite": "runs on CI after this",
    "make soak": "runs on CI after this",
    "make audit": ".ci/run runs it, by make deploy-check",
    "make openapi": "test_openapi compares what it writes",
    "make lint types": "runs before this",
    "TRACES=traces make bench": "takes many minutes; tests/benchmarks runs its parts on less",
    "make run": "test_readme runs it, and with FAULTS",
    "make plan": "test_readme runs it",
    "NORTHFLANK_TOKEN=… HOSTUP_TOKEN=… make run": "needs accounts of real providers",
    "make deploy-check": ".ci/run runs it, for dev",
    "make deploy STAGE=prod": "needs an AWS account",
    "make redrive": "needs an AWS account; tests/local/test_redrive.py runs it on moto",
    "make retention": "needs an AWS account; tests/local/test_retention_cost.py runs it on moto",
    "make export": "needs an AWS account; tests/local/test_export.py runs it on moto",
    "aws dynamodb": "test_operate runs it on moto",
    "aws cloudformation": "test_operate runs it on moto",
    "make backfill": "needs an AWS account; tests/local/test_backfill.py runs it on moto",
    "TOKEN=": "a variable, which tests.docs.curl fills in",
    "make deploy STAGE=dev": "needs an AWS account; the local stack runs `sam build`",
    "aws secretsmanager put-secret-value": "needs an AWS account; test_readme reads its secret",
    ".venv/bin/python -m pytest": "is what runs this",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.command[-60:])
def test_an_example_gets_such_an_answer(stack: "CollectedStack", example: Example) -> None:
    body = curl.run(example.command, stack.url, stack.token)

    shown = parsed(example.answer.language, example.answer.text)
    assert list(differences(shown, parsed(example.answer.language, body))) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_run(page: str) -> None:
    run = {example.command for example in EXAMPLES}
    commands = [command for block in blocks(page) for command in block.commands]

    known = tuple(RUN_ELSEWHERE)
    assert [each for each in commands if each not in run and not each.startswith(known)] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    here = (ROOT / page).parent
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (here / name).resolve() if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_the_make_targets_and_paths_that_a_page_names_exist(page: str) -> None:
    text = text_of(page)
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^|\$ )(?:\w+=\S+ )*make ([a-z][a-z-]*)", text, re.MULTILINE)
    paths = re.findall(r"(?<![\w/.])(?:tests|functions|layers|local|events|docs)/[\w/.-]*\w", text)

    assert [name for name in named if name not in targets] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, "docs/flow.svg", "docs/growth.svg"])
def test_a_page_names_no_folder_of_anybodys_machine(page: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|work|Users|tmp|opt|usr)/\S*", text_of(page)) == []


def test_the_picture_is_small_whole_and_says_what_it_shows() -> None:
    root = ElementTree.fromstring(FLOW.read_text())
    space = "{http://www.w3.org/2000/svg}"

    assert root.tag == f"{space}svg"
    assert FLOW.stat().st_size < 8000
    assert root.findtext(f"{space}title")
    assert root.findtext(f"{space}desc")
    assert "prefers-color-scheme: dark" in (root.findtext(f"{space}style") or "")
    words = {text.text for text in root.iter(f"{space}text")}
    assert {"northflank_collector", "hostup_collector", "query_api", "DynamoDB"} <= words
