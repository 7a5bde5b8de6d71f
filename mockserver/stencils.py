"""Answers that were written and found to keep the contract, of which the next one differs in two members only."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from openapi import Operation

from .messages import Json


class Stencil(NamedTuple):
    """A body and its JSON, which is cut where the ``members`` stand, in their order."""

    operation: Operation
    members: tuple[str, str]
    body: Json
    pieces: tuple[bytes, bytes, bytes]

    def filled(self, values: Json) -> tuple[Json, bytes]:
        """The body that differs from the first one in these members only, and its JSON."""
        (first, second), (begin, middle, end) = self.members, self.pieces
        one, other = values[first], values[second]
        written = b"".join((begin, orjson.dumps(one), middle, orjson.dumps(other), end))
        return {**self.body, first: one, second: other}, written


def stencil_of(operation: Operation, body: Json, written: bytes, members: tuple[str, str]) -> Stencil | None:
    """The stencil of a body that was written; ``None`` where its members cannot be told from the rest of it."""
    places = []
    for member in members:
        name, value = b'"%b":' % member.encode(), orjson.dumps(body[member])
        if written.count(name + value) != 1:
            return None
        start = written.index(name + value) + len(name)
        places.append((start, start + len(value), member))
    (start, end, first), (later, last, second) = sorted(places)
    return Stencil(operation, (first, second), body, (written[:start], written[end:later], written[last:]))
