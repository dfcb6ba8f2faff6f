"""The rows that the tables of docs/design.md must have, made from the code and the template."""

from collections.abc import Iterator, Mapping
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from functions.hostup_collector import normalise as hostup
from functions.northflank_collector import normalise as northflank
from local.build import ROOT
from tributary.metrics import CATALOGUE, Metric


def metric_rows() -> list[list[str]]:
    """metric, unit, kind, scope, precision, Northflank (unit), HostUp."""
    return [
        [
            metric.name,
            metric.unit,
            metric.kind,
            metric.scope,
            _precision(metric),
            ", ".join(f"{own} ({u})" for (own, u), n in northflank.METRICS.items() if n == name),
            ", ".join(field for field, (n, _) in hostup.METRICS.items() if n == name),
        ]
        for name, metric in CATALOGUE.items()
    ]


def spelling_rows() -> list[list[str]]:
    """metric, Prometheus, OpenTelemetry."""
    return [
        [each.name, f"`{each.prometheus}`", f"`{each.opentelemetry}`"]
        for each in CATALOGUE.values()
    ]


def parameter_rows() -> list[list[str]]:
    """parameter, default, variable, what."""
    source = template()
    variables = _variables_by_parameter(source)
    return [
        [
            f"`{name}`",
            f"`{parameter['Default']}`" if str(parameter["Default"]) else "empty",
            ", ".join(f"`{variable}`" for variable in variables.get(name, ())),
            parameter["Description"],
        ]
        for name, parameter in source["Parameters"].items()
    ]


def variables_without_parameter() -> dict[str, str]:
    """Variable → `all`, `collectors` or `query`: those of the template that no parameter sets."""
    source = template()
    with_parameter = {name for names in _variables_by_parameter(source).values() for name in names}
    holders: dict[str, set[str]] = {}
    for function, variables in _environments(source).items():
        for name in variables:
            holders.setdefault(name, set()).add(function)
    functions = set(_environments(source))
    words = {
        frozenset(functions): "all",
        frozenset({"QueryApiFunction"}): "query",
        frozenset(name for name in functions if "Collector" in name): "collectors",
    }
    return {
        name: words[frozenset(having)]
        for name, having in holders.items()
        if name not in with_parameter
    }


def _precision(metric: Metric) -> str:
    return f"1e-{metric.decimals}" if metric.decimals else "1"


def template() -> Any:
    """template.yaml, with its intrinsic functions as objects."""
    return yaml_parse((ROOT / "template.yaml").read_text())  # type: ignore[no-untyped-call]


def _environments(source: Any) -> dict[str, Mapping[str, Any]]:
    shared = source["Globals"]["Function"]["Environment"]["Variables"]
    return {
        name: shared | resource["Properties"]["Environment"]["Variables"]
        for name, resource in source["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _variables_by_parameter(source: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variables in _environments(source).values():
        for name, value in variables.items():
            for parameter in _references(value):
                names = found.setdefault(parameter, [])
                if parameter in source["Parameters"] and name not in names:
                    names.append(name)
    return {name: names for name, names in found.items() if names}


def _references(value: Any) -> Iterator[str]:
    """What a value of the template refers to, however deep."""
    if isinstance(value, dict) and set(value) == {"Ref"}:
        yield value["Ref"]
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _references(part)
