"""Bodies of requests as values that keep the contract. What was read before is not read again."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl

import orjson

from openapi import Operation
from openapi.validation import Violation

from . import errors
from .lookalikes import CREATIONS, Lookalikes
from .messages import JSON_MEDIA_TYPE, NO_BODY, Body, Json, Request

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_BODY = 16 * 2**20
"""Bytes of a request body; the service takes 16 MB for custom models and less for others."""
UNDECODABLE = "Request body is not valid JSON: {problem}. Send a JSON object encoded as UTF-8."

MEMORABLE = 4096
"""Bytes of a query that is remembered: load tests and retries send the same again and again."""


def accepted(operation: Operation, request: Request) -> Body:
    """The request's body as a value the contract accepts.

    Raises:
        PayloadTooLarge: it has too many bytes.
        UnsupportedMediaType, MalformedRequest: it cannot be read.
        InvalidParameterValue: it breaks the contract.
    """
    if not operation.request_media_types:
        return NO_BODY
    size = len(request.body)
    if size > MAX_BODY:
        raise errors.PayloadTooLarge(f"The request body has {size} bytes; at most {MAX_BODY} are accepted.")
    media_type = _media_type(operation, request)
    if operation.id in CREATIONS:
        body = _LOOKALIKES.find(operation, request.body)
        if body is None:
            body = _accepted(operation, media_type, request.body)
            _LOOKALIKES.remember(operation, request.body, body)
        return body
    read = _remembered if size <= MEMORABLE and "Queries" in operation.tags else _accepted
    return read(operation, media_type, request.body)


def _accepted(operation: Operation, media_type: str, sent: bytes) -> Body:
    body = _read(media_type, sent, operation.body_required)
    text = sent if media_type == JSON_MEDIA_TYPE else None
    violations = [] if isinstance(body, bytes) else operation.request_violations(body, media_type, text)
    if violations:
        violations = _first_own(violations) or violations
        problem = " ".join(violation.message for violation in violations[:3])
        if media_type == FORM_MEDIA_TYPE:  # only the token endpoint takes a form
            raise errors.OAuthError(400, violations[0].code or "invalid_request", problem)
        raise errors.bad_value(violations[0].code)(problem)
    return Body(body, operation.with_defaults(body), {})


def _first_own(violations: list[Violation]) -> list[Violation]:
    """The violation that is told alone, as the service has a sentence for it: of the name, or else the outermost."""
    own = [violation for violation in violations if violation.own]
    return sorted(own, key=lambda one: (one.where != "name", len(re.findall(r"[.\[]", one.where))))[:1]


_remembered = lru_cache(maxsize=256)(_accepted)
_LOOKALIKES = Lookalikes()


def _media_type(operation: Operation, request: Request) -> str:
    """Which of the operation's media types the body is in.

    A body without a type, or with the one that curl sends unasked, is taken for the first: the service looks at the
    bytes only.
    """
    accepted, sent = operation.request_media_types, request.media_type
    if sent in accepted:
        return sent
    if sent in ("", FORM_MEDIA_TYPE):
        return accepted[0]
    problem = f"Content type '{sent}' is not accepted; send {' or '.join(accepted)}."
    if accepted[0] == FORM_MEDIA_TYPE:
        raise errors.OAuthError(400, "invalid_request", problem)
    if "415" in operation.responses:
        if "Queries" not in operation.tags:
            raise errors.UnsupportedMediaType(problem)
        raise errors.UnsupportedMediaType(
            "This predictor only supports the following content types: Types: "
            f"['text/csv', 'application/json', 'application/vnd.apache.parquet']. Got '{sent}'."
        )
    raise errors.MalformedRequest(problem)


def _read(media_type: str, body: bytes, required: bool) -> Json:
    if media_type == FORM_MEDIA_TYPE:
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise errors.OAuthError(400, "invalid_request", "The body is not a form encoded as UTF-8.") from None
    if media_type != JSON_MEDIA_TYPE:
        return body
    if not body.strip():
        if required:
            raise errors.MalformedRequest(UNDECODABLE.format(problem="it is empty"))
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise errors.MalformedRequest(UNDECODABLE.format(problem=problem)) from None
