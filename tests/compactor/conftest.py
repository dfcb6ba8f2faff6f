"""A table, and the clock by which hours get old and are closed."""

import pytest

from tests.compactor.world import World


@pytest.fixture
def world(table: None) -> World:
    """A table with one registered resource, at 2026-11-22T10:58:00Z."""
    return World()
