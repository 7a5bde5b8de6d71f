"""SARIF 2.1: laws are rules, and a finding lies where the contract describes its operation."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..laws import SOURCES, laws

if TYPE_CHECKING:
    from ..findings import Finding
    from ..run import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@cache
def locations() -> dict[str, tuple[str, int]]:
    """The file and the line of each operation of the contract."""
    found: dict[str, tuple[str, int]] = {}
    for file in sorted((files("openapi") / "paths").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                if line.strip().startswith("operationId:"):
                    found[line.partition(":")[2].strip()] = (f"openapi/paths/{file.name}", number)
    return found


def render(result: Result) -> str:
    """The findings as a SARIF log."""
    rules = [
        {
            "id": law.id,
            "shortDescription": {"text": law.sentence},
            "fullDescription": {"text": f"{law.sentence} {law.why}"},
            "help": {"text": f"{law.why} Source: {SOURCES[law.source]}."},
            "defaultConfiguration": {"level": "error"},
        }
        for law in laws().values()
    ]
    order = {identifier: index for index, identifier in enumerate(laws())}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "serving-contracts",
                        "informationUri": "https://pypi.org/project/serving-endpoints-mock/",
                        "rules": rules,
                    }
                },
                "results": [_result(finding, order) for finding in result.findings],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _result(finding: Finding, order: dict[str, int]) -> dict[str, Any]:
    file, line = locations().get(finding.operation, ("openapi/openapi.yaml", 1))
    found: dict[str, Any] = {
        "ruleId": finding.law.id,
        "ruleIndex": order[finding.law.id],
        "level": "note" if finding.known else "error",
        "message": {"text": f"{finding.operation}: expected {finding.expected}; got {finding.got}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": line},
                }
            }
        ],
        "partialFingerprints": {"contractFinding/v1": finding.key},
    }
    if finding.known:
        found["suppressions"] = [{"kind": "external", "justification": finding.known}]
    return found
