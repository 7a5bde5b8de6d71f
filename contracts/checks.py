"""Our part inside schemathesis: where generated requests go, which of its failures count, and which law each breaks.

The oracle itself watches the transport, so it sees more than any check: also the probes that schemathesis sends by
itself. The class-based check here only tells schemathesis what the oracle has found, so that it stops digging there.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import schemathesis

from .findings import Judge
from .safety import GuardAdapter, Profile

if TYPE_CHECKING:
    from schemathesis.core.failures import Failure
    from schemathesis.hooks import HookContext

    from .safety import Rights

NAMES = 5
LAW_OF_CHECK = {
    "not_a_server_error": "robust.server-error",
    "status_code_conformance": "shape.status",
    "content_type_conformance": "shape.media-type",
    "response_headers_conformance": "shape.headers",
    "response_schema_conformance": "shape.body",
    "ignored_auth": "access.no-token",
    "unsupported_method": "robust.method",
}
"""The stock checks that are used, each with the law that it tests."""

WORD = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,40}[a-zA-Z0-9])?")
UNDOCUMENTED_ANYWAY = (405, 413, 414, 415, 429, 431)


class oracle_at_the_transport:
    """Fails a generated case when the oracle found something in its exchange."""

    judge: Judge | None = None

    def after_response(self, ctx: Any, response: schemathesis.Response, case: schemathesis.Case[Any]) -> bool | None:
        number = (response.headers.get(GuardAdapter.NUMBER.lower()) or [""])[0]
        if self.judge is None or not number:
            return None
        for finding in list(self.judge.findings.values()):
            if str(finding.exchange.number) == number:
                raise AssertionError(f"{finding.law.id}: {finding.law.sentence}")
        return None


def register_check(judge: Judge | None) -> None:
    """Tell the check which findings to look at; ``None`` when the run is over."""
    oracle_at_the_transport.judge = judge
    if judge is not None and oracle_at_the_transport.__name__ not in _registered:
        schemathesis.check(oracle_at_the_transport)
        _registered.add(oracle_at_the_transport.__name__)


_registered: set[str] = set()


def is_ours_to_judge(context: HookContext, failure: Failure, case: Any, response: Any) -> bool:
    """Whether a failure says something about the target: not when the request was never sent."""
    if GuardAdapter.MARK.lower() in response.headers:
        return False
    undocumented = "Undocumented" in type(failure).__name__
    return not (undocumented and response.status_code in UNDOCUMENTED_ANYWAY)


def choice_of(seed: str, case: schemathesis.Case[Any], count: int) -> int:
    """A number below ``count`` that depends on the seed and the case alone, not on what was sent before."""
    text = f"{seed} {case.operation.label} {case.method} {case.path_parameters} {case.query} {case.body!r}"
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % count


class Steering:
    """Sends generated requests to names of this run's, so that they meet what earlier ones made."""

    def __init__(self, rights: Rights, seed: int) -> None:
        self._rights = rights
        self._seed = seed
        self._pool = [f"{rights.prefix}fuzz-{number}" for number in range(NAMES)]

    def steer(self, case: schemathesis.Case[Any]) -> None:
        """Rename what a generated request is about; called before each is sent."""
        if self._rights.profile is not Profile.WRITE:
            return
        parameters = case.path_parameters
        if isinstance(parameters, dict) and isinstance(parameters.get("name"), str):
            parameters["name"] = self._own(parameters["name"], case)
        if isinstance(case.body, dict):
            for key in ("name", "model"):
                value = case.body.get(key)
                if isinstance(value, str) and (key == "name" or not value):
                    case.body[key] = self._own(value, case)

    def _own(self, name: str, case: schemathesis.Case[Any]) -> str:
        """A name of this run's; which one is a matter of the seed and the case, not of what came before it."""
        if name.startswith(self._rights.prefix):
            return name
        if WORD.fullmatch(name):
            return self._pool[choice_of(f"{self._seed} {name}", case, NAMES)]
        return self._rights.prefix + name
