"""VictoriaMetrics: a server without caches of answers, and the series imported into it."""

import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.fleet import Series
from benchmarks.peers import debian_program
from benchmarks.server import Client, running
from local.failure import Failure

_MERGE_SECONDS = 300.0
_BETWEEN_POLLS_SECONDS = 0.1
_IMPORTED_AT_ONCE = 10


class VictoriaMetrics:
    """Debian's package. Raises PeerMissing where it is not."""

    def __init__(self) -> None:
        self._program = debian_program("victoria-metrics", "victoria-metrics", "VictoriaMetrics")
        self.name = self._program.name

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Client]:
        """A server whose data is in `folder`/data."""
        command: list[str | Path] = [
            self._program.path,
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            "-search.disableCache",
            "-loggerLevel=ERROR",
        ]
        with running(command, "-httpListenAddr=", "/health", folder) as client:
            yield client


def load(client: Client, series: Iterable[Series]) -> None:
    """Imports the series, flushes them to disk and merges what lies there."""
    lines: list[bytes] = []
    for one in series:
        lines.append(_line(one))
        if len(lines) == _IMPORTED_AT_ONCE:
            client.post("/api/v1/import", b"".join(lines))
            lines = []
    client.post("/api/v1/import", b"".join(lines))
    client.get("/internal/force_flush")
    client.get("/internal/force_merge")
    _await_merged(client)


def data_bytes(folder: Path) -> int:
    """Bytes of samples with the index of their blocks; that of labels (indexdb) is not in it."""
    return _bytes_under(folder / "data" / "data")


def label_bytes(folder: Path) -> int:
    """Bytes of the index of labels."""
    return _bytes_under(folder / "data" / "indexdb")


def _line(series: Series) -> bytes:
    document = {
        "metric": {"__name__": "m", **series.labels},
        "values": series.values.tolist(),
        "timestamps": list(series.times),
    }
    return json.dumps(document).encode() + b"\n"


def _await_merged(client: Client) -> None:
    deadline = time.monotonic() + _MERGE_SECONDS
    while time.monotonic() < deadline:
        found = client.get("/metrics").decode()
        running_merges = re.findall(r"^vm_active(?:_force)?_merges\S* (\d+)$", found, re.MULTILINE)
        if running_merges and not any(map(int, running_merges)):
            return
        time.sleep(_BETWEEN_POLLS_SECONDS)
    raise Failure(f"VictoriaMetrics is still merging after {_MERGE_SECONDS:.0f} s")


def _bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
