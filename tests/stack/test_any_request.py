"""Any request at all, made up from the API's document by schemathesis, to the running stack: no
failure of the API's own, and no answer that the document does not tell of."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.collected import CollectedStack

HERE = Path(__file__).parent
# Which parameters exclude one another, and which cursors were given out, no document can say.
UNSAYABLE = "positive_data_acceptance"


@pytest.mark.parametrize("names", ["any names", "names that there are"])
def test_any_request_is_answered_as_documented(
    stack: CollectedStack, names: str, tmp_path: Path
) -> None:
    known = ["--config-file", str(HERE / "schemathesis.toml")] if "there are" in names else []
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), *known, "run"),
            f"{stack.url}/openapi.json",
            *("--header", f"Authorization: Bearer {stack.token}"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--seed", "1"),
            *("--max-examples", "12", "--exclude-checks", UNSAYABLE),
            *("--suppress-health-check", "all", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
