"""junit.xml: each law a test case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..laws import laws
from . import repro

if TYPE_CHECKING:
    from ..run import Result

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def render(result: Result) -> str:
    """One test case for each law: passed, failed, or skipped when nothing exercised it."""
    checked = {law for law, _ in result.checked}
    broken: dict[str, list[str]] = {}
    for finding in result.new_findings:
        text = f"{finding.operation} {finding.where}\nexpected {finding.expected}\ngot {finding.got}\n"
        text += "\n".join(repro.request_line(step) for step in finding.steps) + f"\n{repro.curl(finding.exchange)}\n"
        broken.setdefault(finding.law.id, []).append(text)
    suite = ElementTree.Element(
        "testsuite",
        name="serving-contracts",
        tests=str(len(laws())),
        failures=str(len(broken)),
        errors="0",
        skipped=str(len(set(laws()) - checked - set(broken))),
        time=f"{result.seconds:.1f}",
    )
    for law in laws().values():
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"contract.{law.family}", name=f"{law.id}: {law.sentence}"
        )
        if law.id in broken:
            failure = ElementTree.SubElement(case, "failure", message=law.why)
            failure.text = _FORBIDDEN.sub("?", "\n".join(broken[law.id]))
        elif law.id not in checked:
            ElementTree.SubElement(case, "skipped", message="nothing exercised it")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
