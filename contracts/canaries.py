"""Secrets that are planted to see whether they come back: by a route of the target, or in a report of ours."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

SHORTEST_CREDENTIAL = 9
"""A shorter one may be part of a text by chance."""


@dataclass
class Canaries:
    """Every planted secret of a run. Each is random, so one found anywhere has leaked."""

    planted: list[str] = field(default_factory=list)
    credentials: tuple[str, ...] = ()
    """The run's own credentials, which no reply repeats either."""

    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plant(self) -> str:
        """A new secret that looks like a key."""
        canary = f"sk-canary-{secrets.token_hex(12)}"
        with self._lock:
            self.planted.append(canary)
        return canary

    def found_in(self, text: bytes) -> str | None:
        """The first planted secret in a reply; ``None`` when there is none."""
        for credential in self.credentials:
            if len(credential) >= SHORTEST_CREDENTIAL and credential.encode() in text:
                return credential
        if b"sk-canary-" not in text:
            return None
        return next((canary for canary in self.planted if canary.encode() in text), None)
