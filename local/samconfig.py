"""samconfig.toml: the stages that are deployed, and what each sets otherwise than the template."""

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.build import ROOT
from local.environment import Architecture
from local.failure import Failure
from local.parameters import Parameters

FILE = ROOT / "samconfig.toml"


@dataclass(frozen=True)
class Stage:
    """A stage by its name, with what it sets of the template's parameters."""

    name: str
    overrides: Mapping[str, str]

    @property
    def architecture(self) -> Architecture:
        """The processor its functions run on."""
        return "x86_64" if self.value("Architecture") == "x86_64" else "arm64"

    def value(self, parameter: str) -> str:
        """What the parameter is in this stage."""
        return self.overrides.get(parameter, Parameters.of_template().default(parameter))

    def problems(self) -> Iterator[str]:
        """A sentence for each parameter that the template has not, or would refuse."""
        for problem in Parameters.of_template().problems(self.overrides):
            yield f"samconfig.toml, {self.name}: {problem}"


def stages() -> dict[str, Stage]:
    """Those of samconfig.toml, by name."""
    entries = tomllib.loads(FILE.read_text())
    return {
        name: Stage(name, _overrides(entry))
        for name, entry in entries.items()
        if isinstance(entry, dict)
    }


def stage(name: str) -> Stage:
    """One of them; Failure names those that there are."""
    known = stages()
    if name not in known:
        example = next(iter(known))
        raise Failure(f"Say which stage, as in STAGE={example}. There are {', '.join(known)}.")
    return known[name]


def _overrides(entry: Mapping[str, Any]) -> dict[str, str]:
    text = entry["deploy"]["parameters"].get("parameter_overrides", "")
    pairs = [one.partition("=") for one in shlex.split(text)]
    return {name: value for name, _, value in pairs}
