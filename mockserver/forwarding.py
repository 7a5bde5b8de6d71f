"""Queries of external models passed on for real, to the OpenAI-compatible server that the configuration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import orjson

from .domain.config import Entity
from .errors import ApiError

Json = Any

TIMEOUT = 120.0
"""Seconds that the provider may stay silent."""

OWN_FIELDS = frozenset(
    {"client_request_id", "custom_inputs", "databricks_options", "extra_params", "model", "usage_context"}
)
"""Members of a request that mean something to the serving layer only."""

PASSED_STATUSES = frozenset({400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 424, 429, 500, 502, 503, 504, 529})


class ProviderFailed(ApiError):
    """The provider refused or failed: its status and its body inside the service's own."""

    def __init__(self, provider: str, status: int, message: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"Received error from {provider}", headers)
        self.status = status
        self.external_model_message = (
            message if isinstance(message, dict | str) and message else {"message": str(message)}
        )

    def body(self, request_id: str) -> Json:
        return {"error": self.message, "external_model_message": self.external_model_message}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider's server, and what it is asked for and with."""

    provider: str
    base: str
    model: str
    key: str | None = None
    organization: str | None = None


def upstream_of(entity: Entity) -> Upstream | None:
    """Where an entity's queries can be passed on to; ``None`` when its configuration names no server."""
    external = entity.definition.get("external_model") or {}
    openai, custom = external.get("openai_config") or {}, external.get("custom_provider_config") or {}
    if openai.get("openai_api_base") and openai.get("openai_api_type") in (None, "openai"):
        key = openai.get("openai_api_key_plaintext")
        organization = openai.get("openai_organization")
        return Upstream(external["provider"], openai["openai_api_base"], external["name"], key, organization)
    if custom.get("custom_provider_url"):
        key = (custom.get("bearer_token_auth") or {}).get("token_plaintext")
        return Upstream(external["provider"], custom["custom_provider_url"], external["name"], key)
    return None


def ask(upstream: Upstream, path: str, request: Mapping[str, Json]) -> Json:
    """The provider's answer.

    Raises:
        ProviderFailed: it refused, failed, could not be reached, or answered something that is not a JSON object.
    """
    connection = _connection(upstream)
    with closing(connection):
        try:
            answer = _loaded(_sent(upstream, connection, path, request).read())
        except (OSError, HTTPException) as problem:
            raise _unreachable(upstream, problem) from None
    if not isinstance(answer, dict):
        raise ProviderFailed(upstream.provider, 502, {"message": "The provider's answer is not a JSON object."})
    return answer


def ask_streaming(upstream: Upstream, path: str, request: Mapping[str, Json]) -> Iterator[Json]:
    """The data of the provider's events, as they arrive. The connection is closed with the iterator.

    Raises:
        ProviderFailed: as ``ask``, from the call itself; once the stream runs, an event tells of what goes wrong.
    """
    connection = _connection(upstream)
    try:
        response = _sent(upstream, connection, path, request)
    except (OSError, HTTPException) as problem:
        connection.close()
        raise _unreachable(upstream, problem) from None
    except ProviderFailed:
        connection.close()
        raise
    kind = response.headers.get_content_type()
    if kind != "text/event-stream":
        response.close()
        connection.close()
        raise ProviderFailed(upstream.provider, 502, {"message": f"The provider sent {kind} instead of a stream."})
    return _events(upstream, connection, response)


def _events(upstream: Upstream, connection: HTTPConnection, response: HTTPResponse) -> Iterator[Json]:
    with closing(connection), closing(response):
        try:
            for line in response:
                field, _, value = line.strip().partition(b":")
                if field != b"data":
                    continue
                if value.strip() == b"[DONE]":
                    return
                yield _loaded(value)
        except (OSError, HTTPException) as problem:
            yield {"error": {"message": f"The stream from {upstream.provider} broke off: {problem}"}}


def _connection(upstream: Upstream) -> HTTPConnection:
    address = urlsplit(upstream.base)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ProviderFailed(upstream.provider, 502, {"message": f"'{upstream.base}' is not an http(s) URL."})
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    return kind(address.hostname, address.port, timeout=TIMEOUT)


def _sent(upstream: Upstream, connection: HTTPConnection, path: str, request: Mapping[str, Json]) -> HTTPResponse:
    body = {name: value for name, value in request.items() if name not in OWN_FIELDS}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if upstream.key:
        headers["Authorization"] = f"Bearer {upstream.key}"
    if upstream.organization:
        headers["OpenAI-Organization"] = upstream.organization
    place = urlsplit(upstream.base).path.rstrip("/") + path
    connection.request("POST", place, orjson.dumps({"model": upstream.model, **body}), headers)
    response = connection.getresponse()
    if response.status != 200:
        waiting = response.headers.get("Retry-After")
        raise ProviderFailed(
            upstream.provider,
            response.status if response.status in PASSED_STATUSES else 400 if 400 <= response.status < 500 else 502,
            _loaded(response.read()),
            {"Retry-After": waiting} if waiting and waiting.isdecimal() else {},
        )
    return response


def _loaded(data: bytes) -> Json:
    """JSON where it is JSON, else the text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data.decode("utf-8", "replace").strip()


def _unreachable(upstream: Upstream, problem: Exception) -> ProviderFailed:
    reason = str(problem) or type(problem).__name__
    return ProviderFailed(upstream.provider, 502, {"message": f"{upstream.base} cannot be reached: {reason}"})
