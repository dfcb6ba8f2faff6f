"""Containers: which of a workload's lived in a window, by the list that Northflank keeps of them.

Source: https://northflank.com/docs/v1/api/project/services/list-service-containers
"""

import logging
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from math import isfinite

from functions.northflank_collector.inventory import json_object, text
from functions.northflank_collector.pages import items
from tributary.client import Client
from tributary.provider import Json
from tributary.windows import MINUTE_MS, SECOND_MS, Window

_LOG = logging.getLogger(__name__)

_NOT_BEGUN = frozenset({"TASK_STAGING", "TASK_STARTING"})
_ENDED = frozenset({"TASK_KILLED", "TASK_FAILED", "TASK_FINISHED"})
# Northflank measures on its own clock, and what was measured last may lie after the time at which
# it last noted something of a container.
_LENIENCE_MS = 5 * MINUTE_MS
_ALIVE_MS = 2**62


@dataclass(frozen=True, slots=True)
class Container:
    """A container and the time that it may have samples of."""

    name: str
    life: Window


def containers(client: Client, path: str) -> Iterator[Container]:
    """Those of the list at a path that have begun; one that can't be read is logged and left out.

    One that has not ended is taken to live on.
    """
    for item in items(client, path, "containers", required=False):
        stated = json_object(item)
        name, status = text(stated.get("name")), stated.get("status")
        created_ms, updated_ms = (_time_ms(stated.get(key)) for key in ("createdAt", "updatedAt"))
        if not name or created_ms is None or updated_ms is None:
            _LOG.warning("an item of GET %s left out: it has no name and times", path)
        elif status not in _NOT_BEGUN:
            last_ms = updated_ms + _LENIENCE_MS if status in _ENDED else _ALIVE_MS
            yield Container(name, Window(created_ms, max(created_ms, last_ms)))


def missed(found: Iterable[Container], window: Window, answered: Set[str]) -> list[Container]:
    """Those not answered for, each with the part of the window that it lived in; newest first."""
    parts = (
        Container(one.name, one.life.common(window))
        for one in sorted(found, key=lambda one: one.life.start_ms, reverse=True)
        if one.name not in answered
    )
    return [one for one in parts if one.life.length_ms]


def _time_ms(seconds: Json) -> int | None:
    """A time in Unix seconds in ms; None if it is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return None
    return round(seconds * SECOND_MS)
