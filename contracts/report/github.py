"""Annotations of GitHub Actions: one line for each finding, at the operation in the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sarif import locations

if TYPE_CHECKING:
    from ..run import Result


def workflow_commands(result: Result) -> str:
    """The workflow commands."""
    lines = []
    for finding in result.findings:
        file, line = locations().get(finding.operation, ("openapi/openapi.yaml", 1))
        level = "notice" if finding.known else "error"
        text = f"{finding.operation}: {finding.law.sentence} Expected {finding.expected}; got {finding.got}"
        lines.append(f"::{level} file={file},line={line},title={_property(finding.law.id)}::{_data(text)}")
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
