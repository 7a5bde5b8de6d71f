"""Calls of outside services through a connection. Nothing goes out: a stub answers, or an echo of the request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase

import orjson

from ..domain.refusals import invalid
from ..errors import InjectedError
from ..messages import Call, Json, Reply
from . import handler


@dataclass(frozen=True, slots=True)
class Stub:
    """What an outside service answers to some of the requests. ``method`` and ``path`` may be ``None`` for any, and may
    hold ``*`` and ``?``; ``body`` is JSON, or a text that is sent as such.
    """

    connection: str
    method: str | None = None
    path: str | None = None
    status: int = 200
    body: Json = None

    def concerns(self, connection: str, method: str, path: str) -> bool:
        """Whether the request is one of those."""
        asked = ((self.connection, connection), (self.method, method), (self.path, path))
        return all(pattern is None or fnmatchcase(value, pattern) for pattern, value in asked)


@handler
def http_request(call: Call) -> Reply:
    connection, method, path = call.body["connection_name"], call.body["method"], call.body["path"]
    sent = {name: _parsed(call.body.get(name), name) for name in ("headers", "json", "params")}
    stubs = call.mock.store.all(Stub, call.workspace)
    stub = next((stub for stub in reversed(stubs) if stub.concerns(connection, method, path)), None)
    if stub is None:
        return Reply(call.operation.success, _echo(call, connection, method, path, sent))
    if stub.status != call.operation.success:
        raise InjectedError(stub.status, body=stub.body)
    if isinstance(stub.body, str):
        return Reply(stub.status, stub.body, media_type="text/plain")
    return Reply(stub.status, stub.body)


def _parsed(text: str | None, name: str) -> Json:
    if text is None or text == "":
        return None
    try:
        value = json.loads(text)
        orjson.dumps(value)  # the reply repeats it
    except (ValueError, TypeError, RecursionError) as problem:
        raise invalid(f"Invalid value for '{name}': it is not JSON inside a string ({problem}).") from None
    return value


def _echo(call: Call, connection: str, method: str, path: str, sent: dict[str, Json]) -> Json:
    """What was asked for, as echo services show it."""
    domain = call.body.get("sub_domain")
    host = f"{domain}.{connection}" if domain else connection
    return {
        "url": f"https://{host.replace('_', '-')}.example.com/{path.lstrip('/')}",
        "method": method,
        "args": sent["params"] or {},
        "headers": sent["headers"] or {},
        "json": sent["json"],
        "origin": "203.0.113.7",
    }
