"""The command ``serving-mock serve`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

COMMAND = [sys.executable, "-m", "mockserver", "serve"]


@contextmanager
def serving(
    *options: str, command: Sequence[str] = COMMAND, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """The running command, its URL and the lines it printed until it was ready."""
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Ready"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            lines.append(line.rstrip("\n"))
        yield process, lines[0].split()[-1], lines
    finally:
        process.kill()
        process.communicate()


def refused(*options: str, **environment: str) -> str:
    """What the command says when it refuses to start, with exit code 2 and no stack trace."""
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=30, env={**os.environ, **environment}
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr
