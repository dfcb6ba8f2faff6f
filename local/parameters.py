"""The template's parameters: which there are, and which values CloudFormation takes for them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from samtranslator.yaml_helper import yaml_parse

from local.build import ROOT

TEMPLATE = ROOT / "template.yaml"


@dataclass(frozen=True)
class Parameters:
    """The section Parameters of the template, by name."""

    entries: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of_template(cls) -> Self:
        """Those of template.yaml."""
        source = yaml_parse(TEMPLATE.read_text())  # type: ignore[no-untyped-call]
        return cls(source["Parameters"])

    def default(self, name: str) -> str:
        """A parameter's default as text, as CloudFormation has it."""
        return str(self.entries[name]["Default"])

    def problems(self, values: Mapping[str, str]) -> Iterator[str]:
        """A sentence for each value that would be refused, and what to give instead."""
        for name, value in values.items():
            if name not in self.entries:
                yield f"{name} is no parameter: there are {', '.join(self.entries)}."
            elif instead := _refused(self.entries[name], value):
                yield f"{name} is {value!r}, {instead}."


def _refused(entry: Mapping[str, Any], value: str) -> str | None:
    """What CloudFormation would have in place of the value, by its documentation:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    if "AllowedValues" in entry:
        allowed = [str(one) for one in entry["AllowedValues"]]
        return None if value in allowed else f"not one of {', '.join(allowed)}"
    if entry["Type"] == "Number":
        least, most = entry["MinValue"], entry["MaxValue"]
        number = float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else None
        within = number is not None and least <= number <= most
        return None if within else f"not a number from {least} to {most}"
    if len(value) > entry.get("MaxLength", len(value)):
        return f"longer than {entry['MaxLength']} characters"
    pattern = entry["AllowedPattern"]
    return None if re.fullmatch(pattern, value) else f"which does not match {pattern}"
