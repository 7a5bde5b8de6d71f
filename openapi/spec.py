"""The description as objects: Spec, its Operations and its named Schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .cache import ROOT, load_bundle
from .naming import Names
from .routing import Routes
from .validation import Direction, Validators, Violation, Writer
from .values import REDACTED, Action, Walk, Walkers, resolve

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


@cache
def load() -> Spec:
    """The contract of this package, one object per process. Raises ContractError when its files are broken."""
    return Spec(load_bundle(ROOT))


class Spec:
    """An OpenAPI document whose references are all local, and everything it describes."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.validators = Validators(document)
        self.walkers = Walkers(document)
        self.names = Names(document)
        self.operations: dict[str, Operation] = {
            definition["operationId"]: Operation(self, path, method, item)
            for path, item in document.get("paths", {}).items()
            for method, definition in item.items()
            if method in METHODS and "operationId" in definition
        }
        self.routes = Routes(self.operations.values())
        self._schemas: dict[str, Schema] = {}

    @classmethod
    def read(cls, root: Path) -> Spec:
        """The spec whose root document is `root`. Raises ContractError when its files are broken."""
        return cls(load_bundle(root))

    def schema(self, name: str) -> Schema:
        """The component schema of that name. Raises KeyError."""
        if name not in self._schemas:
            self._schemas[name] = Schema(self, f"#/components/schemas/{_escaped(name)}")
        return self._schemas[name]

    def resolved(self, value: Any) -> Any:
        """`value`, or what it refers to."""
        while isinstance(value, dict) and "$ref" in value:
            value = resolve(self.document, value["$ref"])
        return value


class Schema:
    """One schema of the document, by pointer: what it says of a value, and what that does to it."""

    def __init__(self, spec: Spec, pointer: str) -> None:
        self.definition = resolve(spec.document, pointer)
        self.pointer = pointer
        self._spec = spec

    def violations(self, value: Any) -> list[Violation]:
        """What is wrong with `value` as it stands, whoever sent it; [] when fine."""
        return self._spec.validators.violations(self.pointer, None, value, "the value")

    @cached_property
    def with_defaults(self) -> Walk:
        """A function: the value with defaults filled in and without readOnly members; copied where changed."""
        return self._spec.walkers.walk(self.definition, Action.FILL)

    @cached_property
    def with_integers(self) -> Walk:
        """A function: the value with integers where the schema asks for them, also those written like 2.0."""
        return self._spec.walkers.walk(self.definition, Action.WHOLE)

    @cached_property
    def without_write_only(self) -> Walk:
        """A function: the value without writeOnly members; copied where changed."""
        return self._spec.walkers.walk(self.definition, Action.STRIP)

    @cached_property
    def masked(self) -> Walk:
        """A function: the value with secrets replaced by a placeholder; copied where changed."""
        return self._spec.walkers.walk(self.definition, Action.MASK)


class Shown(NamedTuple):
    """A value on its way out: without writeOnly members, as JSON, and what is wrong with it. Of the last two, one is
    empty.
    """

    value: Any
    written: bytes
    violations: list[Violation]


Show = Callable[[Any], Shown]


