"""The laws that can be judged on one exchange alone: status, media type, headers, body, envelope, secrets, time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from openapi import Operation

from .canaries import Canaries
from .exchange import Exchange
from .findings import Judge
from .pace import strain
from .routes import Match, match, methods

JSON = "application/json"
EVENTS = "text/event-stream"
LARGEST_WAIT = 120
TRACEBACK = re.compile(
    rb"Traceback \(most recent call last\)|(\n|\\n)(\t|\\t|\\u0009)at [\w.$/<>]+\(|goroutine \d+ \[|\bpanic: "
)
"""The stack of Python, Java or Go. MLflow's scoring server answers a model's; nobody else's is for clients."""

ENOUGH = 20
"""So many replies with a request id show that the target gives one to each."""
KNOWN_CODES: dict[int, frozenset[Any]] = {
    400: frozenset({"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "MALFORMED_REQUEST", "INVALID_STATE"}),
    401: frozenset({401}),
    403: frozenset({403, "PERMISSION_DENIED", "FEATURE_DISABLED"}),
    404: frozenset({"RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND", "NOT_FOUND", "FEATURE_DISABLED"}),
    405: frozenset({"METHOD_NOT_ALLOWED", "ENDPOINT_NOT_FOUND", "BAD_REQUEST"}),
    409: frozenset({"RESOURCE_CONFLICT", "RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS", "ABORTED"}),
    413: frozenset({"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "RESOURCE_LIMIT_EXCEEDED", "MALFORMED_REQUEST"}),
    415: frozenset({"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "MALFORMED_REQUEST"}),
    429: frozenset({"REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"}),
}
"""The error_codes that the SDK's mapping and the recorded refusals know for each status."""
UNDOCUMENTED_ANYWAY = frozenset({405, 413, 414, 415, 429, 431, 501})
"""Statuses of HTTP itself, which any operation may answer without the contract repeating them."""


@dataclass
class Shape:
    """Judges single exchanges against the contract."""

    judge: Judge
    canaries: Canaries
    slowest: float
    request_ids: set[str] = field(default_factory=set)

    def check(self, exchange: Exchange) -> None:
        """Everything that one exchange can show."""
        if "Timeout" in exchange.failure:
            self.judge.hold("robust.time", exchange, False, f"{self.slowest:g} s", exchange.failure, "none")
            return
        if not self.judge.hold("robust.replies", exchange, not exchange.failure, "a complete reply", exchange.failure):
            return
        unknown_method = exchange.status == 501 and exchange.asked.method not in (
            "GET",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
        )
        if not unknown_method:
            self.judge.hold("robust.server-error", exchange, exchange.status < 500, "no 5xx", _summary(exchange))
        bound = self.slowest if exchange.seconds <= self.slowest else self.slowest * strain()
        got = f"{exchange.seconds:.1f} s"
        self.judge.hold("robust.time", exchange, exchange.seconds <= bound, f"{bound:.1f} s", got)
        self._secrets(exchange)
        self._encoding(exchange)
        self._request_id(exchange)
        if exchange.asked.method in ("HEAD", "OPTIONS") or unknown_method or _stopped_on_its_way(exchange):
            return
        hit = match(exchange.asked.method, exchange.asked.route)
        if exchange.status >= 400:
            self._refusal(exchange, hit)
        if hit:
            self._contract(exchange, hit.operation)
        elif exchange.asked.route.startswith("/api/"):
            self.judge.hold("robust.route", exchange, exchange.status >= 400, "a refusal", _summary(exchange))

    def _secrets(self, exchange: Exchange) -> None:
        leaked = self.canaries.found_in(exchange.body) or self.canaries.found_in(repr(exchange.headers).encode())
        self.judge.hold("access.secret", exchange, leaked is None, "no secret in any reply", "a secret that was sent")

    def _encoding(self, exchange: Exchange) -> None:
        """The run asks for the identity encoding, so nothing else may come, and of one media type."""
        named_types = [value for name, value in exchange.headers if name.lower() == "content-type"]
        self.judge.hold("shape.headers", exchange, len(named_types) < 2, "one Content-Type", named_types, "two types")
        encoding = exchange.header("content-encoding")
        kept = encoding in (None, "", "identity")
        self.judge.hold("shape.headers", exchange, kept, "no Content-Encoding, as asked", encoding, "encoding")
        charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", exchange.header("content-type") or "", re.IGNORECASE)
        named = charset.group(1).lower() if charset else "utf-8"
        self.judge.hold("shape.media-type", exchange, named in ("utf-8", "utf8"), "UTF-8", named, "charset")

    def _request_id(self, exchange: Exchange) -> None:
        """A target that names its requests names each of them, by a name of its own."""
        shown = exchange.header("x-request-id")
        if match(exchange.asked.method, exchange.asked.route) is None:
            return
        if shown is None:
            kept = len(self.request_ids) < ENOUGH or not exchange.ok
            self.judge.hold("shape.headers", exchange, kept, "X-Request-Id, as with the others", "none", "request id")
        else:
            self.judge.hold(
                "shape.headers", exchange, shown not in self.request_ids, "a new id", shown, "request id twice"
            )
            self.request_ids.add(shown)

    def _contract(self, exchange: Exchange, operation: Operation) -> None:
        status = exchange.status
        documented = [key for key in operation.responses if key != "default"]
        expected = f"{operation.success}, or a documented refusal ({', '.join(documented)})"
        if exchange.ok:
            kept = status == operation.success
        else:
            kept = str(status) in documented or "default" in operation.responses or status in UNDOCUMENTED_ANYWAY
        if not self.judge.hold("shape.status", exchange, kept, expected, status, f"{status}"):
            return
        content = self._content(operation, status)
        if content is None:
            return
        if not self.judge.hold(
            "shape.media-type",
            exchange,
            exchange.media_type in content or (EVENTS in content and exchange.media_type == EVENTS),
            " or ".join(content),
            exchange.media_type or "none",
            f"{status // 100}xx",
        ):
            return
        self._body(exchange, operation)

    def _content(self, operation: Operation, status: int) -> tuple[str, ...] | None:
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in operation.responses:
                return tuple(operation.responses[key].get("content", {})) or None
        return None

    def _body(self, exchange: Exchange, operation: Operation) -> None:
        if exchange.media_type == EVENTS:
            for event in parsed_events(exchange):
                violations = operation.event_violations(event)
                differences = ((_generic(each.where), "the contract", each.message) for each in violations[:3])
                self.judge.hold_all("shape.event", exchange, differences)
            return
        body: Any = exchange.reply
        marked = exchange.body.startswith(codecs.BOM_UTF8)
        self.judge.hold("shape.body", exchange, not marked, "no byte order mark", _summary(exchange), "byte order mark")
        if exchange.media_type == JSON and body is None and exchange.body.strip() != b"null":
            self.judge.hold("shape.body", exchange, False, "a JSON document", _summary(exchange), "not JSON")
            return
        twice = _twice(exchange.body) if exchange.media_type == JSON else []
        self.judge.hold("shape.body", exchange, not twice, "each member once", f"{twice[:3]} twice", "twice")
        if exchange.media_type != JSON:
            body = exchange.body.decode("utf-8", "replace")
        violations = operation.reply_violations(exchange.status, body, exchange.media_type)
        differences = ((_generic(each.where), "the contract", each.message) for each in violations[:5])
        self.judge.hold_all("shape.body", exchange, differences)

    def _refusal(self, exchange: Exchange, hit: Match | None) -> None:
        body = exchange.reply
        if hit and hit.operation.id == "issue_token":
            return
        if exchange.status == 415 and exchange.media_type == "text/plain":
            return  # MLflow's scoring server refuses media types in plain text
        if isinstance(body, dict) and "external_model_message" in body:
            return
        words = isinstance(body, dict) and isinstance(body.get("message"), str) and bool(body["message"].strip())
        kept = exchange.media_type == JSON and words and "error_code" in body
        expected = "a JSON object with error_code and a message"
        if not self.judge.hold("shape.envelope", exchange, kept, expected, _summary(exchange), f"{exchange.status}"):
            return
        inside = bool(TRACEBACK.search(exchange.body)) and not (hit and "Queries" in hit.operation.tags)
        self.judge.hold("shape.envelope", exchange, not inside, "no insides of the server", exchange.body, "traceback")
        codes = KNOWN_CODES.get(exchange.status)
        if codes is not None:
            kept = body["error_code"] in codes and not isinstance(body["error_code"], bool)
            expected = f"one of {sorted(map(str, codes))} with status {exchange.status}"
            self.judge.hold("shape.error-code", exchange, kept, expected, body["error_code"], f"{exchange.status}")
        self._refusal_headers(exchange)

    def _refusal_headers(self, exchange: Exchange) -> None:
        if exchange.status == 401:
            value = exchange.header("www-authenticate")
            kept = bool(value) and bool(re.match(r"(Bearer|Basic)\b", value or ""))
            self.judge.hold("shape.headers", exchange, kept, 'WWW-Authenticate: Bearer realm="..."', value, "401")
        elif exchange.status == 405:
            allowed = {each.strip().upper() for each in (exchange.header("allow") or "").split(",")} - {""}
            kept = bool(allowed) and allowed - {"HEAD", "OPTIONS"} == methods(exchange.asked.route)
            expected = f"Allow: {', '.join(sorted(methods(exchange.asked.route)))}"
            self.judge.hold("shape.headers", exchange, kept, expected, exchange.header("allow"), "405")
        elif exchange.status == 429:
            value = exchange.header("retry-after") or ""
            kept = value.isdecimal() and 0 < int(value) <= LARGEST_WAIT
            self.judge.hold("limits.retry-after", exchange, kept, "Retry-After: whole seconds", value or "none")


def _stopped_on_its_way(exchange: Exchange) -> bool:
    """Whether something before the API refused the request in its own words, as balancers refuse what is odd HTTP.

    A null byte in a path and the method TRACE do not get past most of them.
    """
    if exchange.media_type == JSON:
        return False
    return (exchange.status == 400 and "%00" in exchange.asked.route) or (
        exchange.status == 405 and exchange.asked.method == "TRACE"
    )


def parsed_events(exchange: Exchange) -> Iterator[Any]:
    """The events of a stream that are JSON documents; [DONE] is none."""
    for data in exchange.events:
        if data.strip() != "[DONE]":
            try:
                yield json.loads(data)
            except ValueError:
                yield data


def _twice(body: bytes) -> list[str]:
    """The members that an object of a JSON document has more than once; readers disagree on which of them counts."""
    found: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        named = dict(pairs)
        if len(named) < len(pairs):
            names = [name for name, _ in pairs]
            found.extend(sorted({name for name in names if names.count(name) > 1}))
        return named

    json.loads(body, object_pairs_hook=members)
    return found


def _generic(where: str) -> str:
    return re.sub(r"\[\d+\]", "[]", where)


def _summary(exchange: Exchange) -> str:
    body = exchange.body[:200].decode("utf-8", "replace")
    return f"{exchange.status} {exchange.media_type or 'without a media type'}: {body or '(empty)'}"
