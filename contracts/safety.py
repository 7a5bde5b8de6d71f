"""What a run may do to its target, enforced where every request passes: nothing else holds the wire."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from .budget import Budget
from .exchange import Asked, Exchange
from .ledger import Ledger
from .metering import expected_tokens, used_tokens
from .target import Target
from .wire import Wire


class Profile(StrEnum):
    """How much a run may do."""

    READ = "read"
    QUERY = "query"
    WRITE = "write"


class HeldBack(Exception):
    """The request is forbidden in this run and was not sent."""


class Watcher(Protocol):
    """Sees every request before it goes and every reply when it is complete."""

    def before(self, asked: Asked) -> object: ...
    def after(self, exchange: Exchange, token: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Rights:
    """The profile with the names it is about."""

    profile: Profile
    prefix: str
    query_endpoints: frozenset[str] = frozenset()
    is_loopback: bool = False

    def refusal(self, asked: Asked, own_ids: frozenset[str] | set[str] = frozenset()) -> str | None:
        """Why this request must not be sent; ``None`` when it may."""
        method = asked.method.upper()
        if any("method-override" in name.lower() for name in asked.headers):
            return "a header that overrides the method"
        if method == "GET":
            return None
        if self.profile is Profile.READ:
            return f"{method} under --allow read"
        if method in ("HEAD", "OPTIONS"):
            return None
        steps = [unquote(step) for step in asked.route.split("/") if step]
        if any(step in (".", "..") or "/" in step or "\\" in step for step in steps):
            return f"{method} on a path that may mean another one"
        if _is_query(steps):
            return self._query_refusal(method, steps, asked.body)
        if self.profile is not Profile.WRITE:
            return f"{method} under --allow query"
        return self._write_refusal(method, steps, asked, own_ids)

    def _query_refusal(self, method: str, steps: list[str], body: bytes | None) -> str | None:
        if method != "POST" and self.profile is not Profile.WRITE:
            return f"{method} on a query route"
        named = _queried(steps, body)
        if named is None:
            return None if self.profile is Profile.WRITE else "a query that names no endpoint"
        if named in self.query_endpoints:
            return None
        if self.profile is Profile.WRITE and (named.startswith(self.prefix) or self.is_loopback):
            return None
        return f"a query of {named!r}, which --query-endpoint does not name"

    def _write_refusal(
        self, method: str, steps: list[str], asked: Asked, own_ids: frozenset[str] | set[str]
    ) -> str | None:
        match steps:
            case ["api", "2.0", "serving-endpoints"] | ["api", "2.0", "serving-endpoints", "pt"] if method == "POST":
                return self._create_refusal(asked.body)
            case ["api", "2.0", "serving-endpoints", "pt", name, *_] | ["api", "2.0", "serving-endpoints", name, *_]:
                own = name.startswith(self.prefix)
                return None if own else f"{method} on the endpoint {name!r}, which is not this run's"
            case ["api", "2.0", "permissions", "serving-endpoints", who, *_]:
                own = who in own_ids or who.startswith(self.prefix)
                return None if own else f"{method} on the permissions of {who!r}, which is not this run's"
            case ["api", "2.0", "external-function"] | ["oidc", "v1", "token"] if self.is_loopback:
                return None
            case ["__mock__", "tokens", *_] if self.is_loopback:
                return None  # a development target's identities
        if any(step.startswith(self.prefix) for step in steps):
            return None
        return f"{method} on /{'/'.join(steps)}, which names nothing of this run's"

    def _create_refusal(self, body: bytes | None) -> str | None:
        name = created_name(body)
        if name is None:
            doubtful = body is not None and b'"name"' in body and self.prefix.encode() not in body
            return "a create whose name cannot be read" if doubtful and _json(body) is None else None
        if isinstance(name, str) and name.startswith(self.prefix):
            return None
        return f"a create of {name!r}, which does not begin with this run's prefix"


def _json(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"")
    except (ValueError, RecursionError):
        return None


def created_name(body: bytes | None) -> Any:
    """The name that a create request asks for, of any type; ``None`` when it names nothing."""
    document = _json(body)
    return document.get("name") if isinstance(document, dict) else None


def is_create(asked: Asked) -> bool:
    return asked.method.upper() == "POST" and asked.route.rstrip("/") in (
        "/api/2.0/serving-endpoints",
        "/api/2.0/serving-endpoints/pt",
    )


def is_query(asked: Asked) -> bool:
    """Whether a request asks a model."""
    return asked.method.upper() == "POST" and _is_query([unquote(step) for step in asked.route.split("/") if step])


def _is_query(steps: list[str]) -> bool:
    if not steps:
        return False
    data_plane = steps[0] == "serving-endpoints" or steps[:1] == ["ai-gateway"]
    return data_plane or (len(steps) > 1 and steps[1] == "serving-endpoints" and steps[0] != "api")


def _queried(steps: list[str], body: bytes | None) -> str | None:
    if steps[-1:] == ["invocations"]:
        at = steps.index("serving-endpoints") + 1
        return steps[at] if at < len(steps) - 1 else None
    if steps[:2] == ["ai-gateway", "gemini"]:
        return steps[-1].rpartition(":")[0] or None
    document = _json(body)
    model = document.get("model") if isinstance(document, dict) else None
    return model if isinstance(model, str) else None


@dataclass
class Guard:
    """Holds the wire. Every request of the run, whoever makes it, goes through ``exchange``."""

    target: Target
    rights: Rights
    budget: Budget
    ledger: Ledger
    wire: Wire
    watchers: list[Watcher] = field(default_factory=list)
    held_back: Counter[str] = field(default_factory=Counter)
    own_ids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def exchange(self, asked: Asked) -> Exchange:
        """Send an allowed request within the budget, ledger first. Raises ``HeldBack``, ``Spent``, ``Stopped``."""
        creates = self._admit(asked)
        tokens = expected_tokens(asked) if is_query(asked) else 0
        self.budget.take_request(creates, tokens)
        if creates:
            self.ledger.will_create(created_name(asked.body))
        return self._send(asked, tokens)

    def clean_up(self, asked: Asked) -> Exchange:
        """Send a read, or a delete of something of this run's, when the budget no longer counts."""
        if asked.method not in ("GET", "DELETE") or self.rights.refusal(asked, self.own_ids):
            raise HeldBack(f"{asked.method} {asked.route} is no clean-up")
        return self.wire.send(asked)

    def _admit(self, asked: Asked) -> bool:
        reason = self.rights.refusal(asked, self.own_ids)
        if reason is None and self.rights.profile is Profile.READ and asked.method != "GET":
            reason = f"{asked.method} under --allow read"
        if reason is not None:
            self.hold_back(reason)
            raise HeldBack(reason)
        return is_create(asked) and isinstance(created_name(asked.body), str)

    def hold_back(self, reason: str) -> None:
        """Count a request that was not sent."""
        with self._lock:
            self.held_back[reason] += 1

    def _send(self, asked: Asked, reserved: int) -> Exchange:
        tokens = [(watcher, watcher.before(asked)) for watcher in self.watchers]
        used = 0
        try:
            exchange = self.wire.send(asked)
            used = used_tokens(exchange) if is_query(asked) else 0
        finally:
            self.budget.settle_tokens(reserved, used)
        self._learn(exchange)
        for watcher, token in tokens:
            watcher.after(exchange, token)
        return exchange

    def _learn(self, exchange: Exchange) -> None:
        reply = exchange.reply
        if not isinstance(reply, dict):
            return
        if exchange.ok and is_create(exchange.asked) and str(reply.get("name", "")).startswith(self.rights.prefix):
            identifier = reply.get("id")
            if isinstance(identifier, str) and identifier:
                self.own_ids.add(identifier)

    @contextmanager
    def over_requests(self, origin: str) -> Iterator[GuardAdapter]:
        """While this lasts every ``requests`` session of the process sends through this guard: also sessions that a
        library makes for its own probes, which no hook of that library can see."""
        adapter = GuardAdapter(self, origin)
        original = requests.Session.get_adapter

        def get_adapter(session: requests.Session, url: str) -> BaseAdapter:
            return adapter

        requests.Session.get_adapter = get_adapter  # type: ignore[method-assign, assignment]  # put back below
        try:
            yield adapter
        finally:
            requests.Session.get_adapter = original  # type: ignore[method-assign]


