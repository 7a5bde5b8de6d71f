"""What threads hand to the event loop: pieces of an answer, and things to do."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable

AHEAD = 16
"""Pieces of an answer that a thread may be ahead of what was sent."""


class Outbox:
    """Pieces of an answer on their way from the thread that makes them to the loop that sends them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: deque[bytes | BaseException | None] = deque()
        self._filled = asyncio.Event()
        self._room = threading.Semaphore(AHEAD)
        self._abandoned = False

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Put the pieces in, in a thread; stop when nobody wants them any more."""
        end: BaseException | None = None
        try:
            for chunk in chunks:
                self._room.acquire()
                if self._abandoned:
                    break
                self._put(chunk)
        except BaseException as problem:  # raised again where the pieces are taken
            end = problem
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
            self._put(end)

    def abandon(self) -> None:
        """Say that no more pieces will be taken."""
        self._abandoned = True
        self._room.release()
        self._pieces.append(None)
        self._filled.set()

    async def next(self) -> bytes | None:
        """The next piece, ``None`` at the end. Raises what making the pieces raised."""
        while not self._pieces:
            self._filled.clear()
            if not self._pieces:  # one may have come before the flag was cleared
                await self._filled.wait()
        piece = self._pieces.popleft()
        if isinstance(piece, BaseException):
            raise piece
        self._room.release()
        return piece

    def _put(self, piece: bytes | BaseException | None) -> None:
        self._pieces.append(piece)
        if not self._filled.is_set():
            tell(self._loop, self._filled.set)


def tell(loop: asyncio.AbstractEventLoop, message: Callable[[], object]) -> None:
    """Have something done on the loop, unless it is closed: then the server has stopped, and nobody waits."""
    try:
        loop.call_soon_threadsafe(message)
    except RuntimeError:
        if not loop.is_closed():
            raise
