"""The heads of requests. Clients send the same headers again and again, so a block of them is parsed but once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import httptools

MEMORABLE = 4096
"""Bytes of a block of headers that is remembered."""

LONGEST_LINE = 600
"""Bytes of a request line that is remembered."""

_PLAIN = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[\w./~:@!$&'()*+,;=-]*) HTTP/1\.1\r\n", re.ASCII)

_LINE = b"POST / HTTP/1.1\r\n"
"""A request line, which the parser wants before the headers."""

_FRAMING = frozenset({"transfer-encoding", "expect"})
"""The headers of a body that comes in another way than after the head and with a length."""

Headers = list[tuple[bytes, bytes]]
"""Names and values as they come and go."""


class Head(NamedTuple):
    """What the headers of an HTTP/1.1 request say. ``length`` is the body's in bytes, ``base_url`` without a path.

    ``lasting``: whether the client keeps the connection.
    """

    headers: Mapping[str, str]
    base_url: str
    length: int
    lasting: bool


def request_line(line: bytes) -> tuple[str, str] | None:
    """Method and path of an HTTP/1.1 request; ``None`` when its URL is very long, or more than a path in which nothing
    is quoted.
    """
    return _read_line(line) if len(line) <= LONGEST_LINE else None


def plain(block: bytes) -> Head | None:
    """The headers in a block that ends with an empty line.

    ``None`` where reading the request takes more than that: its body comes in chunks or waits for leave, or it does not
    name its host; or where the block is very long or wrong, which the whole request's parser has to say. An offer to go
    on with another protocol is not taken up.
    """
    return _remembered(block) if len(block) <= MEMORABLE else None


def by_name(pairs: Headers) -> dict[str, str]:
    """The headers by lower-case name, those that come more than once joined. A name with ``_`` could pass for another
    one's in WSGI, so it is dropped.
    """
    headers: dict[str, str] = {}
    for raw, value in pairs:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        if name in headers:
            headers[name] += (";" if name == "cookie" else ",") + text
        elif "_" not in name:
            headers[name] = text
    return headers


class _Told:
    """What a parser tells of headers. ``lasting`` is ``None`` until it has come to their end."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.pairs: Headers = []
        self.lasting: bool | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self.lasting = self.parser.should_keep_alive()


@lru_cache(maxsize=4096)
def _read_line(line: bytes) -> tuple[str, str] | None:
    found = _PLAIN.fullmatch(line)
    return None if found is None else (found[1].decode(), found[2].decode())


@lru_cache(maxsize=512)
def _remembered(block: bytes) -> Head | None:
    if (b"\r\n" + block).find(b"\r\n\r\n") != len(block) - 2:  # more than one head
        return None
    told = _Told()
    try:
        with suppress(httptools.HttpParserUpgrade):  # raised when the headers have been told
            told.parser.feed_data(_LINE + block)
    except httptools.HttpParserError:
        return None
    headers = by_name(told.pairs)
    if told.lasting is None or not headers.get("host") or not _FRAMING.isdisjoint(headers):
        return None
    length = int(headers.get("content-length", 0))
    return Head(headers, f"http://{headers['host']}", length, told.lasting)
