"""dynalite: a DynamoDB on this machine that says what each call costs, with an empty table."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from local.environment import leave_aws_behind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "tributary"
_PROGRAM = Path(".bench") / "node_modules" / "dynalite" / "cli.js"
_STARTS_WITHIN_SECONDS = 15.0


class DynaliteMissingError(Exception):
    """There is no dynalite, or no node to run it with."""


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a dynalite of its own, in memory, ended on leaving; raises
    DynaliteMissingError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = _started(port)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _await(process, port)
        _create_table(client_of(endpoint))
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def client_of(endpoint: str) -> "DynamoDBClient":
    """A client with as many connections as the product's."""
    leave_aws_behind()
    config = Config(max_pool_connections=32, retries={"total_max_attempts": 1}, read_timeout=60)
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config)


def _started(port: int) -> subprocess.Popen[bytes]:
    program = os.environ.get("DYNALITE", str(_PROGRAM))
    if not Path(program).exists():
        raise DynaliteMissingError(f"no dynalite at {program}")
    # The table's items lie outside what node's collector would limit, so no memory is set.
    command = ["node", program, "--host", "127.0.0.1", "--port", str(port), "--createTableMs", "0"]
    try:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)
    except OSError as error:
        raise DynaliteMissingError(f"no node to run dynalite: {error}") from error


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise DynaliteMissingError("dynalite did not start")


def _create_table(client: "DynamoDBClient") -> None:
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    client.get_waiter("table_exists").wait(
        TableName=TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
