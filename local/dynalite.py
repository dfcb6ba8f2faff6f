"""dynalite: a second DynamoDB for this machine, which says what each call costs."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from local.build import ROOT
from local.environment import bare
from local.failure import Failure
from local.processes import Processes

_FOLDER = ROOT / ".dynalite"
# Its own command can't be told to take any free port.
_LISTEN = """
const server = require("dynalite")({createTableMs: 0, deleteTableMs: 0})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
"""


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a dynalite that keeps everything in memory, until left. Raises Failure where
    it is not installed, or does not start."""
    node = shutil.which("node")
    if node is None or not (_FOLDER / "node_modules" / "dynalite").exists():
        raise Failure("dynalite is missing: `make test-dynalite` installs it where there is npm.")
    with tempfile.TemporaryFile() as log, Processes() as processes:
        child = processes.start([node, "-e", _LISTEN], bare(), _FOLDER, log, piped=True)
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        if not port:
            log.seek(0)
            raise Failure(f"dynalite did not start: {log.read().decode()}")
        yield f"http://127.0.0.1:{int(port)}"
