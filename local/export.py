"""`make export`: everything that a deployed table holds, as files; it only reads."""

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError

from local.failure import Failure
from local.user_aws import LOOKED_FOR, in_force, user_client
from tributary.errors import SettingsError, StorageError
from tributary.hours import Hours
from tributary.registry import Entry, Registry, Shard
from tributary.retention import Retention
from tributary.rollups import Rollups
from tributary.store import Store
from tributary.table import Table
from tributary.windows import (
    SECOND_MS,
    AnyTier,
    RollupTier,
    Tier,
    Window,
    parse_rfc3339,
    rfc3339_exact,
    windows_over,
)

_USAGE = (
    "Say which table and where to, as in make export TABLE=tributary-Table-1AB OUT=history. "
    "FORMAT=ndjson writes lines of JSON instead of CSV; RESOURCE=<beginning of ids> leaves out "
    "others."
)
_SAMPLES = ("time", "resource", "instance", "metric", "value", "resolutionSeconds", "origin")
_POINTS = (
    *("time", "resource", "instance", "metric", "lengthSeconds"),
    *("average", "minimum", "maximum", "last", "count", "coveredSeconds"),
)

type Row = tuple[Any, ...]


@dataclass(frozen=True)
class Wish:
    """What the user wants: which table's history of which resources, as what, where."""

    table: str
    out: Path
    form: str
    resource: str

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "Wish":
        """`--table=… --out=…`; raises Failure for what can't be meant, or is there already."""
        parser = argparse.ArgumentParser(prog="make export", description=__doc__)
        for name in ("table", "out", "format", "resource"):
            parser.add_argument(f"--{name}", default="")
        given = parser.parse_args(arguments)
        if not given.table or not given.out:
            raise Failure(_USAGE)
        if given.format not in ("", "csv", "ndjson"):
            raise Failure(f"FORMAT={given.format} is not one of csv, ndjson.")
        out = Path(given.out)
        if out.exists():
            raise Failure(f"{out} is there already: say another place, or remove it.")
        return cls(given.table, out, given.format or "csv", given.resource)


class Export:
    """Reads a table's history, resource by resource and day by day."""

    def __init__(self, table: Table, shards: Sequence[Shard], clock: Callable[[], float]) -> None:
        retention = Retention(in_force(Hours(table).get(shard).stamps for shard in shards))
        self._table = table
        self._store = Store(table, retention, clock)
        self._rollups = Rollups(table, self._store, retention, clock)
        self._clock = clock

    def samples(self, entry: Entry) -> Iterator[Row]:
        """Every sample that is kept, once and in order, under the names and units of the docs."""
        for day in self._windows(entry, Tier.DAY, Tier):
            for column in self._store.read(entry.resource, day.start_ms, day.end_ms):
                named = column.key
                origin = f"{named.origin.metric} {named.origin.unit}".strip()
                for first, last, run in column.spans():
                    for row in range(first, last):
                        yield (
                            rfc3339_exact(column.times[row]),
                            entry.resource,
                            named.instance,
                            named.metric,
                            column.values[row],
                            run.resolution_ms / SECOND_MS,
                            origin,
                        )

    def points(self, entry: Entry) -> Iterator[Row]:
        """Every point of the rollups of five minutes, an hour and a day; without an instance where
        it is about the resource as a whole."""
        for tier in RollupTier:
            for window in self._windows(entry, tier, [tier]):
                for key, points in self._rollups.series(entry.resource, tier, window):
                    shown = points.unscaled()
                    for row, average in enumerate(points.averages):
                        yield (
                            rfc3339_exact(shown.times[row]),
                            entry.resource,
                            key.instance,
                            key.metric,
                            tier.point_ms / SECOND_MS,
                            average,
                            shown.least[row],
                            shown.greatest[row],
                            shown.last[row],
                            shown.count[row],
                            shown.covered_ms[row] / SECOND_MS,
                        )

    def _windows(self, entry: Entry, each: AnyTier, stored: Iterable[AnyTier]) -> Iterator[Window]:
        """From the oldest item of these tiers on: what was imported began before what is known of
        the resource's instances."""
        oldest = []
        for tier in stored:
            items = self._table.query(entry.resource, f"{tier.value}#", f"{tier.value}#~")
            oldest += [parse_rfc3339(item.key.sk.split("#")[1]) for item in islice(items, 1)]
        if oldest:
            yield from windows_over(each, min(oldest), int(self._clock() * SECOND_MS))


def main(
    arguments: Sequence[str], say: Callable[[str], None], clock: Callable[[], float] = time.time
) -> None:
    """Writes resources.ndjson, samples and points into a new folder, which is there once all is.

    Raises Failure for arguments or a table that can't be used.
    """
    wish = Wish.of(arguments)
    try:
        table = Table(user_client("dynamodb"), wish.table, clock)
        shards = list(Registry(table).shards())
        entries = [
            entry
            for shard in shards
            for name, entry in sorted(shard.entries.items())
            if name.startswith(wish.resource)
        ]
        if not entries:
            raise Failure(f"{wish.table} has no resource whose id begins {wish.resource!r}.")
        part = wish.out.with_name(f"{wish.out.name}.part")
        part.mkdir(parents=True, exist_ok=True)
        _write(Export(table, shards, clock), entries, part, wish.form, say)
        part.rename(wish.out)
    except (BotoCoreError, StorageError, SettingsError) as error:
        raise Failure(f"Reading {wish.table} failed: {error}. {LOOKED_FOR}") from error


def _write(
    export: Export, entries: Sequence[Entry], folder: Path, form: str, say: Callable[[str], None]
) -> None:
    with ExitStack() as opened:

        def file(name: str) -> TextIO:
            return opened.enter_context((folder / name).open("w", newline="", encoding="utf-8"))

        resources = file("resources.ndjson")
        samples, points = (
            _writer(file(f"{name}.{form}"), columns, form)
            for name, columns in (("samples", _SAMPLES), ("points", _POINTS))
        )
        for number, entry in enumerate(entries, 1):
            resources.write(_json({"resource": entry.resource, "attributes": entry.attributes}))
            counts = [sum(map(write, rows)) for write, rows in (
                (samples, export.samples(entry)), (points, export.points(entry)),
            )]  # fmt: skip
            say(
                f"{number} of {len(entries)}  {entry.resource}: {counts[0]:,} samples, "
                f"{counts[1]:,} points"
            )


def _writer(file: TextIO, columns: Sequence[str], form: str) -> Callable[[Row], int]:
    """Writes a row, and says that it was one."""
    if form == "ndjson":

        def write_json(row: Row) -> int:
            file.write(_json(dict(zip(columns, row, strict=True))))
            return 1

        return write_json
    rows = csv.writer(file)
    rows.writerow(columns)

    def write(row: Row) -> int:
        rows.writerow(row)
        return 1

    return write


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    try:
        main(sys.argv[1:], print)
    except Failure as failure:
        sys.exit(str(failure))
