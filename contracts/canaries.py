"""Secrets that are planted to see whether they come back: by a route of the target, or in a report of ours."""

from __future__ import annotations

import base64
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

SHORTEST_CREDENTIAL = 9
"""A shorter one may be part of a text by chance."""

START = "sk-canary-"
TELLING = 16
"""So many digits of a canary's random half are not there by chance; fewer may be shown to tell keys apart."""

_DIGITS = re.compile(rb"[0-9a-f]{%d,}" % TELLING)
_ESCAPED = re.compile(rb"\\u00([0-7][0-9a-fA-F])")


@dataclass
class Canaries:
    """Every planted secret of a run. Each is random, so one found anywhere has leaked."""

    planted: list[str] = field(default_factory=list)
    credentials: tuple[str, ...] = ()
    """The run's own credentials, which no reply repeats either."""

    _telling: dict[bytes, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plant(self) -> str:
        """A new secret that looks like a key."""
        canary = f"{START}{secrets.token_hex(12)}"
        digits = canary.removeprefix(START).encode()
        with self._lock:
            self.planted.append(canary)
            self._telling |= {digits[:TELLING]: canary, digits[-TELLING:]: canary}
        return canary

    def found_in(self, text: bytes) -> str | None:
        """The first planted secret in a reply, in clear or in a form that is easily undone; ``None`` without one."""
        for form in _forms(text):
            for credential in self.credentials:
                if len(credential) >= SHORTEST_CREDENTIAL and credential.encode() in form:
                    return credential
            for digits in _DIGITS.findall(form):
                for start in range(len(digits) - TELLING + 1):
                    if leaked := self._telling.get(digits[start : start + TELLING]):
                        return leaked
        return None


def _forms(text: bytes) -> Iterator[bytes]:
    """A text as it is, and as it was before JSON, percent signs or base64 hid what it says."""
    yield text
    plain = text
    if b"\\u00" in plain:
        plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), plain)
        yield plain
    if b"%" in plain:
        yield unquote_to_bytes(plain)
    if any(start in plain for start in _IN_BASE64):
        yield from _decoded(plain)


def _decoded(text: bytes) -> Iterator[bytes]:
    """What follows the start of a canary in base64, decoded."""
    for start in _IN_BASE64:
        for found in re.finditer(re.escape(start) + rb"[A-Za-z0-9+/]*", text):
            yield base64.b64decode(found[0][: len(found[0]) // 4 * 4])


_IN_BASE64 = tuple(base64.b64encode(START[place:].encode()[: (len(START) - place) // 3 * 3]) for place in range(3))
"""The start of a canary in base64, from each place where a group of three bytes may begin in it."""
