"""For every test: no socket but to this machine, no AWS settings but fake ones, and one stack."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.environment import leave_aws_behind

if TYPE_CHECKING:
    from tests.stack.collected import CollectedStack

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests that use the stack on one worker, so that one of it is started."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and not item.get_closest_marker(
            "xdist_group"
        ):
            item.add_marker(pytest.mark.xdist_group("stack"))
            item.add_marker(pytest.mark.stack)
