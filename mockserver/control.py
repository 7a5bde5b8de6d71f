"""Requests for ``/__mock__/``, control of the simulation from any language: who may ask, and what they ask for."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from openapi import Operation

from . import errors, snapshot
from .auth import DEFAULT_WORKSPACE
from .control_operations import CONTROLS, YAML_MEDIA_TYPE, Control
from .messages import Json, Reply, Request
from .settings import SettingError
from .store import StoreError

if TYPE_CHECKING:
    from .core import Mock

log = logging.getLogger("mockserver")

TOKEN_HEADER = "x-mock-control-token"


def respond(mock: Mock, operation: Operation, request: Request, client: str | None) -> Reply:
    """Answer one request for control. ``client`` is the address it came from, ``None`` for one from this process."""
    try:
        _admit(mock.settings.control_token, request, client)
        workspace = _workspace(mock, request)
        query = _query(operation, request.query)
        call = Control(mock, workspace, request.parameters, query, _body(operation, request))
        answer = CONTROLS[operation.id](call)
    except errors.ApiError as refusal:
        return refusal.reply("")
    except snapshot.StateError as problem:
        return errors.InvalidParameterValue(" ".join(problem.problems[:20])).reply("")
    except (ValueError, SettingError) as problem:
        return errors.InvalidParameterValue(f"{problem}.").reply("")
    except StoreError as problem:
        log.error("%s: %s", operation.id, problem)
        return errors.StoreUnavailable().reply("")
    return answer if isinstance(answer, Reply) else Reply(operation.success, answer)


def _admit(token: str | None, request: Request, client: str | None) -> None:
    """Refuse strangers: other machines unless there is a control token, and pages of other origins always.

    Raises:
        PermissionDenied: whoever asks may not.
    """
    if token is not None:
        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise _denied("send the control token this mock was started with in the header X-Mock-Control-Token.")
    elif client is not None and not _is_loopback(client):
        raise _denied("only clients on the mock's own machine may; start it with --control-token to let others.")
    elif not _is_loopback(_host(request.headers.get("host", "localhost"))):
        raise _denied(f"'{request.headers['host']}' is not a name of this machine; use 127.0.0.1 or localhost.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise _denied(f"pages of another origin ('{origin}') may not.")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise _denied("pages of another origin may not.")


def _denied(reason: str) -> errors.PermissionDenied:
    return errors.PermissionDenied(f"The mock's control plane is not for this request: {reason}")


def _host(text: str) -> str:
    return urlsplit(f"//{text}").hostname or ""


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _workspace(mock: Mock, request: Request) -> str:
    if "authorization" not in request.headers:
        return DEFAULT_WORKSPACE
    return mock.authenticator.identify(request.headers, mock.new_uuid()).workspace


def _query(operation: Operation, given: Mapping[str, str]) -> dict[str, Any]:
    """The query parameters with their types and defaults.

    Raises:
        InvalidParameterValue: one is unknown, or has a value that is not accepted.
    """
    described = {
        parameter["name"]: parameter["schema"] for parameter in operation.parameters if parameter["in"] == "query"
    }
    for name in given:
        if name not in described:
            accepted = f"there are {', '.join(described)}" if described else "there are none"
            raise errors.InvalidParameterValue(f"Unknown query parameter '{name}': {accepted}.")
    values = {name: schema["default"] for name, schema in described.items() if "default" in schema}
    return {**values, **{name: _value(name, text, described[name]) for name, text in given.items()}}


def _value(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    kinds: dict[str, Callable[[str], Any]] = {"integer": int, "number": float}
    try:
        value = kinds.get(schema["type"], str)(text)
    except ValueError:
        raise errors.InvalidParameterValue(f"Query parameter '{name}' is '{text}', not a number.") from None
    least, most, choices = schema.get("minimum"), schema.get("maximum"), schema.get("enum")
    if choices is not None and value not in choices:
        raise errors.InvalidParameterValue(f"Query parameter '{name}' is '{text}', not one of {', '.join(choices)}.")
    if least is not None and most is not None and not least <= value <= most:
        raise errors.InvalidParameterValue(f"Query parameter '{name}' is {text}; it is from {least} to {most}.")
    return value


def _body(operation: Operation, request: Request) -> Json:
    if not operation.request_media_types:
        return None
    if request.media_type == YAML_MEDIA_TYPE and YAML_MEDIA_TYPE in operation.request_media_types:
        return snapshot.parsed(request.body, "the request body")
    try:
        body = orjson.loads(request.body) if request.body.strip() else None
    except orjson.JSONDecodeError as problem:
        raise errors.MalformedRequest(f"Request body is not valid JSON: {problem}.") from None
    violations = operation.request_violations(body)
    if violations and operation.id != "import_state":  # which finds them itself, and more
        raise errors.InvalidParameterValue(" ".join(violation.message for violation in violations[:3]))
    return operation.with_integers(operation.with_defaults(body if body is not None else {}))
