"""Bytecode beside what `sam build` built, so that no cold start compiles it again.

Lambda's file system is read-only: without this, each new instance compiles every module it imports.
"""

import compileall
import py_compile
from pathlib import Path

from local.failure import Failure

# Where Lambda puts functions and layers: tracebacks name files as they are there.
_FUNCTION, _LAYER = "/var/task", "/opt"


def add(built: Path) -> None:
    """Compiles every module in the folders that were built; Failure names one that can't be."""
    for folder in (path for path in built.iterdir() if path.is_dir()):
        # By its hash, unchecked: packing changes the times of files, by which it would be stale.
        compiled = compileall.compile_dir(
            folder,
            quiet=2,
            force=True,
            stripdir=folder,
            prependdir=_LAYER if (folder / "python").is_dir() else _FUNCTION,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if not compiled:
            raise Failure(f"{folder} has a module that does not compile")
