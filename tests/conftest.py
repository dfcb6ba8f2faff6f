"""For every test: no socket but to this machine, no AWS settings but fake ones, and one stack."""

import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import boto3
import pytest

from local.environment import leave_aws_behind

if TYPE_CHECKING:
    from tests.stack.collected import CollectedStack
    from tests.wire import Wire

# Sockets are closed by pytest-socket (--allow-hosts in pyproject.toml).
leave_aws_behind()


@pytest.fixture(scope="session")
def stack() -> "Iterator[CollectedStack]":
    """The whole local stack with the simulated providers, as `make run` starts it.

    It runs on free ports (`stack.url`, `stack.token`), under the Lambda emulator where there is
    one, and goes on collecting every 15 seconds; before a test sees it, both providers have been
    collected twice. `stack.get(path)` and `stack.json(path)` ask the API with the token;
    `stack.inputs` are the collectors' (`provider_urls`, `accounts`), `stack.served(provider)` is
    what a simulator says it handed out, `stack.settled_ms` is until when everything is collected,
    `stack.aws.endpoint` is moto. It is started once: tests that use it run on one worker, and
    change nothing in it.
    """
    from tests.stack.collected import collected_stack

    with collected_stack() as started:
        yield started


@pytest.fixture(scope="session")
def dynalite(pytestconfig: pytest.Config) -> Iterator[str | None]:
    """The address of a dynalite of this worker's own; None where moto is DynamoDB too."""
    from local import dynalite

    if pytestconfig.getoption("dynamodb") == "moto":
        yield None
        return
    with dynalite.dynalite() as address:
        yield address


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, dynalite: str | None) -> Iterator[None]:
    """AWS in memory, with nothing in it but the empty table, and clients that find it there."""
    from moto import mock_aws

    from tests import dynamodb

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", _REGION)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tributary/Self")
    monkeypatch.setenv("TABLE_NAME", dynamodb.TABLE)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    if dynalite:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynalite)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        with dynamodb.empty_table():
            yield


@pytest.fixture(scope="session")
def endpoint(dynalite: str | None) -> Iterator[str]:
    """Where DynamoDB is to be reached over HTTP; moto there is the one in this process."""
    from moto.server import ThreadedMotoServer

    if dynalite:
        yield dynalite
        return
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def wire(table: None, endpoint: str) -> "Iterator[Wire]":
    """The wire over which clients that are made from now on reach the table."""
    from tests.wire import wire_to

    with wire_to(endpoint) as wire, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", wire.url)
        yield wire


_REGION = "eu-north-1"


@cache
def _session() -> boto3.Session:
    """One session for all tests: reading AWS's descriptions anew takes longer than a test."""
    return boto3.Session(region_name=_REGION)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--dynamodb dynalite` runs the tests that use the table on dynalite, and no others."""
    parser.addoption("--dynamodb", choices=("moto", "dynalite"), default="moto")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests that use the stack on one worker, so that one of it is started; on dynalite
    runs those that use the table. What soaks is left out unless SMALL=0."""
    if os.environ.get("SMALL", "1") != "0":
        soaking = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soaking)
        items[:] = [item for item in items if item not in soaking]
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and not item.get_closest_marker(
            "xdist_group"
        ):
            item.add_marker(pytest.mark.xdist_group("stack"))
            item.add_marker(pytest.mark.stack)
    chosen = config.getoption("dynamodb")
    if chosen == "dynalite":
        config.hook.pytest_deselected(items=[item for item in items if not _uses_table(item)])
        items[:] = filter(_uses_table, items)
    for item in items:
        if only := item.get_closest_marker("moto" if chosen == "dynalite" else "dynalite"):
            item.add_marker(pytest.mark.skip(reason=only.args[0]))


def _uses_table(item: pytest.Item) -> bool:
    return "table" in getattr(item, "fixturenames", ())
