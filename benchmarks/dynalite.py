"""dynalite: a DynamoDB on this machine that says what each call costs, with an empty table."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from benchmarks import peers
from local.environment import leave_aws_behind
from local.failure import Failure
from local.processes import Processes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "tributary"
_HOST = "127.0.0.1"
_READY_SECONDS = 30.0
_BETWEEN_POLLS_SECONDS = 0.05


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a dynalite of its own, in memory, ended on leaving. Raises Failure."""
    try:
        program = peers.dynalite()
    except peers.PeerMissing as missing:
        raise Failure(str(missing)) from missing
    with Processes() as processes, TemporaryFile() as log:
        port = _free_port()
        command: list[str | Path] = ["node", program.path, "--host", _HOST, "--port", str(port)]
        child = processes.start(command, os.environ, peers.FOLDER, log)
        if not _is_ready(child, port):
            raise Failure(f"{program.name} does not start on port {port}.")
        endpoint = f"http://{_HOST}:{port}"
        _create_table(client_of(endpoint))
        yield endpoint


def client_of(endpoint: str) -> "DynamoDBClient":
    """A client with as many connections as the product's."""
    leave_aws_behind()
    config = Config(max_pool_connections=32, retries={"total_max_attempts": 1}, read_timeout=60)
    return boto3.client("dynamodb", endpoint_url=endpoint, config=config)


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _is_ready(child: "subprocess.Popen[bytes]", port: int) -> bool:
    """False if the server ended or is never ready."""
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            socket.create_connection((_HOST, port), timeout=1).close()
        except OSError:
            time.sleep(_BETWEEN_POLLS_SECONDS)
        else:
            return True
    return False


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
