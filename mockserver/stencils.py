"""Answers that were written and found to keep the contract, of which the next one differs in its id and moment only."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from openapi import Operation

from .messages import Json


class Stencil(NamedTuple):
    """A body as JSON, cut where its ``members`` stand: ``id`` and ``created``, in their order."""

    operation: Operation
    members: tuple[str, str]
    pieces: tuple[bytes, bytes, bytes]

    def filled(self, body: Json) -> bytes:
        """The JSON of a body that differs from the first one in these members only."""
        (first, second), (begin, middle, end) = self.members, self.pieces
        return b"".join((begin, orjson.dumps(body[first]), middle, orjson.dumps(body[second]), end))


def stencil_of(operation: Operation, body: Json, written: bytes) -> Stencil | None:
    """The stencil of a body that was written; ``None`` where its members cannot be told from the rest of it."""
    places = []
    for member in ("id", "created"):
        name, value = b'"%b":' % member.encode(), orjson.dumps(body[member])
        if written.count(name + value) != 1:
            return None
        start = written.index(name + value) + len(name)
        places.append((start, start + len(value), member))
    (start, end, first), (later, last, second) = sorted(places)
    return Stencil(operation, (first, second), (written[:start], written[end:later], written[last:]))
