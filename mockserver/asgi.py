"""What an ASGI server says of a request, as the mock's own request or as WSGI has it, and answers as ASGI has them."""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from .bodies import MAX_BODY
from .heads import Headers, by_name
from .messages import Request

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""What a server calls for every request (ASGI 3)."""


class Left(Exception):
    """The client left before it had sent its whole request."""


async def whole_body(receive: Receive) -> bytes:
    """The whole body, or one byte more than is accepted. Raises Left when the client goes before its end."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        whole: bytes = message["body"]
        return whole
    pieces, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise Left
        pieces.append(message["body"])
        size += len(message["body"])
        if not message["more_body"] or size > MAX_BODY:
            return b"".join(pieces)[: MAX_BODY + 1]
        message = await receive()


def declared_length(scope: Scope) -> int:
    """The body's length as the client states it; -1 when it comes in chunks, 0 when there is none."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            return -1
    return length


def request_of(scope: Scope, parameters: Mapping[str, str], body: bytes) -> Request:
    """The request as the mock has it. ``parameters`` are the path's."""
    headers = by_name(scope["headers"])
    query = scope["query_string"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        parameters=parameters,
        query=dict(reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True))) if query else {},
        body=body,
        base_url=f"{scope['scheme']}://{headers.get('host') or _address(scope)}",
    )


def environment(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333)."""
    headers = by_name(scope["headers"])
    server = scope["server"] or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _address(scope: Scope) -> str:
    host, port = scope["server"] or ("127.0.0.1", 80)
    return f"{host}:{port}"


def headers_of(media_type: str, headers: Mapping[str, str]) -> Headers:
    """A reply's headers as ASGI has them."""
    pairs = [(b"content-type", media_type.encode("latin-1"))]
    pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return pairs


def in_one_piece(send: Send) -> Send:
    """Sends an answer in one piece: HTTP/1.0 knows no chunks."""
    head: Message = {}
    pieces: list[bytes] = []

    async def hold(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
            return
        pieces.append(message["body"])
        if not message.get("more_body"):
            body = b"".join(pieces)
            kept = [header for header in head["headers"] if header[0] != b"content-length"]
            await send({**head, "headers": [*kept, (b"content-length", b"%d" % len(body))]})
            await send({"type": "http.response.body", "body": body})

    return hold
