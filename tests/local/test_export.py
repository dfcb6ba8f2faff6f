"""`make export`: every sample and point of a table, and nothing that is not in it."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.export import main
from local.failure import Failure
from tests.dynamodb import TABLE
from tests.layer.collecting import WEB_1, Fleet, fleet
from tests.layer.samples import TEN
from tests.layer.world import World
from tributary.compaction import Compaction
from tributary.points import SeriesKey
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.table import Table
from tributary.windows import DAY_MS, RollupTier, Window, parse_rfc3339

pytestmark = pytest.mark.moto("what is read is read in the same way from any DynamoDB")

# 2026-11-24T02:00:00Z: the first day is closed.
LATER = TEN / 1000 + 40 * 3600


@pytest.fixture
def hostup(table: None) -> Iterator[Fleet]:
    """Four VPSes, collected and compacted over more than a day."""
    world = World()
    with fleet(world, "hostup") as found:
        for hours in (0.25, 13, 26, 39):
            assert not found.run(hours * 60).errors
        world.now = LATER
        compacted = Table(world.client, TABLE, world.clock)
        assert not Compaction.on(compacted, Retention.of_days(), world.clock).run(2**53).errors
        yield found


def _cpu(key: SeriesKey) -> bool:
    return key.metric == "cpu.utilization"


def exported(fleet: Fleet, *arguments: str) -> list[str]:
    said: list[str] = []
    main([f"--table={TABLE}", *arguments], said.append, fleet.world.clock)
    return said


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_every_sample_is_exported_once_under_its_name_and_unit(
    hostup: Fleet, tmp_path: Path
) -> None:
    exported(hostup, f"--out={tmp_path / 'history'}")

    given: defaultdict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for row in rows(tmp_path / "history" / "samples.csv"):
        series = row["resource"], row["instance"], row["metric"]
        given[series].append((parse_rfc3339(row["time"]), float(row["value"])))
    stored = {
        (resource, column.key.instance, column.key.metric): list(
            zip(column.times, column.values, strict=True)
        )
        for resource in (entry for shard in hostup.shards() for entry in shard.entries)
        for column in hostup.world.read(-2 * 86_400, 3 * 86_400, resource)
    }
    assert given == stored
    assert len(stored) == 4 * 6
    assert sum(map(len, stored.values())) == 6312


def test_every_point_is_exported_with_its_extremes(hostup: Fleet, tmp_path: Path) -> None:
    exported(hostup, f"--out={tmp_path / 'history'}", f"--resource={WEB_1}")

    points = rows(tmp_path / "history" / "points.csv")
    assert {row["resource"] for row in points} == {WEB_1}
    assert {row["lengthSeconds"] for row in points} == {"300.0", "3600.0", "86400.0"}
    table, retention = Table(hostup.world.client, TABLE, hostup.world.clock), Retention.of_days()
    rollups = Rollups(table, hostup.world.store, retention, hostup.world.clock)
    for field, fold in (("average", "avg"), ("minimum", "min"), ("maximum", "max")):
        read = rollups.read(WEB_1, RollupTier.HOUR, Window(0, TEN + 30 * DAY_MS), _cpu, fold)
        [folded] = read.values()
        given = [
            float(row[field])
            for row in points
            if (row["metric"], row["lengthSeconds"]) == ("cpu.utilization", "3600.0")
        ]
        assert given == pytest.approx(list(folded.values))


def test_resources_and_lines_of_json_are_written_where_that_is_wanted(
    hostup: Fleet, tmp_path: Path
) -> None:
    said = exported(hostup, f"--out={tmp_path / 'history'}", "--format=ndjson")

    folder = tmp_path / "history"
    assert sorted(file.name for file in folder.iterdir()) == [
        *("points.ndjson", "resources.ndjson", "samples.ndjson"),
    ]
    resources = [json.loads(one) for one in (folder / "resources.ndjson").read_text().splitlines()]
    assert len(resources) == len(said) == 4
    web = next(one for one in resources if one["resource"] == WEB_1)
    assert web["attributes"]["name"] == "web-1"
    with (folder / "samples.ndjson").open() as opened:
        first = json.loads(next(opened))
    assert set(first) == {
        *("time", "resource", "instance", "metric", "value", "resolutionSeconds", "origin")
    }


def test_a_folder_is_there_only_once_all_is_in_it(hostup: Fleet, tmp_path: Path) -> None:
    out = tmp_path / "history"

    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        main([f"--table={TABLE}", f"--out={out}"], full, hostup.world.clock)

    assert not out.exists()
    exported(hostup, f"--out={out}")
    assert len(rows(out / "samples.csv")) == 6312


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say which table and where to"),
        ((f"--table={TABLE}", "--out=x", "--format=parquet"), "FORMAT=parquet is not one of csv"),
        ((f"--table={TABLE}", "--out=."), "is there already: say another place, or remove it"),
        (("--table=none", "--out=x"), "Reading none failed: reading .*ResourceNotFoundException"),
        ((f"--table={TABLE}", "--out=x"), "tributary has no resource whose id begins ''"),
    ],
)
def test_what_cannot_be_exported_is_said(
    table: None,
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Failure, match=said):
        main(arguments, print)
    assert list(tmp_path.iterdir()) == []
