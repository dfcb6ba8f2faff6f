"""The built template as plain CloudFormation, and what local runs read from it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

JSON = Any  # what json.loads gives: checked where it is read

_SAM_CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class Function:
    """A Lambda function of the template: where it was built to and how it is run."""

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    timeout_seconds: int
    memory_megabytes: int


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API: `method` in capitals or ANY, `path` or $default."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        """As payload 2.0 calls it."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """An EventBridge schedule: `expression` with its parameters filled in, `input` as sent."""

    name: str
    expression: str
    function: str
    input: str


class Template:
    """A built SAM template, translated to CloudFormation with the parameters filled in.

    Source: what `sam build` wrote. `directories` of functions and layers are below its folder.
    """

    def __init__(self, built: Path, parameters: Mapping[str, str]) -> None:
        source = yaml_parse(built.read_text())  # type: ignore[no-untyped-call]
        self._directories = dict(_take_code(source, built.parent))
        self.parameters = _defaults(source) | dict(parameters)
        self.cloudformation: dict[str, JSON] = Translator({}, Parser()).translate(
            source, self.parameters
        )

    @property
    def resources(self) -> dict[str, JSON]:
        """Logical id → resource of the translated template."""
        resources: dict[str, JSON] = self.cloudformation["Resources"]
        return resources

    def of_type(self, kind: str) -> dict[str, JSON]:
        """Logical id → properties of the resources of one CloudFormation type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def functions(self) -> dict[str, Function]:
        """Logical id → function, with the built folders it runs from."""
        # The translation adds a hash to a layer's logical id, and leaves its code's address alone.
        layers = {
            name: self._directories[Path(layer["Content"]["S3Key"]).stem] / "python"
            for name, layer in self.of_type("AWS::Lambda::LayerVersion").items()
        }
        return {
            name: Function(
                name=name,
                handler=properties["Handler"],
                code=self._directories[name],
                layers=tuple(layers[layer["Ref"]] for layer in properties["Layers"]),
                timeout_seconds=int(properties["Timeout"]),
                memory_megabytes=int(self.resolve(properties["MemorySize"])),
            )
            for name, properties in self.of_type("AWS::Lambda::Function").items()
        }

    def routes(self) -> tuple[Route, ...]:
        """The HTTP API's routes, from the OpenAPI document the translation makes of the events."""
        return tuple(
            Route(
                "ANY" if method.startswith("x-") else method.upper(), path, self._integrated(route)
            )
            for api in self.of_type("AWS::ApiGatewayV2::Api").values()
            for path, methods in api["Body"]["paths"].items()
            for method, route in methods.items()
        )

    def schedules(self) -> tuple[Schedule, ...]:
        """The schedules that are on, each with the function it calls."""
        return tuple(
            Schedule(
                name=name,
                expression=self.resolve(properties["ScheduleExpression"]),
                function=properties["Target"]["Arn"]["Fn::GetAtt"][0],
                input=properties["Target"]["Input"],
            )
            for name, properties in self.of_type("AWS::Scheduler::Schedule").items()
            if self.resolve(properties.get("State", "ENABLED")) == "ENABLED"
        )

    def _integrated(self, route: JSON) -> str:
        """The function that a route leads to, perhaps by way of an alias."""
        uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        found = re.search(r"/functions/\$\{(\w+)(?:\.Arn)?\}/invocations$", uri)
        if found is None:
            raise ValueError(f"no function in the integration {uri!r}")
        alias = self.of_type("AWS::Lambda::Alias").get(found[1])
        return alias["FunctionName"]["Ref"] if alias else found[1]

    def resolve(self, value: JSON) -> str:
        """A string whose only references are to parameters and what the template maps them to."""
        match value:
            case {"Ref": name}:
                return self.parameters[name]
            case {"Fn::FindInMap": [name, first, second]}:
                return str(
                    self.cloudformation["Mappings"][name][self.resolve(first)][self.resolve(second)]
                )
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{(\w+)\}", lambda found: self.parameters[found[1]], text)
            case _:
                return str(value)


def _take_code(source: JSON, folder: Path) -> Iterator[tuple[str, Path]]:
    """Replaces local folders by S3 addresses, which is all the translation accepts."""
    for name, resource in source["Resources"].items():
        if field := _SAM_CODE.get(resource["Type"]):
            yield name, (folder / resource["Properties"][field]).resolve()
            resource["Properties"][field] = f"s3://code/{name}.zip"


def _defaults(source: JSON) -> dict[str, str]:
    return {
        name: str(parameter["Default"])
        for name, parameter in source["Parameters"].items()
        if "Default" in parameter
    }
