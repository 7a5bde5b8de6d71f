"""One request and what came back, as plain values: what the oracle judges, the ledger follows and the report shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

Json = Any

SAFE_DIGITS = 18
"""So many digits always fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it goes over the wire. ``path`` begins with a slash, holds the query and is already encoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    identity: str = "caller"
    origin: str = ""

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case, or the empty string."""
        for name, value in self.headers.items():
            if name.lower() == "content-type":
                return str(value).partition(";")[0].strip().lower()
        return ""

    @property
    def route(self) -> str:
        """The path without its query."""
        return urlsplit("//host" + self.path).path


@dataclass(frozen=True)
class Exchange:
    """A request and its reply. ``status`` is 0 when no complete reply came, and ``failure`` says why."""

    number: int
    asked: Asked
    sent_at: float
    ended_at: float
    seconds: float
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pieces: tuple[tuple[float, int], ...] = ()
    failure: str = ""

    def header(self, name: str) -> str | None:
        """The first value of a reply header, by any spelling of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @cached_property
    def media_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @cached_property
    def sent(self) -> Json:
        """The request body as JSON; ``None`` when there is none or it is not JSON."""
        return _parsed(self.asked.body)

    @cached_property
    def reply(self) -> Json:
        """The reply body as JSON; ``None`` when it is not JSON."""
        return _parsed(self.body)

    @property
    def document(self) -> dict[str, Json]:
        """The reply as a JSON object; empty when it is none."""
        return self.reply if isinstance(self.reply, dict) else {}

    @cached_property
    def events(self) -> list[str]:
        """The data of each server-sent event, in order."""
        text = self.body.decode("utf-8", "replace").replace("\r\n", "\n")
        found = []
        for block in text.split("\n\n"):
            lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
            if lines:
                found.append("\n".join(lines))
        return found

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> Json:
        """The reply's error_code, if it has one."""
        return self.reply.get("error_code") if isinstance(self.reply, dict) else None


def _parsed(body: bytes | None) -> Json:
    if not body:
        return None
    try:
        return json.loads(body, parse_int=_number)
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> int | float:
    """An integer, or what most readers of JSON make of one that has more than 64 bits."""
    if len(digits) <= SAFE_DIGITS:
        return int(digits)
    number = float(digits)
    return int(digits) if -(2.0**63) <= number < 2.0**64 else number
