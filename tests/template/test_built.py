"""What is deployed: built with bytecode, small enough, and importable as Lambda imports it."""

import json
import marshal
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from local.build import BUILD_DIRECTORY, ROOT, build
from local.template import Function, Template

LAYER_BYTES = 8_000_000
# Of a .pyc: by its source's hash, which is not checked. https://peps.python.org/pep-0552/
UNCHECKED_HASH = 0b01

pytestmark = pytest.mark.xdist_group("sam")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(build(), {})


@pytest.fixture(scope="module")
def folders(template: Template) -> list[Path]:
    """Of functions and layers, as they are packed."""
    return sorted(path for path in BUILD_DIRECTORY.iterdir() if path.is_dir())


def test_every_module_has_bytecode_that_is_never_stale(folders: list[Path]) -> None:
    modules = [module for folder in folders for module in _modules(folder)]

    assert len(modules) > 500
    assert [str(one) for one in modules if not _bytecode(one).is_file()] == []
    for module in modules:
        flags = int.from_bytes(_bytecode(module).read_bytes()[4:8], "little")
        assert flags == UNCHECKED_HASH, module


def test_tracebacks_name_files_as_they_are_on_lambda(template: Template) -> None:
    function = template.functions()["QueryApiFunction"]
    [layer] = [one for one in function.layers if (one / "tributary").is_dir()]

    assert _compiled(function.code / "functions/query_api/app.py").co_filename == (
        "/var/task/functions/query_api/app.py"
    )
    assert _compiled(layer / "tributary/store.py").co_filename == "/opt/python/tributary/store.py"


def test_the_layer_of_all_functions_is_small(template: Template, tmp_path: Path) -> None:
    [layer] = template.functions()["CompactorFunction"].layers
    packed = tmp_path / "layer.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in layer.rglob("*"):
            archive.write(file, file.relative_to(layer.parent))

    assert packed.stat().st_size < LAYER_BYTES


@pytest.mark.parametrize(
    "name",
    [
        *("NorthflankCollectorFunction", "HostupCollectorFunction"),
        *("CompactorFunction", "QueryApiFunction"),
    ],
)
def test_a_handler_is_imported_from_what_was_built_and_nothing_is_compiled(
    template: Template, name: str
) -> None:
    function = template.functions()[name]

    imported = _import(function)

    assert imported["callable"]
    ours = [one for one in imported["files"] if ".aws-sam" in one]
    assert ours
    # The checkout's own modules are not what runs on Lambda.
    assert [one for one in imported["files"] if one.startswith(str(ROOT / "layers"))] == []
    assert [one for one in ours if not Path(one).is_relative_to(BUILD_DIRECTORY)] == []


def _import(function: Function) -> dict[str, Any]:
    """What Lambda's Python, with the packages it has, makes of the handler's module."""
    module, _, handler = function.handler.rpartition(".")
    code = (
        f"import json, sys; from {module} import {handler} as handler;"
        "files = [getattr(one, '__file__', None) or '' for one in sys.modules.values()];"
        "print(json.dumps({'callable': callable(handler), 'files': files}))"
    )
    python = ROOT / ".runtime" / "bin" / "python"
    done = subprocess.run(
        [python, "-P", "-c", code],
        cwd=function.code,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, (function.code, *function.layers))),
            "AWS_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _modules(folder: Path) -> Iterator[Path]:
    return (one for one in folder.rglob("*.py") if one.stem.isidentifier())


def _bytecode(module: Path) -> Path:
    return module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"


def _compiled(module: Path) -> CodeType:
    code = marshal.loads(_bytecode(module).read_bytes()[16:])
    assert isinstance(code, CodeType)
    return code
