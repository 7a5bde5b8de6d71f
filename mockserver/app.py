"""The edge: Flask routes by the contract's paths, and one view turns HTTP into plain values and back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Rule

from openapi import Operation
from openapi.portable import portable

from . import control, errors, ui
from .bodies import MAX_BODY
from .control_operations import control_spec
from .core import Mock
from .delivery import Disturbed
from .messages import JSON_MEDIA_TYPE, STREAM_MEDIA_TYPE, Reply, Request, Stream
from .wire import frames, payload

API_PREFIX = "/api/2.0"
_PARAMETER = re.compile(r"\{(\w+)\}")


class _Rule(Rule):
    """A rule whose URL builder is compiled when it is first needed: that is most of what a rule costs, and few are."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(_Rule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


def create_app(mock: Mock) -> Flask:
    """The WSGI application of a mock: one URL rule per operation of the contract."""
    app = Flask("mockserver", static_folder=None)
    app.url_rule_class = _Rule
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    for operation in mock.spec.operations.values():
        app.add_url_rule(
            _PARAMETER.sub(r"<\1>", operation.path),
            endpoint=operation.id,
            view_func=_view(mock, operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )
    for operation in control_spec().operations.values():
        app.add_url_rule(
            _PARAMETER.sub(r"<\1>", operation.path),
            endpoint=f"__mock__.{operation.id}",
            view_func=_control_view(mock, operation),
            methods=[operation.method],
            provide_automatic_options=False,
        )

    @cache
    def document() -> bytes:
        return orjson.dumps(portable(mock.spec.document))

    @app.get("/openapi.json", provide_automatic_options=False)
    def openapi_document() -> Response:
        return Response(document(), content_type=JSON_MEDIA_TYPE)

    @app.errorhandler(HTTPException)
    def refused(problem: HTTPException) -> Response:
        errors.let_go(problem)
        return _response(mock.refuse(_request({}, b""), _refusal(problem)))

    ui.register(app, mock)
    return app


def _view(mock: Mock, operation: Operation) -> Callable[..., Response]:
    def view(**parameters: str) -> Response:
        return delivered(mock.respond(operation, _request(parameters, request.get_data(cache=False))))

    return view


def delivered(answer: Reply | Stream | Disturbed) -> Response:
    """The core's answer on its way to a client."""
    if isinstance(answer, Reply) and answer.delay > 0:
        time.sleep(answer.delay)
    if isinstance(answer, Disturbed):
        return _disturbed(answer)
    return _stream(answer) if isinstance(answer, Stream) else _response(answer)


def _control_view(mock: Mock, operation: Operation) -> Callable[..., Response]:
    def view(**parameters: str) -> Response:
        asked = _request(parameters, request.get_data(cache=False))
        return _response(control.respond(mock, operation, asked, request.remote_addr))

    return view


def _request(parameters: dict[str, str], body: bytes) -> Request:
    return Request(
        method=request.method,
        path=request.path,
        headers=_headers(request.environ),
        parameters=parameters,
        query=request.args.to_dict() if request.query_string else {},
        body=body,
        base_url=f"{request.scheme}://{request.host}",  # host_url costs five times as much
    )


def _headers(environ: dict[str, object]) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if isinstance(value, str) and name.startswith("HTTP_")
    }
    content_type = environ.get("CONTENT_TYPE")
    if isinstance(content_type, str):
        headers["content-type"] = content_type
    return headers


def _response(reply: Reply) -> Response:
    response = Response(payload(reply), status=reply.status, content_type=reply.media_type)
    response.headers.update(reply.headers)
    return response


def _stream(stream: Stream) -> Response:
    response = Response(frames(stream), status=stream.status, content_type=STREAM_MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-cache"
    response.headers.update(stream.headers)
    return response


def _disturbed(disturbed: Disturbed) -> Response:
    """The response with the length of the whole body, of which the client may get less."""
    answer = disturbed.answer
    if isinstance(answer, Stream):
        response = _stream(answer)
        response.response = disturbed.body(map(disturbed.garbled, frames(answer)))
        return response
    response = _response(answer)
    body = disturbed.garbled(response.get_data())
    response.response = disturbed.body([body])
    response.headers["Content-Length"] = str(len(body))
    return response


def _refusal(problem: HTTPException) -> errors.ApiError:
    """What Flask refused before any operation was found, or could not answer, in the API's words."""
    path = request.path.removeprefix(API_PREFIX)
    if isinstance(problem, NotFound):
        return errors.EndpointNotFound(f"No API found for '{request.method} {path}'")
    if isinstance(problem, MethodNotAllowed):
        allowed = ", ".join(sorted(problem.valid_methods or ()))
        return errors.MethodNotAllowed(f"No API found for '{request.method} {path}'", {"Allow": allowed})
    if isinstance(problem, RequestEntityTooLarge):
        return errors.PayloadTooLarge(f"The request body is too large; at most {MAX_BODY} bytes are accepted.")
    if isinstance(problem, InternalServerError):  # Flask has logged what happened
        return errors.InternalError(f"{request.method} {path} failed inside the mock; its log has the reason.")
    return errors.BadRequest(problem.description or "The request could not be read.")
