"""Prometheus: series written as its blocks, and a server over them."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet import Series
from benchmarks.peers import Program, debian_program
from benchmarks.server import Client, running
from local.failure import Failure
from tributary.windows import SECOND_MS

# One block a day, as its own compaction would leave them.
_BLOCK = "24h"


@dataclass(frozen=True, slots=True)
class BlockSize:
    """Bytes of all blocks: samples, and the index that finds them."""

    chunks: int
    index: int


class Prometheus:
    """Debian's package, whose promtool writes blocks. Raises PeerMissing where it is not."""

    def __init__(self) -> None:
        self._server: Program = debian_program("prometheus", "prometheus", "Prometheus")
        self._tool = debian_program("prometheus", "promtool", "promtool")
        self.name = self._server.name

    def write(self, series: Iterable[Series], folder: Path) -> BlockSize:
        """Makes blocks of the series in `folder`/data."""
        source, data = folder / "samples.txt", folder / "data"
        with source.open("w") as file:
            file.writelines(_openmetrics(series))
        options = ["--max-block-duration", _BLOCK, "openmetrics", str(source), str(data)]
        done = subprocess.run(
            [str(self._tool.path), "tsdb", "create-blocks-from", *options],
            capture_output=True,
            text=True,
            check=False,
        )
        source.unlink()
        if done.returncode:
            raise Failure(f"promtool made no blocks: {done.stderr.strip()}")
        return BlockSize(_bytes(data.glob("*/chunks/*")), _bytes(data.glob("*/index")))

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Client]:
        """A server over the blocks in `folder`/data."""
        settings = folder / "prometheus.yml"
        settings.write_text("scrape_configs: []\n")
        command: list[str | Path] = [
            self._server.path,
            f"--config.file={settings}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            "--log.level=warn",
        ]
        with running(command, "--web.listen-address=", "/-/ready", folder) as client:
            yield client
        shutil.rmtree(folder / "data" / "wal", ignore_errors=True)


def _openmetrics(series: Iterable[Series]) -> Iterator[str]:
    yield "# TYPE m gauge\n"
    for one in series:
        labels = ",".join(f'{name}="{value}"' for name, value in one.labels.items())
        for time_ms, value in zip(one.times, one.values, strict=True):
            yield f"m{{{labels}}} {value!r} {time_ms // SECOND_MS}\n"
    yield "# EOF\n"


def _bytes(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)
