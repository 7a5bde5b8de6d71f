"""Recordings: what the journeys asked and were answered, normalised and scrubbed, so that it can be compared later."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .canaries import Canaries
from .exchange import Asked, Exchange
from .ledger import PREFIX
from .report.scrub import Scrubber
from .routes import match
from .target import Target

Json = Any
VERSION = 1
HEADERS = ("content-type", "allow", "retry-after", "www-authenticate", "served-model-name", "x-databricks-org-id")
_ID = re.compile(r"\b[0-9a-f]{32}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_HOST = re.compile(r"https?://[^/\s\"']+")
_TIMES = frozenset({"creation_timestamp", "last_updated_timestamp", "start_time", "created", "created_at"})


class RecordingError(Exception):
    """A file is no recording that can be read; the message says why."""


@dataclass
class Recorder:
    """Watches a run and keeps its exchanges in a form that two runs can share."""

    target: Target
    canaries: Canaries
    entries: list[dict[str, Json]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, asked: Asked) -> object:
        return None

    def after(self, exchange: Exchange, token: object) -> None:
        """Keep an exchange of a journey; races differ from run to run and are left out."""
        origin = exchange.asked.origin
        if origin in ("reach", "fuzz", "clean-up") or origin.startswith("racing"):
            return
        entry = entry_of(exchange)
        with self._lock:
            self.entries.append(entry)

    def write(self, path: Path) -> None:
        """Write the recording, scrubbed."""
        document = {"version": VERSION, "exchanges": self.entries}
        scrubber = Scrubber.knowing([*self.target.secrets, *self.canaries.planted])
        path.write_text(scrubber.text(json.dumps(document, indent=1, ensure_ascii=False)) + "\n", "utf-8")


def read_recording(path: Path) -> list[dict[str, Json]]:
    """The exchanges of a recording. Raises ``RecordingError``."""
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["version"] != VERSION:
            raise RecordingError(f"{path} is of version {document['version']}, not {VERSION}")
        entries: list[dict[str, Json]] = document["exchanges"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RecordingError(f"{path} is no recording: {problem}") from problem
    return entries


def entry_of(exchange: Exchange) -> dict[str, Json]:
    """An exchange without what differs between two runs: prefixes, ids, times, hosts, and the text of answers."""
    hit = match(exchange.asked.method, exchange.asked.route)
    is_query = hit is not None and "Queries" in hit.operation.tags and exchange.ok
    reply = exchange.reply if exchange.reply is not None else exchange.media_type
    if is_query:
        reply = shape_of(reply)
    elif hit is not None and hit.operation.id == "list_serving_endpoints" and isinstance(reply, dict):
        # which other endpoints exist at the moment depends on the other journeys
        items = [item for item in reply.get("endpoints") or [] if isinstance(item, dict) and "id" not in item]
        reply = {**reply, "endpoints": items}
    return {
        "journey": exchange.asked.origin,
        "operation": hit.operation.id if hit else f"{exchange.asked.method} unknown",
        "identity": exchange.asked.identity,
        "request": normal(f"{exchange.asked.method} {exchange.asked.path}"),
        "sent": normal(exchange.sent),
        "status": exchange.status,
        "error_code": exchange.code,
        "headers": {name: _header(exchange, name) for name in HEADERS if exchange.header(name) is not None},
        "reply": normal(reply),
    }


def _header(exchange: Exchange, name: str) -> str:
    value = exchange.header(name) or ""
    if name in ("retry-after", "served-model-name", "x-databricks-org-id"):
        return "present"
    if name == "allow":
        return ", ".join(sorted(each.strip() for each in value.split(",")))
    return value.partition(";")[0].strip().lower() if name == "content-type" else value


def shape_of(value: Json) -> Json:
    """The types of a document, for answers that are made up anew each time."""
    if isinstance(value, dict):
        return {key: shape_of(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value).__name__


def normal(value: Json, key: str = "") -> Json:
    """A value with a word in place of what differs from run to run."""
    if key in _TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return "TIME"
    if isinstance(value, dict):
        return {name: normal(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, str):
        text = re.sub(PREFIX.pattern.removeprefix("^"), "PREFIX-", value)
        text = _UUID.sub("UUID", _ID.sub("ID", text))
        return "SECRET" if text.startswith("sk-canary-") else _HOST.sub("HOST", text)
    return value
