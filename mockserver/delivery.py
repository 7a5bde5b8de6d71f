"""How an answer reaches the client when its way is disturbed: dropped, cut, truncated, garbled, stalled, slowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import Reply, Stream

if TYPE_CHECKING:
    from .fault_rules import Fault

SLICES_PER_SECOND = 20
"""Into how many pieces a second of slow bytes is cut."""


class _Patience(threading.local):
    seconds: float | None = None


PATIENCE = _Patience()
"""How long the client of this thread waits for bytes, where it is in this very thread; ``None`` when it is not."""


class ConnectionDropped(ConnectionError):
    """The connection is to be closed here, without another byte. Raised out of a body by the edge's iterator."""


@dataclass(frozen=True, slots=True)
class Disturbed:
    """An answer together with the fault that its delivery suffers.

    ``wait`` lets real seconds pass, and returns early when the fault is cleared.
    """

    answer: Reply | Stream
    fault: Fault
    wait: Callable[[float], None]

    def body(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes that are really sent.

        Raises:
            ConnectionDropped: where the connection ends early.
        """
        if self.fault.drop:
            raise ConnectionDropped
        delivered: Iterator[bytes] = iter(chunks)
        try:
            if self.fault.stall_after is not None or self.fault.cut_after is not None:
                delivered = self._interrupted(delivered)
            if self.fault.bytes_per_second is not None:
                delivered = self._slowed(delivered, self.fault.bytes_per_second)
            if self.fault.truncate is not None:
                delivered = _truncated(delivered, self.fault.truncate)
            yield from delivered
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def garbled(self, chunk: bytes) -> bytes:
        """A body, or one event, as it is sent: broken where the fault asks for malformed JSON."""
        return malformed(chunk) if self.fault.malformed else chunk

    def _interrupted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for count, chunk in enumerate(chunks):
            if count == self.fault.cut_after:
                raise ConnectionDropped
            if count == self.fault.stall_after:
                self.wait(self.fault.stall)
            yield chunk
        if self.fault.cut_after is not None:  # shorter than the place of the cut: the end is lost all the same
            raise ConnectionDropped

    def _slowed(self, chunks: Iterator[bytes], bytes_per_second: float) -> Iterator[bytes]:
        size = max(1, round(bytes_per_second / SLICES_PER_SECOND))
        for chunk in chunks:
            for start in range(0, len(chunk), size):
                piece = chunk[start : start + size]
                self.wait(len(piece) / bytes_per_second)
                yield piece


def malformed(chunk: bytes) -> bytes:
    """JSON that no parser accepts, as long as before or longer: the last bracket is lost and a comma too many."""
    text = chunk.rstrip()
    for bracket in (b"}", b"]"):
        place = text.rfind(bracket)
        if place >= 0:
            return text[:place] + b",," + chunk[place + 1 :]
    return chunk + b",,"


def _truncated(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    left = most
    for chunk in chunks:
        if len(chunk) > left:
            yield chunk[:left]
            raise ConnectionDropped
        left -= len(chunk)
        yield chunk
