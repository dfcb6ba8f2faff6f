"""Golden cases: each folder holds an answer as a provider gave it and what Tributary makes of it.

`answer.json` is {status, headers, body}, `answer.txt` a whole HTTP response where the body is no
JSON. Both go through the real client. `expected.json` has columns (samples in the model's unit,
`from` = provider metric, unit, factor, `runs` = rows and seconds), instances, unknown pairs and
warnings, or the error, how often the provider was asked, and what it asks to wait.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.hostup_collector import provider as hostup
from functions.northflank_collector import provider as northflank
from tests.providers.loopback import Clock, Recorded, in_turn, loopback
from tributary.client import Client
from tributary.errors import RetriableError, TributaryError
from tributary.provider import Normalised, Resource
from tributary.windows import FIVE_MINUTES_MS, SECOND_MS, Window, parse_rfc3339, rfc3339

SEEN_MS = parse_rfc3339("2026-11-22T10:15:00Z")
END_MS = parse_rfc3339("2026-11-22T10:14:00Z")

RESOURCES = {
    "northflank": Resource(
        "northflank/main/shop/services/api", "shop/services/api", {"kind": "service"}, {}
    ),
    "hostup": Resource(
        "hostup/main/vps_01hxa3b4c5d6e7f8g9h0j1k2m3", "vps_01hxa3b4c5d6e7f8g9h0j1k2m3", {}, {}
    ),
}
ADAPTERS = {
    "northflank": (northflank.Northflank, northflank.DIALECT),
    "hostup": (hostup.Hostup, hostup.DIALECT),
}

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/*/expected.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}: {case.name}")
def test_answer_becomes_what_is_expected(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text())
    assert outcome(case.parent.name, recorded(case)) == {**defaults(expected), **expected}


def test_every_folder_is_a_case() -> None:
    folders = {path for path in Path(__file__).parent.glob("*/*") if path.is_dir()}
    assert {path for path in folders if path.name != "__pycache__"} == set(CASES)
    assert {case.parent.name for case in CASES} == set(ADAPTERS)


def outcome(provider: str, answer: Recorded) -> dict[str, Any]:
    """What the adapter makes of the answer, in the form of expected.json."""
    clock, resource = Clock(), RESOURCES[provider]
    build, dialect = ADAPTERS[provider]
    with loopback(in_turn(answer)) as server:
        client = Client(
            server.url,
            "golden-token",
            dialect,
            deadline=clock.now + 240,
            clock=clock,
            wall_clock=lambda: SEEN_MS / SECOND_MS,
            sleep=clock.sleep,
            jitter=lambda: 1.0,
        )
        adapter = build(client, "main")
        request = adapter.current(resource, Window(END_MS - FIVE_MINUTES_MS, END_MS))
        assert request is not None
        try:
            normalised = adapter.normalise(resource, adapter.fetch(request), SEEN_MS)
        except TributaryError as error:
            after = error.after_seconds if isinstance(error, RetriableError) else None
            failed = {"error": type(error).__name__, "says": str(error), "afterSeconds": after}
            return {**failed, "asked": client.requests}
    return told(normalised)


def told(normalised: Normalised) -> dict[str, Any]:
    columns = [
        {
            "metric": column.key.metric,
            "instance": column.key.instance,
            "from": list(column.key.origin),
            "runs": [[run.rows, run.resolution_ms / SECOND_MS] for run in column.runs],
            "samples": [
                [rfc3339(time_ms), value]
                for time_ms, value in zip(column.times, column.values, strict=True)
            ],
        }
        for column in normalised.columns
    ]
    assert all(run.seen_ms == SEEN_MS for column in normalised.columns for run in column.runs)
    return {
        "columns": columns,
        "instances": normalised.instances,
        "unknown": [list(pair) for pair in normalised.unknown],
        "warnings": list(normalised.warnings),
    }


def defaults(expected: dict[str, Any]) -> dict[str, Any]:
    if "error" in expected:
        return {"afterSeconds": None, "asked": 1}
    return {"columns": [], "instances": {}, "unknown": [], "warnings": []}


def recorded(case: Path) -> Recorded:
    """The answer as it is to be served."""
    if (case / "answer.json").exists():
        answer = json.loads((case / "answer.json").read_text())
        return Recorded(answer["status"], answer["headers"], json.dumps(answer["body"]).encode())
    head, _, body = (case / "answer.txt").read_bytes().partition(b"\n\n")
    status, *lines = head.decode().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return Recorded(int(status.split()[1]), headers, body)
