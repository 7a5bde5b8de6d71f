"""Planting defects: a layer over the mock that changes requests on their way in, or replies on their way out."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Json = Any
LIST = "/api/2.0/serving-endpoints"


@dataclass
class Case:
    """One request with its reply, both open to change. ``memory`` lasts as long as the server."""

    environ: dict[str, Any]
    sent: bytes
    memory: dict[str, Any]
    number: int
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: list[bytes] | None = None
    _json: Json = None
    _read: bool = False

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        return str(self.environ["PATH_INFO"])

    @property
    def name(self) -> str:
        """The endpoint in the path."""
        hit = re.match(r"(?:/api/2\.0)?/serving-endpoints/(?:pt/)?([^/]+)", self.path)
        return unquote(hit.group(1)) if hit else ""

    @property
    def asked(self) -> Json:
        """The request as JSON; ``None`` when it is none, or nested too deeply to be read."""
        try:
            return json.loads(self.sent)
        except (ValueError, RecursionError):
            return None

    @property
    def members(self) -> dict[str, Json]:
        """The members of the request; none when it is not a JSON object."""
        asked = self.asked
        return asked if isinstance(asked, dict) else {}

    def ask(self, members: dict[str, Json]) -> None:
        """Let the request have these members instead."""
        self.sent = json.dumps(members).encode()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Json:
        """The reply as JSON; changes are sent."""
        if not self._read:
            self._read = True
            try:
                self._json = json.loads(self.body)
            except ValueError:
                self._json = None
        return self._json

    @json.setter
    def json(self, value: Json) -> None:
        self._read, self._json = True, value

    @property
    def is_stream(self) -> bool:
        return self.header("content-type").startswith("text/event-stream")

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def set_header(self, name: str, value: str | None) -> None:
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def is_(self, method: str, tail: str = "") -> bool:
        """Whether this is a request of one endpoint's (sub-)resource, such as ``PUT /config``."""
        return self.method == method and bool(re.fullmatch(rf"{LIST}/[^/]+{tail}", self.path))

    @property
    def is_create(self) -> bool:
        return self.method == "POST" and self.path.rstrip("/") == LIST

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and self.path.rstrip("/") == LIST

    @property
    def is_query(self) -> bool:
        return self.path.startswith("/serving-endpoints/") and self.method == "POST"

    def endpoints(self) -> Iterator[dict[str, Json]]:
        """The documents of own endpoints in the reply."""
        if not self.ok or not isinstance(self.json, dict):
            return
        items = self.json.get("endpoints") if self.is_list else [self.json]
        yield from (item for item in items or [] if isinstance(item, dict) and "id" in item and "creator" in item)

    def configs(self) -> Iterator[dict[str, Json]]:
        """The configurations of those endpoints, the pending ones too."""
        for document in self.endpoints():
            yield from (document[form] for form in ("config", "pending_config") if document.get(form))

    def entities(self) -> Iterator[dict[str, Json]]:
        """The served entities of those configurations."""
        for config in self.configs():
            yield from config.get("served_entities") or []

    def refuse(self, status: int, code: Json, message: str = "Refused.") -> None:
        self.status, self.headers = status, [("Content-Type", "application/json")]
        self.json = {"error_code": code, "message": message}


Change = Callable[[Case], Any]


@dataclass(frozen=True)
class Defect:
    """``before`` changes the request or answers by itself, which it says with True; ``after`` changes the reply."""

    name: str
    law: str
    journeys: tuple[str, ...]
    change: Change
    before: bool = False


DEFECTS: dict[str, Defect] = {}


def defect(law: str, *journeys: str, before: bool = False) -> Callable[[Change], Change]:
    """Plant a defect that must be found as a breach of this law, on these journeys."""

    def plant(change: Change) -> Change:
        name = change.__name__.replace("_", "-")
        assert name not in DEFECTS, name
        DEFECTS[name] = Defect(name, law, journeys, change, before)
        return change

    return plant


class Tampered:
    """The mock's application with one defect."""

    def __init__(self, app: Callable[..., Iterable[bytes]], planted: Defect | None) -> None:
        self.app, self.planted = app, planted
        self.memory: dict[str, Any] = {"lock": threading.RLock()}
        self.numbers = itertools.count(1)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.planted is None:
            return self.app(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        sent = environ["wsgi.input"].read(length) if length else b""
        case = Case(environ, sent, self.memory, next(self.numbers))
        with self.memory["lock"] if self.planted.before else nullcontext():
            if not (self.planted.before and self.planted.change(case)):
                self._ask(case)
        if not self.planted.before:
            slow = self.planted.law == "robust.time"
            with nullcontext() if slow else self.memory["lock"]:
                self.planted.change(case)
        return self._answer(case, start_response)

    def _ask(self, case: Case) -> None:
        import io

        case.environ["wsgi.input"] = io.BytesIO(case.sent)
        if case.sent or case.environ.get("CONTENT_LENGTH"):
            case.environ["CONTENT_LENGTH"] = str(len(case.sent))
        caught: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            caught.update(status=int(status.split()[0]), headers=list(headers))
            return lambda _: None

        parts = self.app(case.environ, start)
        chunks = list(parts)
        if hasattr(parts, "close"):
            parts.close()
        case.status, case.headers, case.body = caught["status"], caught["headers"], b"".join(chunks)
        if case.is_stream:
            case.chunks = chunks

    def _answer(self, case: Case, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if case._read and case._json is not None:
            case.body = json.dumps(case._json).encode()
        stream = case.chunks is not None
        if not stream and case.method != "HEAD":
            case.set_header("Content-Length", str(len(case.body)))
        start_response(f"{case.status} Whatever", case.headers)
        return list(case.chunks or []) if stream else [case.body]


def answers(case: Case) -> list[dict[str, Json]]:
    """The choices of an unstreamed answer."""
    return (case.json or {}).get("choices") or [] if case.is_query and case.ok and isinstance(case.json, dict) else []
