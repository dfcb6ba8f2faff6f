"""DynamoDB for tests: moto in this process, or dynalite in one of its own, and the one table."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import boto3

from local.build import ROOT
from local.environment import bare
from local.processes import Processes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WaiterConfigTypeDef

TABLE = "tributary"
# What tests of the template hold against its table.
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
}
# dynalite creates and deletes behind its answer, if only by a moment.
_AT_ONCE: "WaiterConfigTypeDef" = {"Delay": 0, "MaxAttempts": 1000}

_DYNALITE = ROOT / ".dynalite"
# Its own command can't be told to take any free port.
_LISTEN = """
const server = require("dynalite")({createTableMs: 0, deleteTableMs: 0})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
"""


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a dynalite that keeps everything in memory, until left."""
    node = shutil.which("node")
    if node is None or not (_DYNALITE / "node_modules" / "dynalite").exists():
        raise FileNotFoundError("dynalite or node is not installed: make test-dynalite does that")
    with tempfile.TemporaryFile() as log, Processes() as processes:
        child = processes.start([node, "-e", _LISTEN], bare(), _DYNALITE, log, piped=True)
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        if not port:
            log.seek(0)
            raise OSError(f"dynalite did not start: {log.read().decode()}")
        yield f"http://127.0.0.1:{int(port)}"


@contextmanager
def empty_table() -> Iterator[None]:
    """The table, as long as it is needed."""
    client = boto3.client("dynamodb")
    client.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST", **KEYS)
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig=_AT_ONCE)
    yield
    with suppress(client.exceptions.ResourceNotFoundException):  # the test has deleted it
        delete_table()


def delete_table() -> None:
    """Deletes the table, and returns when there is none."""
    client = boto3.client("dynamodb")
    client.delete_table(TableName=TABLE)
    client.get_waiter("table_not_exists").wait(TableName=TABLE, WaiterConfig=_AT_ONCE)
