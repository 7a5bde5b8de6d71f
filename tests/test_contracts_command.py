"""The command: exit codes, the plan, the reports, the known deviations, comparison, drift."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import contracts_defects as planted
import pytest

from contracts.deviations import DeviationError, read_deviations
from contracts.diff import compare
from contracts.drift import drift_of, installed, read_release
from contracts.laws import SOURCES, law, laws
from contracts.record import read_recording
from contracts.report.scrub import Scrubber
from contracts.target import TargetError, find_target
from mockserver.settings import Settings

QUICK = Settings(provisioning=0.2, log_level="error")
TOKEN = "dapi-mock-of-this-very-test"


def contracts(*arguments: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "GITHUB_"))}
    return subprocess.run(
        [sys.executable, "-m", "contracts", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**clean, "XDG_STATE_HOME": str(tmp_path), "DATABRICKS_CONFIG_FILE": "/nowhere", **environment},
        check=False,
    )


def test_a_target_that_keeps_the_contract_is_0_and_all_artefacts_are_written(tmp_path: Path) -> None:
    with planted.Server(None, QUICK) as server:
        done = contracts(
            "check", server.url, "--token", TOKEN, "--no-fuzz", "--journey", "tags", "--journey", "accepted-providers",
            "--report", str(tmp_path / "report"), "--record", str(tmp_path / "run.json"), tmp_path=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {"report.html", "junit.xml", "findings.json", "findings.sarif", "summary.md"}
    document = json.loads((tmp_path / "report" / "findings.json").read_text("utf-8"))
    assert document["exit_code"] == 0
    assert document["budget"]["requests"]["spent"] > 50
    assert not document["findings"]
    for path in (*(tmp_path / "report").iterdir(), tmp_path / "run.json"):
        text = path.read_text("utf-8")
        assert "sk-canary-" not in text, path
        assert TOKEN not in text, path


def test_a_broken_target_is_1_and_every_artefact_says_so_without_a_secret(tmp_path: Path) -> None:
    summary = tmp_path / "step.md"
    with planted.Server(planted.DEFECTS["plain-secrets-are-echoed"], QUICK) as server:
        done = contracts(
            "check", server.url, "--token", TOKEN, "--no-fuzz", "--journey", "accepted-providers", "--report",
            str(tmp_path / "report"), tmp_path=tmp_path, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary),
        )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    artefacts = [path.read_text("utf-8") for path in (tmp_path / "report").iterdir()]
    for text in (*artefacts, done.stdout, done.stderr, summary.read_text("utf-8")):
        assert "access.secret" in text or text == done.stderr
        assert "sk-canary-" not in text
        assert TOKEN not in text
    assert "::error file=openapi/paths/" in done.stdout
    assert "$DATABRICKS_TOKEN" in done.stdout
    assert "WorkspaceClient()" in done.stdout
    sarif = json.loads((tmp_path / "report" / "findings.sarif").read_text("utf-8"))
    found = sarif["runs"][0]["results"][0]
    rules = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert sarif["version"] == "2.1.0"
    assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
    place = found["locations"][0]["physicalLocation"]
    line = Path(place["artifactLocation"]["uri"]).read_text("utf-8").splitlines()[place["region"]["startLine"] - 1]
    assert "operationId" in line
    suite = ElementTree.parse(tmp_path / "report" / "junit.xml").getroot()[0]
    failed = [case.get("name", "") for case in suite if case.find("failure") is not None]
    assert any(name.startswith("access.secret") for name in failed)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "<script src" not in page
    assert "http://" not in page.replace(server.url, "").replace("http://www.w3.org", "")


def test_what_cannot_be_reached_or_used_is_2(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    cases = [
        ("check", "http://127.0.0.1:9", "--token", "t"),
        ("check", "http://127.0.0.1:9"),
        ("check", "ftp://somewhere", "--token", "t"),
        ("check", "ftp://somewhere"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--max-time", "-1"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--settle", "-1"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--report", str(taken / "report")),
        ("check", "https://example.cloud.databricks.com", "--token", "t", "--allow", "write"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--allow", "query"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--journey", "nonsense"),
        ("check", "http://127.0.0.1:9", "--token", "t", "--assert", "rules.traffic-some"),
        ("check", "--no-such-option"),
        ("sweep", "http://127.0.0.1:9", "--token", "t"),
        ("explain", "rules.traffic-some"),
    ]
    for arguments in cases:
        done = contracts(*arguments, tmp_path=tmp_path)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()


def test_a_credential_that_is_not_accepted_is_2(tmp_path: Path) -> None:
    with planted.Server(None, QUICK) as server:
        done = contracts("check", server.url, "--token", "not-a-token-at-all", "--no-fuzz", tmp_path=tmp_path)
    assert done.returncode == 2
    assert "does not accept the credential" in done.stderr
    assert "not-a-token-at-all" not in done.stdout + done.stderr


def test_a_budget_that_is_spent_too_early_is_3(tmp_path: Path) -> None:
    with planted.Server(None, QUICK) as server:
        done = contracts("check", server.url, "--token", TOKEN, "--no-fuzz", "--max-requests", "40", tmp_path=tmp_path)
    assert done.returncode == 3, done.stdout
    assert "requests" in done.stdout


def test_what_cannot_be_removed_is_named_and_4(tmp_path: Path) -> None:
    def change(case: planted.Case) -> bool:
        if case.method == "DELETE":
            case.refuse(403, "PERMISSION_DENIED", "User does not have permission 'Manage'.")
            return True
        return False

    defect = planted.Defect("undeletable", "memory.delete", (), change, before=True)
    with planted.Server(defect, QUICK) as server:
        done = contracts("check", server.url, "--token", TOKEN, "--no-fuzz", "--journey", "tags", tmp_path=tmp_path)
    assert done.returncode == 4, done.stdout
    assert "Left behind: contract-" in done.stdout


def test_a_dry_run_sends_nothing_and_prints_the_plan(tmp_path: Path) -> None:
    done = contracts("check", "http://127.0.0.1:9", "--token", "t", "--dry-run", tmp_path=tmp_path)
    assert done.returncode == 0
    for word in ("Operations", "Requests", "Could cost", "create_serving_endpoint", "/api/2.0/serving-endpoints"):
        assert word in done.stdout or word == "create_serving_endpoint"


def test_off_loopback_the_default_is_to_read_only(tmp_path: Path) -> None:
    done = contracts("check", "https://example.com", "--token", "t", "--dry-run", tmp_path=tmp_path)
    assert "Allowed       read" in done.stdout
    assert "POST" not in done.stdout


def test_every_law_has_a_sentence_a_reason_and_a_source(tmp_path: Path) -> None:
    for each in laws().values():
        assert each.sentence.endswith((".", ":"))
        assert each.why.endswith(".")
        assert each.source in SOURCES
    listed = contracts("laws", tmp_path=tmp_path).stdout
    assert all(identifier in listed for identifier in laws())
    assert law("memory.tags").why in contracts("explain", "memory.tags", tmp_path=tmp_path).stdout
    with pytest.raises(KeyError, match=r"did you mean memory\.tags"):
        law("memory.tag")


def test_a_known_deviation_is_not_counted_and_a_stale_one_fails_the_run(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    entry = {
        "law": "shape.status",
        "operation": "create_serving_endpoint",
        "reason": "gateway",
        "expires": "2999-01-01",
    }
    known.write_text(json.dumps({"failures": [entry]}), "utf-8")
    arguments = (
        "--token",
        TOKEN,
        "--no-fuzz",
        "--journey",
        "discovery",
        "--journey",
        "trailing-slash",
        "--known",
        str(known),
    )
    with planted.Server(planted.DEFECTS["created-is-201"], QUICK) as server:
        excused = contracts("check", server.url, *arguments, tmp_path=tmp_path)
    with planted.Server(None, QUICK) as server:
        stale = contracts("check", server.url, *arguments, tmp_path=tmp_path)
    assert excused.returncode == 0, excused.stdout
    assert stale.returncode == 1
    assert "no longer occurs" in stale.stdout


@pytest.mark.parametrize(
    "entry",
    [
        {"law": "shape.status", "expires": "2999-01-01"},
        {"law": "shape.status", "reason": "x"},
        {"law": "shape.status", "reason": "x", "expires": "2001-01-01"},
        {"reason": "x", "expires": "2999-01-01"},
    ],
)
def test_a_known_deviation_needs_a_law_a_reason_and_an_expiry_to_come(entry: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text(json.dumps([entry]), "utf-8")
    with pytest.raises(DeviationError):
        read_deviations(tmp_path / "known.json")


def test_two_mocks_are_alike_and_a_tampered_one_is_not(tmp_path: Path) -> None:
    recording, tampered = tmp_path / "clean.json", tmp_path / "tampered.json"
    journeys = ("--journey", "discovery", "--journey", "tags", "--journey", "without-configuration")
    for path, defect in ((recording, None), (tampered, planted.DEFECTS["not-found-says-endpoint-not-found"])):
        with planted.Server(defect, QUICK) as server:
            contracts(
                "check", server.url, "--token", TOKEN, "--no-fuzz", *journeys, "--record", str(path), tmp_path=tmp_path
            )
    with planted.Server(None, QUICK) as server:
        same = contracts("diff", str(recording), server.url, "--token", TOKEN, *journeys, tmp_path=tmp_path)
    assert same.returncode == 0, same.stdout
    other = contracts("diff", str(recording), str(tampered), tmp_path=tmp_path)
    assert other.returncode == 1
    comparison = compare(read_recording(recording), read_recording(tampered))
    assert "error_code" in {each.kind for each in comparison.differences}
    assert 0.5 < comparison.fidelity < 1


def test_the_contract_has_everything_of_the_installed_sdk_and_a_made_up_release_drifts(tmp_path: Path) -> None:
    path = installed()
    if path is None:
        pytest.skip("databricks-sdk is not installed")
    release = read_release(path)
    assert len(release.operations) > 15
    assert not drift_of(release).is_any
    text = path.read_text("utf-8")
    text = text.replace("class EndpointTag:", "class EndpointTag:\n    colour: Optional[str] = None\n", 1)
    (tmp_path / "newer.py").write_text(text, "utf-8")
    newer = drift_of(read_release(tmp_path / "newer.py"), release)
    assert newer.members == ["EndpointTag.colour"]
    assert newer.new == ["EndpointTag.colour"]


def test_the_scrubber_knows_values_and_names() -> None:
    scrubber = Scrubber.knowing(["s3cr3t/value+x"])
    spellings = 's3cr3t/value+x "s3cr3t/value+x" s3cr3t%2Fvalue%2Bx'
    assert "s3cr3t" not in scrubber.text(spellings)
    named = scrubber.text('{"openai_api_key_plaintext": "whatever", "openai_api_key": "{{secrets/a/b}}"}')
    assert "whatever" not in named
    assert "{{secrets/a/b}}" in named
    assert "abcdefghijkl" not in scrubber.text("Authorization: Bearer abcdefghijkl")


def test_the_credential_comes_from_the_option_the_environment_or_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "from-the-environment")
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1234/")
    assert find_target(None).url == "http://127.0.0.1:1234"
    assert find_target(None).token == "from-the-environment"
    assert find_target("http://localhost:1", "given").token == "given"
    assert "given" not in repr(find_target("http://localhost:1", "given"))
    with pytest.raises(TargetError, match="not in the URL"):
        find_target("http://user:secret@localhost", "t")


def test_the_harness_never_imports_the_mock() -> None:
    code = "import contracts.command, contracts.run, contracts.runner, contracts.diff, contracts.drift, sys; " \
           "print([name for name in sys.modules if name.startswith('mockserver')])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
