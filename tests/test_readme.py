"""The README claims only what runs: each of its commands and snippets is run here, against a server of its own."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from mockserver import MockServer, Settings
from mockserver.settings import ENVIRONMENT_PREFIX

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SNIPPETS = [text for language, text in BLOCKS if language == "python" and "serving_mock" not in text]
RUN_AS_TESTS = [text for language, text in BLOCKS if language in ("bash", "yaml") or "serving_mock" in text]
RUN_ELSEWHERE = {
    "pip install . && serving-mock serve\n": "the wheel check of .ci/run",
    "pip install -e '.[test]' && pytest\n": "the last step of .ci/run",
}
COMMANDS = [text for language, text in BLOCKS if language == "sh" and text not in RUN_ELSEWHERE]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(Settings(port=0, provisioning=0)) as running:
        yield running


def following(snippet: str) -> str | None:
    """The output that the README prints right after a snippet."""
    index = BLOCKS.index(("python", snippet))
    after = BLOCKS[index + 1] if index + 1 < len(BLOCKS) else ("", "")
    between = README[README.index(snippet) + len(snippet) :]
    return after[1] if after[0] == "text" and re.match(r"```\s+```text\n", between) else None


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.splitlines()[-1][:50])
def test_a_python_snippet_runs_and_prints_what_the_readme_says(
    server: MockServer, snippet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-mock")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    expected = following(snippet)
    if expected is not None:
        assert output.getvalue() == expected


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.splitlines()[0][:50])
def test_a_command_succeeds(server: MockServer, command: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATABRICKS_HOST": server.url,
        "DATABRICKS_TOKEN": "dapi-mock",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stdout[:200]


@pytest.mark.parametrize("snippet", RUN_AS_TESTS, ids=lambda snippet: snippet.splitlines()[0][:50])
def test_a_snippet_on_testing_stands_among_the_tests(snippet: str) -> None:
    """Every line of it but the annotated heads of functions, in tests/test_plugin_readme.py, which runs it."""
    tests = (ROOT / "tests/test_plugin_readme.py").read_text("utf-8")
    heads = re.compile(r"(def |@)")
    lines = [line.strip() for line in snippet.splitlines() if line.strip() and not heads.match(line.strip())]
    assert [line for line in lines if line not in tests] == []
    assert [name for name in re.findall(r"def (\w+)", snippet) if f"def {name}(" not in tests] == []


def test_the_setup_commands_are_the_ones_ci_runs() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    for command in RUN_ELSEWHERE:
        assert f"```sh\n{command}```" in README
    assert "&& pytest" in script
    assert "serving-mock" in script


def test_the_options_are_the_settings() -> None:
    """Run ``python tests/test_readme.py`` to write the table anew."""
    assert options_table() in README


def options_table() -> str:
    rows = ["| option | environment variable | meaning |", "|---|---|---|"]
    for field in fields(Settings):
        default = "" if field.default in (None, ()) else f" (default `{field.default}`)"
        option = f"--{field.name.replace('_', '-')}"
        rows.append(f"| `{option}` | `{ENVIRONMENT_PREFIX}{field.name.upper()}` | {field.metadata['help']}{default} |")
    return "\n".join(rows)


if __name__ == "__main__":
    table = f"<!-- options: begin -->\n{options_table()}\n<!-- options: end -->"
    written = re.sub(r"<!-- options: begin -->.*?<!-- options: end -->", lambda _: table, README, flags=re.DOTALL)
    (ROOT / "README.md").write_text(written, "utf-8")
