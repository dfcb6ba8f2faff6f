"""AWS on this machine: moto in a process of its own, with the template's stack created in it."""

import json
import secrets
import string
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import boto3

from local.build import ROOT
from local.environment import bare
from local.failure import Failure
from local.processes import Processes
from local.template import JSON, Template
from tributary.table import Table
from tributary.tokens import Tokens
from tributary.windows import SECOND_MS

STACK_NAME = "tributary-local"
_UNCOUNTED = 1_000_000

# What of the template the stack on moto is made of. moto would drop other types in silence; those
# it lacks are left out by name, so that a new type in the template is noticed here.
_CREATED = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
    }
)
_SECRET = "AWS::SecretsManager::Secret"  # created beside the stack
_LEFT_OUT = frozenset(
    {
        "AWS::ApiGatewayV2::Api",  # local.front
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::ApiGatewayV2::DomainName",
        "AWS::ApiGatewayV2::Stage",
        "AWS::CloudWatch::Alarm",  # moto would keep them, and never look at a metric
        "AWS::CloudWatch::Dashboard",  # names the API; tests/template looks at it
        "AWS::Lambda::Alias",  # what was built is the only version
        "AWS::Lambda::EventInvokeConfig",
        # moto would look for a Docker engine to deliver to. Nothing polls the collectors' queues
        # here: a local run has one account of each provider, and sends no turns.
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::LayerVersion",  # local.runtime
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Route53::RecordSet",
        "AWS::Scheduler::Schedule",  # local.scheduler
    }
)


@dataclass(frozen=True)
class CreatedStack:
    """What the template became on moto: `environments` and `secrets` by logical id."""

    endpoint: str
    environments: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, str]
    table: str

    def secret(self, name: str) -> str:
        """The value of a secret of the template."""
        client = boto3.client("secretsmanager", endpoint_url=self.endpoint)
        return client.get_secret_value(SecretId=self.secrets[name])["SecretString"]

    def token(self, name: str, scopes: Sequence[str]) -> str:
        """A new token of the API, whose requests nobody would count up to."""
        table = Table(boto3.client("dynamodb", endpoint_url=self.endpoint), self.table)
        now_ms = int(time.time() * SECOND_MS)
        _, text = Tokens(table).make(
            name, scopes, [], now_ms, requests_per_hour=_UNCOUNTED, burst=_UNCOUNTED
        )
        return text

    def fill_secret(self, name: str, value: JSON) -> None:
        """Writes the accounts of a provider, as a deployer does after `sam deploy`."""
        client = boto3.client("secretsmanager", endpoint_url=self.endpoint)
        client.put_secret_value(SecretId=self.secrets[name], SecretString=json.dumps(value))


def start_moto(processes: Processes, log: IO[bytes], host: str = "127.0.0.1", port: int = 0) -> str:
    """Starts moto and returns its address as seen from this machine; port 0 takes a free one.

    Raises Failure if the port is taken.
    """
    # Needs this checkout and our packages, unlike the functions, which must not find them.
    child = processes.start(
        [sys.executable, "-m", "local.moto_server", "--host", host, "--port", str(port)],
        bare(),
        ROOT,
        log,
        piped=True,
    )
    assert child.stdout is not None
    answer = child.stdout.readline().strip()
    if not answer:
        raise Failure(f"moto did not start on {host}:{port}: is the port taken? ({log.name})")
    return f"http://127.0.0.1:{int(answer)}"


def create_stack(template: Template, endpoint: str) -> CreatedStack:
    """Creates on moto what the template describes, and reads back what it resolved to.

    Raises Failure when moto refuses, or when a resource of the template is not created.
    """
    return _deployed(template, endpoint, "create_stack", {})


def update_stack(template: Template, before: CreatedStack) -> CreatedStack:
    """Updates what was created to another template, as a later deployment does."""
    return _deployed(template, before.endpoint, "update_stack", before.secrets)


def _deployed(
    template: Template, endpoint: str, operation: str, secrets_made: Mapping[str, str]
) -> CreatedStack:
    _check_types(template)
    made_secrets = {
        name: secrets_made.get(name) or _create_secret(name, properties, endpoint)
        for name, properties in template.of_type(_SECRET).items()
    }
    _upload_code(template, endpoint)
    document = _for_moto(template, made_secrets)
    names = _deploy(operation, document, template.parameters, endpoint)
    environments = {name: _environment(names[name], endpoint) for name in template.functions()}
    return CreatedStack(endpoint, environments, made_secrets, names["Table"])


def _environment(function: str, endpoint: str) -> dict[str, str]:
    client = boto3.client("lambda", endpoint_url=endpoint)
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    return {name: str(value) for name, value in variables.items()}  # moto keeps numbers as numbers


def _check_types(template: Template) -> None:
    known = _CREATED | _LEFT_OUT | {_SECRET}
    for name, resource in template.resources.items():
        if resource["Type"] not in known:
            raise Failure(f"{name}: nothing local stands for {resource['Type']} (local/aws.py)")


def _create_secret(name: str, properties: JSON, endpoint: str) -> str:
    client = boto3.client("secretsmanager", endpoint_url=endpoint)
    value = properties.get("SecretString") or _generated(properties["GenerateSecretString"])
    return client.create_secret(Name=f"{STACK_NAME}-{name}", SecretString=value)["ARN"]


def _generated(rules: JSON) -> str:
    if not rules.get("ExcludePunctuation"):
        raise Failure("a generated secret with punctuation is not known here (local/aws.py)")
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(int(rules["PasswordLength"])))


def _upload_code(template: Template, endpoint: str) -> None:
    # moto wants the archive to be there, and does not look inside: the functions run elsewhere.
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="code")
    for name in template.functions():
        client.put_object(Bucket="code", Key=f"{name}.zip", Body=b"")


def _for_moto(template: Template, made_secrets: Mapping[str, str]) -> JSON:
    resources = {
        name: _with_secrets(resource, made_secrets)
        for name, resource in template.resources.items()
        if resource["Type"] in _CREATED
    }
    for name, resource in resources.items():
        resource.pop("Metadata", None)  # by a change of which moto would update the resource
        if resource["Type"] == "AWS::Lambda::Function":
            del resource["Properties"]["Layers"]  # moto has no layers
        if resource["Properties"].get("FifoQueue"):  # whose names end so, as CloudFormation knows
            resource["Properties"]["QueueName"] = f"{STACK_NAME}-{name}.fifo"
    document = {**template.cloudformation, "Resources": resources}
    del document["Outputs"]  # they name the API, which moto does not create
    return document


def _with_secrets(value: JSON, made_secrets: Mapping[str, str]) -> JSON:
    """The value with each reference to a secret replaced by its ARN."""
    match value:
        case {"Ref": name} if name in made_secrets:
            return made_secrets[name]
        case dict():
            return {key: _with_secrets(part, made_secrets) for key, part in value.items()}
        case list():
            return [_with_secrets(part, made_secrets) for part in value]
        case _:
            return value


def _deploy(
    operation: str, document: JSON, parameters: Mapping[str, str], endpoint: str
) -> dict[str, str]:
    """Creates or updates the stack and returns logical id → physical id of what is in it."""
    client = boto3.client("cloudformation", endpoint_url=endpoint)
    getattr(client, operation)(
        StackName=STACK_NAME,
        TemplateBody=json.dumps(document),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    status = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["StackStatus"]
    made = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in client.describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    }
    missing = sorted(set(document["Resources"]) - set(made))
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE") or missing:
        raise Failure(f"the stack on moto is {status}, without {', '.join(missing) or 'gaps'}")
    return made
