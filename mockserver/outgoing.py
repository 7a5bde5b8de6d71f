"""What leaves the mock: without secrets, checked against the contract, and written as JSON in the same go."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from openapi import Operation

from . import errors
from .delivery import ConnectionDropped
from .messages import JSON_MEDIA_TYPE, Event, Json, Listing, Reply, Stream
from .stencils import Stencil, stencil_of
from .wire import listed

log = logging.getLogger("mockserver")


def finished(operation: Operation, answer: Json | Listing | Reply | Stream) -> Reply | Stream:
    """What a handler returned as a reply without secrets, checked against the contract."""
    if isinstance(answer, Listing):
        return _listed(operation, answer)
    if isinstance(answer, Stream):
        return Stream(
            _checked_events(operation, answer.events),
            answer.headers,
            answer.terminator,
            answer.closed,
            answer.status,
        )
    if not isinstance(answer, Reply):
        answer = Reply(operation.success, answer, media_type=operation.media_type or JSON_MEDIA_TYPE)
    return checked(operation, answer)


def checked(operation: Operation, reply: Reply) -> Reply:
    """The reply without secrets and with its body written down; an internal error when it breaks the contract."""
    show = operation.show(reply.status) if reply.media_type == JSON_MEDIA_TYPE else None
    stencil: Stencil | None = None if reply.known is None else reply.known.get("stencil")
    if show is None:
        violations = operation.reply_violations(reply.status, reply.body, reply.media_type)
    elif stencil is not None and stencil.operation is operation:
        body, written = stencil.filled(reply.body)
        return Reply(reply.status, body, reply.headers, reply.media_type, reply.delay, written)
    else:
        body, written, violations = show(reply.body)
        if written and reply.known is not None:
            # The first answer may well be the only one.
            again = "stencil" in reply.known
            reply.known["stencil"] = stencil_of(operation, body, written, reply.varying) if again else None
        reply = Reply(reply.status, body, reply.headers, reply.media_type, reply.delay, written)
    if not violations:
        return reply
    problem = "; ".join(violation.message for violation in violations[:3])
    log.error("%s: the mock's own %s reply breaks the contract: %s", operation.id, reply.status, problem)
    return internal_error(f"The mock's own reply to {operation.id} breaks the contract: {problem}", "")


def _listed(operation: Operation, listing: Listing) -> Reply:
    """A long list on its way. What breaks the contract ends the connection: the status has been sent by then."""
    show = operation.show_item(operation.success, listing.name)

    def written(item: Json) -> bytes:
        _, made, violations = show(item)
        if violations:
            problem = "; ".join(violation.message for violation in violations[:3])
            log.error("%s: an item of the mock's own list breaks the contract: %s", operation.id, problem)
            raise ConnectionDropped
        return made

    return Reply(operation.success, pieces=listed(listing, written))


def _checked_events(operation: Operation, events: Iterator[Event]) -> Iterator[Event]:
    write = operation.event_writer
    for data, name, pause, _ in events:
        written = write(data)
        if not written:
            problem = "; ".join(violation.message for violation in operation.event_violations(data)[:3])
            log.error("%s: an event of the mock's own stream breaks the contract: %s", operation.id, problem)
            yield Event({"error": {"message": f"The mock's own stream breaks the contract: {problem}"}})
            return
        yield Event(data, name, pause, written)


def internal_error(message: str, request_id: str) -> Reply:
    """What is answered where the mock itself is wrong."""
    return errors.InternalError(message).reply(request_id)
