"""Taking secrets out of what is written: by value, wherever they stand, and by the name of the member they are in."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from ..run import Run

REDACTED = "[REDACTED]"
_QUOTE = r"(?:\\*\"|&quot;|&#34;|&#x27;|&#39;|')"
_NAMED = re.compile(
    rf"({_QUOTE}[\w-]*(?:_plaintext|password|client_secret|access_token|assertion|authorization){_QUOTE}\s*:\s*{_QUOTE})"
    rf"(?!\{{\{{secrets/)(?:(?!{_QUOTE}).)*",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+(?!realm|\$)[A-Za-z0-9._~+/=-]{8,}")

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What neither UTF-8 files nor XML can hold: control characters and halves of surrogate pairs."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Replaces every known secret, in every spelling that a report may give it."""

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, run: Run) -> Scrubber:
        """The scrubber that knows the secrets of a run: its credentials and everything it planted."""
        return cls.knowing([*run.target.secrets, *run.canaries.planted])

    @classmethod
    def knowing(cls, secrets: list[str]) -> Scrubber:
        spellings = {spelling for secret in secrets if len(secret) >= 6 for spelling in _spellings(secret)}
        return cls(tuple(sorted(spellings, key=len, reverse=True)))

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, REDACTED)
        text = _NAMED.sub(rf"\g<1>{REDACTED}", text)
        text = _BEARER.sub(rf"\g<1> {REDACTED}", text)
        return _UNPRINTABLE.sub(lambda hit: f"\\u{ord(hit.group()):04x}", text)


def _spellings(secret: str) -> set[str]:
    pair = base64.b64encode(f"token:{secret}".encode()).decode()
    return {secret, json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe=""), pair}
