"""The documentation's Markdown as the tests need it: fenced blocks, commands, tables and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from local.build import ROOT

PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("docs/design.md", "docs/api.md", "docs/operate.md", "docs/performance.md"),
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its lines."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.text.splitlines()

    @property
    def commands(self) -> list[str]:
        """What a person types: lines after `$ ` of a console, every line of a script."""
        if self.language == "console":
            return [line[2:] for line in self.lines if line.startswith("$ ")]
        return self.lines if self.language == "bash" else []


@dataclass(frozen=True)
class Example:
    """A curl command and the answer that the page shows for it."""

    page: str
    command: str
    answer: Block


def text_of(page: str) -> str:
    """A page's Markdown."""
    return (ROOT / page).read_text()


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(page, found[1], found[2]) for found in _FENCE.finditer(text_of(page))]


def examples(page: str) -> list[Example]:
    """Each console block that ends with a curl command, with the block of its answer."""
    return [
        Example(page, block.commands[-1], following)
        for block, following in pairwise(blocks(page))
        if block.language == "console" and block.commands[-1].startswith("curl ")
    ]


def table(page: str, first: str, second: str) -> list[list[str]]:
    """The rows of the page's table whose header starts with these two cells."""
    rows: list[list[str]] = []
    inside = False
    for line in text_of(page).splitlines():
        cells = _cells(line)
        if not cells:
            inside = False
        elif cells[:2] == [first, second]:
            inside = True
        elif inside and not set(line) <= set("|-"):
            rows.append(cells)
    assert rows, f"{page} has no table that starts with | {first} | {second} |"
    return rows


def links(page: str) -> Iterator[str]:
    """The targets of a page's links, outside fenced blocks."""
    yield from _LINK.findall(_FENCE.sub("", text_of(page)))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {_NOT_IN_ANCHORS.sub("", heading).lower().replace(" ", "-") for heading in headings}


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