class GuardAdapter(HTTPAdapter):
    """The guard as a transport adapter for ``requests``. A request that is held back is answered 403 without being
    sent, marked so that nobody mistakes the answer for the target's."""

    MARK = "X-Contracts-Held-Back"
    NUMBER = "X-Contracts-Exchange"

    def __init__(self, guard: Guard, origin: str) -> None:
        super().__init__()
        self.guard = guard
        self.origin = origin
        self.sent = 0
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer through the guard; raises ``requests.ConnectionError`` when the target did not answer."""
        asked = self._asked(request)
        if urlsplit(request.url or "").netloc != urlsplit(self.guard.target.url).netloc:
            self.guard.hold_back("a request to another host")
            return self._response(request, 403, ((self.MARK, "another host"),), b"")
        try:
            exchange = self.guard.exchange(asked)
        except HeldBack as reason:
            return self._response(request, 403, ((self.MARK, str(reason)),), b"")
        with self._lock:
            self.sent += 1
        if exchange.failure:
            raise requests.ConnectionError(exchange.failure, request=request)
        headers = (*exchange.headers, (self.NUMBER, str(exchange.number)))
        return self._response(request, exchange.status, headers, exchange.body)

    def _asked(self, request: requests.PreparedRequest) -> Asked:
        parts = urlsplit(request.url or "")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = request.body
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        elif body is not None and not isinstance(body, bytes):
            body = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in body)
        headers = {str(name): _text(value) for name, value in request.headers.items()}
        headers.pop("Content-Length", None)
        headers.pop("Transfer-Encoding", None)
        credential = headers.get("Authorization")
        identity = "caller" if credential == self.guard.target.authorization else "wrong" if credential else "nobody"
        return Asked(request.method or "GET", path, headers, body, identity, self.origin)

    def _response(
        self, request: requests.PreparedRequest, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> requests.Response:
        raw = urllib3.HTTPResponse(
            BytesIO(body), headers=urllib3.HTTPHeaderDict(headers), status=status, preload_content=False
        )
        return self.build_response(request, raw)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
