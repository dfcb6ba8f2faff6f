"""The plot of growth shows every part that costs something, in numbers too, within its frame."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.growth import Cost, Growth
from benchmarks.plot import drawn

SPACE = "{http://www.w3.org/2000/svg}"
GROWTHS = [
    Growth(
        resources,
        run=Cost(resources / 100, 80 * 2**20, resources * 1.0, resources * 1.0),
        compaction=Cost(resources / 70, 82 * 2**20, resources * 6.0, resources * 4.0),
        matching=Cost(resources / 50_000, 73 * 2**20, 0.5, 0.0),
    )
    for resources in (10, 100, 1_000, 10_000)
]


@pytest.fixture(scope="module")
def root() -> ElementTree.Element:
    """The picture of costs that rise with the resources."""
    return ElementTree.fromstring(drawn(GROWTHS))


def test_each_panel_has_a_line_for_each_part_that_costs_something(
    root: ElementTree.Element,
) -> None:
    lines = [line.attrib["class"].split()[1] for line in root.iter(f"{SPACE}polyline")]

    # Matching writes nothing, which has no place on a logarithmic axis.
    assert sorted(lines) == ["compaction"] * 4 + ["matching"] * 3 + ["run"] * 4


def test_lines_end_in_numbers_that_do_not_lie_on_one_another(root: ElementTree.Element) -> None:
    ends = [text for text in root.iter(f"{SPACE}text") if text.attrib.get("class") in STYLES]
    places = [(text.attrib["x"], float(text.attrib["y"])) for text in ends]

    assert [text.text for text in ends[:3]] == ["143", "100", "0.2"]
    assert {"80", "82", "73", "60k", "10k", "40k", "0.5"} <= {text.text for text in ends}
    assert all(
        one == other or one[0] != other[0] or abs(one[1] - other[1]) >= 14
        for one in places
        for other in places
    )


def test_nothing_is_cut_off(root: ElementTree.Element) -> None:
    _, _, width, height = map(float, root.attrib["viewBox"].split())

    for text in root.iter(f"{SPACE}text"):
        # Wider than any letter of the font is on average.
        length = 8 * len(text.text or "")
        before = {"note end": length, "note middle": length / 2}.get(text.attrib["class"], 0)
        left = float(text.attrib["x"]) - before
        assert left >= 0, text.text
        assert left + length <= width, text.text
        assert 12 <= float(text.attrib["y"]) <= height - 4, text.text


STYLES = ("run", "compaction", "matching")