class Operation:
    """One method of one path."""

    def __init__(self, spec: Spec, path: str, method: str, item: Mapping[str, Any]) -> None:
        self.definition: dict[str, Any] = item[method]
        self.id: str = self.definition["operationId"]
        self.method = method.upper()
        self.path = path
        self.pointer = f"#/paths/{_escaped(path)}/{method}"
        self.summary: str = self.definition.get("summary", "")
        self.tags: tuple[str, ...] = tuple(self.definition.get("tags", ()))
        self.required_permission: str | None = self.definition.get("x-required-permission")
        self.public: bool = self.definition.get("security", spec.document.get("security")) == []
        self.parameters: tuple[dict[str, Any], ...] = tuple(
            spec.resolved(parameter)
            for parameter in (*item.get("parameters", ()), *self.definition.get("parameters", ()))
        )
        self._spec = spec
        self.responses: dict[str, dict[str, Any]] = {
            status: spec.resolved(response) for status, response in self.definition.get("responses", {}).items()
        }
        body = spec.resolved(self.definition.get("requestBody")) or {}
        self.body_required: bool = body.get("required", False)
        self.request_media_types: tuple[str, ...] = tuple(body.get("content", ()))
        self.success = min(
            (int(status) for status in self.responses if status.isdecimal() and status[0] == "2"), default=200
        )
        content = self.responses.get(str(self.success), {}).get("content", {})
        self.media_type: str | None = next(iter(content), None)
        self._schemas: dict[tuple[str, str], Schema | None] = {}
        self._shows: dict[int, Show | None] = {}
        self._item_shows: dict[tuple[int, str], Show] = {}
        self._drops_unknown = self.definition.get("x-unknown-members") == "dropped"

    def __repr__(self) -> str:
        return f"<Operation {self.id}: {self.method} {self.path}>"

    def request_violations(self, body: Any, media_type: str = JSON, text: bytes | None = None) -> list[Violation]:
        """What is wrong with the request's body (None: there is none); [] when fine.

        `text` is the JSON that orjson read the body from, if it did: then less has to be looked at.
        """
        if not self.request_media_types:
            return []
        if body is None:
            return [Violation("", "The request body is missing.")] if self.body_required else []
        documented = _matching(self.request_media_types, media_type)
        if documented is None:
            accepted = " or ".join(self.request_media_types)
            return [Violation("", f"The content type {_bare(media_type)!r} is not accepted; send {accepted}.")]
        schema = self._schema("request", documented)
        return [] if schema is None else self._check(schema, "request", body, "the request body", text)

    def member_judge(self, member: str) -> Callable[[Any], bool]:
        """A function that tells whether a value keeps the schema of that member of the JSON request body.

        Raises:
            LookupError: no such member is documented.
        """
        request = self._schema("request", JSON)
        pointer, definition = self._referred(request) if request is not None else ("", {})
        if member not in definition.get("properties", {}):
            raise LookupError(f"{self.id} documents no member {member!r} of the request")
        return self._spec.validators.judge(f"{pointer}/properties/{_escaped(member)}", "request")

    def reply_violations(self, status: int, body: Any, media_type: str = JSON) -> list[Violation]:
        """What is wrong with the reply; an undocumented status or media type is a violation. [] when fine.

        The body of an event stream is not looked at here: its events are, by `event_violations`.
        """
        key = self._status(status)
        if key is None:
            documented = ", ".join(self.responses)
            return [Violation("", f"Status {status} is not documented for {self.id}; documented are {documented}.")]
        content = self.responses[key].get("content", {})
        if not content:
            return [] if body in (None, "", b"") else [Violation("", f"Status {status} of {self.id} has no body.")]
        found = _matching(tuple(content), media_type)
        if found is None:
            expected = " or ".join(content)
            what = f"The media type {_bare(media_type)!r} is not documented for status {status} of {self.id}"
            return [Violation("", f"{what}; documented is {expected}.")]
        schema = None if found == EVENT_STREAM else self._schema(key, found)
        return [] if schema is None else self._check(schema, "reply", body, "the reply")

    def event_violations(self, event: Any) -> list[Violation]:
        """What is wrong with the data of one event of the success reply's stream; [] when fine."""
        schema = self._event_schema
        if schema is None:
            return [Violation("", f"{self.id} documents no event stream.")]
        return self._check(schema, "reply", event, "the event")

    @cached_property
    def event_writer(self) -> Writer:
        """Writes the data of one event of the success reply's stream, if `event_violations` has nothing to say on it.

        Raises:
            LookupError: the operation documents no event stream.
        """
        schema = self._event_schema
        if schema is None:
            raise LookupError(f"{self.id} documents no event stream")
        return self._spec.validators.writer(schema.pointer, "reply", finite=False)

    @cached_property
    def _event_schema(self) -> Schema | None:
        """The schema of an event's data.

        A stream's media type describes its events as {data, event}, as tools that check server-sent events read it. The
        JSON in the text `data` is described by `contentSchema`, under `then` where `[DONE]` is a possible text too. A
        schema without that describes the data itself.
        """
        frame = self._schema(str(self.success), EVENT_STREAM)
        if frame is None:
            return None
        pointer, definition = self._referred(frame)
        data = definition.get("properties", {}).get("data", {})
        place = f"{pointer}/properties/data"
        if "contentSchema" in data.get("then", {}):
            return Schema(self._spec, f"{place}/then/contentSchema")
        return Schema(self._spec, f"{place}/contentSchema") if "contentSchema" in data else frame

    def with_defaults(self, body: Any) -> Any:
        """The request body as the service takes it: defaults filled in, readOnly members dropped.

        Members that nobody knows are dropped, too, where the operation says so (`x-unknown-members: dropped`).
        """
        schema = self._schema("request", JSON)
        return body if schema is None else schema.with_defaults(self.without_unknown(body))

    def with_integers(self, body: Any) -> Any:
        """The request body with integers where the description asks for them: JSON Schema takes 2.0 for one, too."""
        schema = self._schema("request", JSON)
        return body if schema is None else schema.with_integers(body)

    def without_unknown(self, body: Any) -> Any:
        """The request body without the members that nobody knows, where the operation says that they are dropped."""
        schema = self._schema("request", JSON)
        if schema is None or not self._drops_unknown:
            return body
        return self._spec.names.only_known((schema.definition,), body)

    def show(self, status: int) -> Show | None:
        """Shows the body of a JSON reply of this status; `None` when none is documented."""
        if status not in self._shows:
            key = self._status(status)
            schema = None if key is None else self._schema(key, JSON)
            self._shows[status] = None if schema is None else self._showing(schema, "the reply")
        return self._shows[status]

    def show_item(self, status: int, name: str) -> Show:
        """Shows one item of the list that is the member `name` of a JSON reply.

        Raises:
            LookupError: no such list is documented.
        """
        if (status, name) not in self._item_shows:
            key = self._status(status)
            reply = None if key is None else self._schema(key, JSON)
            pointer, definition = self._referred(reply) if reply is not None else ("", {})
            if "items" not in definition.get("properties", {}).get(name, {}):
                raise LookupError(f"{self.id} documents no list {name!r} for status {status}")
            item = Schema(self._spec, f"{pointer}/properties/{_escaped(name)}/items")
            self._item_shows[status, name] = self._showing(item, f"an item of {name!r}")
        return self._item_shows[status, name]

    def without_write_only(self, status: int, body: Any) -> Any:
        """The reply body without what a reply never shows."""
        key = self._status(status)
        schema = self._schema(key, JSON) if key is not None else None
        return body if schema is None else schema.without_write_only(body)

    def masked(self, body: Any) -> Any:
        """The request body for journal and logs: secrets replaced by a placeholder."""
        schema = self._schema("request", JSON)
        if schema is None:
            return body
        try:
            masked = schema.masked(body)
            return self._spec.names.screened((schema.definition,), masked) if self._drops_unknown else masked
        except RecursionError:
            return REDACTED

    def _showing(self, schema: Schema, root: str) -> Show:
        write = self._spec.validators.writer(schema.pointer, "reply")
        certain = self._spec.walkers.is_certain(schema.definition, Action.STRIP)

        def show(value: Any) -> Shown:
            # A reply that keeps its description has no writeOnly members, unless a branch of it does not know them.
            written = write(value) if certain else b""
            if written:
                return Shown(value, written, [])
            value = schema.without_write_only(value)
            written = write(value)
            return Shown(value, written, [] if written else self._check(schema, "reply", value, root))

        return show

    def _referred(self, schema: Schema) -> tuple[str, dict[str, Any]]:
        """The schema that a schema refers to in the end, and where it is."""
        pointer, definition = schema.pointer, schema.definition
        while "$ref" in definition:
            pointer = definition["$ref"]
            definition = resolve(self._spec.document, pointer)
        return pointer, definition

    def _check(
        self, schema: Schema, direction: Direction, value: Any, root: str, text: bytes | None = None
    ) -> list[Violation]:
        return self._spec.validators.violations(schema.pointer, direction, value, root, text)

    def _status(self, status: int) -> str | None:
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.responses:
                return key
        return None

    def _schema(self, part: str, media_type: str) -> Schema | None:
        """The schema of the request ("request") or of a reply (its status) in that media type."""
        key = (part, media_type)
        if key not in self._schemas:
            self._schemas[key] = self._located(part, media_type)
        return self._schemas[key]

    def _located(self, part: str, media_type: str) -> Schema | None:
        steps = ("requestBody",) if part == "request" else ("responses", part)
        pointer, value = self.pointer, self.definition
        for step in (*steps, "content", media_type, "schema"):
            if step not in value:
                return None
            pointer, value = f"{pointer}/{_escaped(step)}", value[step]
            while "$ref" in value and step != "schema":
                pointer = value["$ref"]
                value = resolve(self._spec.document, pointer)
        return Schema(self._spec, pointer)


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _matching(documented: tuple[str, ...], media_type: str) -> str | None:
    """The documented media type or range that covers `media_type`."""
    if media_type in documented:
        return media_type
    bare = _bare(media_type)
    for candidate in (bare, bare.partition("/")[0] + "/*", "*/*"):
        for name in documented:
            if _bare(name) == candidate:
                return name
    return None
