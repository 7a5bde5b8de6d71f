"""Answers as the bytes that a client reads: bodies, and the frames of event streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import orjson

from .messages import JSON_MEDIA_TYPE, STREAM_MEDIA_TYPE, Event, Json, Listing, Reply, Stream

PIECE = 64 * 1024
"""Bytes of a list that are sent together."""


def payload(reply: Reply) -> bytes:
    """The body of a reply."""
    if reply.pieces is not None:
        return b"".join(reply.pieces)
    if reply.written:
        return reply.written
    body = reply.body
    if reply.media_type == JSON_MEDIA_TYPE or not isinstance(body, str | bytes):
        return orjson.dumps(body)
    return body.encode() if isinstance(body, str) else body


def header_lines(answer: Reply | Stream) -> bytes | None:
    """An answer's headers as they are sent; ``None`` when they cannot be."""
    if isinstance(answer, Stream):
        lines, breaks = f"content-type: {STREAM_MEDIA_TYPE}\r\ncache-control: no-cache\r\n", 2
    else:
        lines, breaks = f"content-type: {answer.media_type}\r\n", 1
    for name, value in answer.headers.items():
        lines += f"{name.lower()}: {value}\r\n"
        breaks += 1
    if lines.count("\n") != breaks or lines.count("\r") != breaks or "\0" in lines or not lines.isascii():
        return None
    return lines.encode("ascii")


def listed(listing: Listing, write: Callable[[Json], bytes]) -> Iterator[bytes]:
    """A list as bytes, many items at a time."""
    begun = b'{"%b":[' % listing.name.encode()
    made: list[bytes] = []
    size = 0
    for item in listing.items:
        made.append(write(item))
        size += len(made[-1])
        if size > PIECE:
            yield begun + b",".join(made)
            begun, size = b",", 0
            made.clear()
    yield (begun + b",".join(made) if made or begun != b"," else b"") + b"]}"


def frame(event: Event) -> bytes:
    """One event as it stands in the stream."""
    data = event.written or orjson.dumps(event.data)
    if event.name is None:
        return b"data: %b\n\n" % data
    return b"event: %b\ndata: %b\n\n" % (event.name.encode(), data)


def terminator(stream: Stream) -> bytes:
    """What ends the stream after its last event; empty when nothing does."""
    return b"" if stream.terminator is None else f"data: {stream.terminator}\n\n".encode()


def frames(stream: Stream) -> Iterator[bytes]:
    """The stream as bytes, piece by piece, in this thread: pauses are slept through."""
    complete = False
    try:
        for event in stream.events:
            if event.pause > 0:
                time.sleep(event.pause)
            yield frame(event)
        end = terminator(stream)
        if end:
            yield end
        complete = True
    finally:
        if stream.closed is not None:
            stream.closed(complete)
