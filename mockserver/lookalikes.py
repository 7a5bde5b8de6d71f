"""Creations that differ from an accepted one in the endpoint's name only, as tests and load tests send them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from openapi import Operation

from .messages import Body

CREATIONS = frozenset({"create_serving_endpoint", "create_provisioned_throughput_endpoint"})
"""The operations whose body names what it makes."""

MOST_BYTES = 16 * 1024
"""Bytes of a body that is remembered."""

REMEMBERED = 8
"""Bodies that are remembered at the most, the newest."""

_PLAIN = re.compile(rb"[A-Za-z0-9_-]+")
"""A name that stands in JSON as it is."""


class Lookalike(NamedTuple):
    """An accepted body, cut where its name stands."""

    operation: Operation
    takes: Callable[[str], bool]
    begin: bytes
    end: bytes
    body: Body

    def renamed(self, sent: bytes) -> Body | None:
        """What a body says that differs from this one in an acceptable name only; ``None`` for any other."""
        begin, end = self.begin, self.end
        if not (sent.startswith(begin) and sent.endswith(end)):
            return None
        written = sent[len(begin) : len(sent) - len(end)]
        if not _PLAIN.fullmatch(written):
            return None
        name = written.decode("ascii")
        if not self.takes(name):
            return None
        body = self.body
        return Body({**body.value, "name": name}, {**body.full, "name": name}, body.known)


class Lookalikes:
    """The newest bodies that were accepted."""

    def __init__(self) -> None:
        self._kept: tuple[Lookalike, ...] = ()

    def find(self, operation: Operation, sent: bytes) -> Body | None:
        """What a body says, if one like it was accepted."""
        for kept in self._kept:
            if kept.operation is operation and (body := kept.renamed(sent)) is not None:
                return body
        return None

    def remember(self, operation: Operation, sent: bytes, body: Body) -> None:
        """Know the next body that is like this one, if it can be told where its name stands."""
        name = body.value["name"].encode()
        # Without escapes every string stands in quotes as it is, so that what stands there once is the name.
        if len(sent) > MOST_BYTES or b"\\" in sent or sent.count(b'"%b"' % name) != 1 or not _PLAIN.fullmatch(name):
            return
        begin, end = sent.split(b'"%b"' % name)
        new = Lookalike(operation, operation.member_judge("name"), begin + b'"', b'"' + end, body)
        self._kept = (new, *self._kept[: REMEMBERED - 1])
