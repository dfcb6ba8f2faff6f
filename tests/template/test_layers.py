"""The layers: which function carries which, and that they hold what the tests ran with."""

import re
from pathlib import Path

import pytest

from local.build import ROOT
from local.template import Template

LAYERS = ("numpy", "tributary")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml", {})


def test_queries_alone_carry_numpy(template: Template) -> None:
    carried = {
        name: [layer.parent.name for layer in function.layers]
        for name, function in template.functions().items()
    }

    assert carried == {
        "NorthflankCollectorFunction": ["tributary"],
        "HostupCollectorFunction": ["tributary"],
        "CompactorFunction": ["tributary"],
        "QueryApiFunction": ["tributary", "numpy"],
    }


def test_layers_are_for_the_functions_python_and_processor(template: Template) -> None:
    layers = template.of_type("AWS::Lambda::LayerVersion").values()

    assert len(layers) == len(LAYERS)
    for layer in layers:
        assert layer["CompatibleRuntimes"] == ["python3.13"]
        assert layer["CompatibleArchitectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_what_the_tests_ran_with(layer: str) -> None:
    built = pins(ROOT / "layers" / layer / "requirements.txt")

    assert layer == "tributary" or layer in built
    assert built.items() <= pins(ROOT / "requirements-dev.txt").items()


@pytest.mark.parametrize(
    "requirements",
    [
        *("requirements-dev.txt", "local/requirements-runtime.txt", "tests/audit/requirements.txt"),
        *("layers/tributary/requirements.txt", "layers/numpy/requirements.txt"),
    ],
)
def test_every_package_is_pinned_by_hash(requirements: str) -> None:
    """What is installed is what was looked at, whatever an index serves by then."""
    text = (ROOT / requirements).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert packages
    assert [one for one in packages if "==" not in one or "--hash=sha256:" not in one] == []


def pins(requirements: Path) -> dict[str, str]:
    """Package → version."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", requirements.read_text(), re.MULTILINE))
