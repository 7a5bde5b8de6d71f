"""Stock schemathesis, all checks on, finds nothing in the running mock but what ``schemathesis.toml`` explains."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mockserver import MockServer, Settings

HERE = Path(__file__).parent


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with MockServer(Settings(port=0, provisioning=0)) as server:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
                "run", f"{server.url}/openapi.json", "--header", "Authorization: Bearer dapi-mock",
                "--max-examples", "10", "--seed", "1", "--max-time", "30", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    generated = re.search(r"(\d+) generated", done.stdout)
    assert done.returncode == 0, done.stdout[-8000:]
    assert generated is not None
    assert int(generated.group(1)) > 500, done.stdout[-2000:]
