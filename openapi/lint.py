"""What is wrong with the description: the standard's rules and this contract's own, each finding with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .bundle import Places, orphans
from .sources import Problem, join_pointer, split_pointer
from .spec import EVENT_STREAM, METHODS, Operation, Spec
from .validation import Direction, Violation

Finding = tuple[str, str]
"""A pointer of the bundle, and what is wrong there."""

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_PERMISSIONS = {"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}
_NAMED_SUBSCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTED_SUBSCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE_SUBSCHEMAS = ("items", "additionalProperties", "unevaluatedProperties", "not", "if", "then", "else", "contains")


def problems(root: Path) -> list[Problem]:
    """Everything found in the files at `root`, errors before warnings. Raises ContractError when they do not join."""
    spec = Spec.read(root)
    places = Places(root)
    found = [
        *(problem for rule in RULES for problem in _placed(places, rule(spec), "error")),
        *orphans(root),
        *_placed(places, undescribed_properties(spec), "warning"),
    ]
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.severity, problem.file, problem.line))


def _placed(places: Places, findings: Iterator[Finding], severity: str) -> Iterator[Problem]:
    for pointer, message in findings:
        file, line = places.source(pointer)
        yield Problem(file, line, message, severity)


def standard(spec: Spec) -> Iterator[Finding]:
    """What openapi-spec-validator finds against OpenAPI 3.1."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    for error in OpenAPIV31SpecValidator(spec.document).iter_errors():
        yield join_pointer([str(token) for token in error.absolute_path]), f"not OpenAPI 3.1: {error.message[:300]}"


def operation_ids(spec: Spec) -> Iterator[Finding]:
    """Every operation has an operationId of its own in snake_case."""
    seen: dict[str, str] = {}
    for path, item in spec.document.get("paths", {}).items():
        for method in METHODS:
            if method not in item:
                continue
            pointer = join_pointer(["paths", path, method])
            name = item[method].get("operationId")
            if name is None:
                yield pointer, f"{method.upper()} {path} has no operationId"
            elif not _SNAKE_CASE.match(name):
                yield f"{pointer}/operationId", f"the operationId {name} is not snake_case"
            elif name in seen:
                yield f"{pointer}/operationId", f"the operationId {name} belongs to {seen[name]} already"
            else:
                seen[name] = f"{method.upper()} {path}"


def summaries_and_tags(spec: Spec) -> Iterator[Finding]:
    """Every operation has a summary and tags that the root describes; a required permission is one that exists."""
    known = {tag["name"] for tag in spec.document.get("tags", ())}
    for operation in spec.operations.values():
        if not operation.summary:
            yield operation.pointer, f"{operation.id} has no summary"
        if not operation.tags:
            yield operation.pointer, f"{operation.id} has no tags"
        for tag in operation.tags:
            if tag not in known:
                yield (
                    f"{operation.pointer}/tags",
                    f"{operation.id} has the tag {tag!r}, which the root does not describe",
                )
        if operation.required_permission not in {None, *_PERMISSIONS}:
            yield (
                f"{operation.pointer}/x-required-permission",
                f"{operation.required_permission} is no permission level",
            )


def path_parameters(spec: Spec) -> Iterator[Finding]:
    """The path's template and the declared path parameters name the same things."""
    for operation in spec.operations.values():
        templated = set(re.findall(r"{([^}]+)}", operation.path))
        declared = {parameter["name"] for parameter in operation.parameters if parameter.get("in") == "path"}
        for name in sorted(templated ^ declared):
            what = "is in the path but not declared" if name in templated else "is declared but not in the path"
            yield operation.pointer, f"{operation.id}: the path parameter {name} {what}"


def refusals(spec: Spec) -> Iterator[Finding]:
    """Every operation documents the refusals that its description makes possible."""
    for operation in spec.operations.values():
        reasons = {}
        if not operation.public:
            reasons = {"401": "it needs a credential", "403": "its caller may lack a right"}
        if operation.request_media_types:
            reasons["400"] = "it takes a body"
        if "{" in operation.path:
            reasons["404"] = "its path names a thing"
        for status, reason in sorted(reasons.items()):
            if not {status, "4XX", "default"} & operation.responses.keys():
                yield f"{operation.pointer}/responses", f"{operation.id} does not document {status}, though {reason}"
        if not any(status.startswith("2") for status in operation.responses):
            yield f"{operation.pointer}/responses", f"{operation.id} documents no success"


def missing_examples(spec: Spec) -> Iterator[Finding]:
    """Every media type of every request and reply has an example, but for binary ones, which have no schema either."""
    for pointer, _, name, media in _media_types(spec):
        if media and not list(_examples(pointer, media)) and not _schema_examples(spec, media.get("schema", {})):
            yield pointer, f"{name} has no example"


def _schema_examples(spec: Spec, schema: Any) -> bool:
    resolved = spec.resolved(schema)
    return "examples" in schema or (isinstance(resolved, dict) and ("examples" in resolved or "example" in resolved))


def wrong_examples(spec: Spec) -> Iterator[Finding]:
    """Every example and every default is what its schema describes."""
    for pointer, direction, name, media in _media_types(spec):
        for place, value in _examples(pointer, media):
            check = _events if name == EVENT_STREAM and isinstance(value, str) else _value
            for violation in check(spec, f"{pointer}/schema", direction, value) if "schema" in media else ():
                yield place, f"the example does not fit its schema: {violation.message}"
    for pointer, holder in _parameters_and_headers(spec):
        for place, value in _examples(pointer, holder):
            for violation in _value(spec, f"{pointer}/schema", None, value) if "schema" in holder else ():
                yield place, f"the example does not fit its schema: {violation.message}"
    for pointer, schema in _schemas(spec):
        said = [(f"{pointer}/examples/{index}", value) for index, value in enumerate(schema.get("examples", ()))]
        said += [(f"{pointer}/{keyword}", schema[keyword]) for keyword in ("example", "default") if keyword in schema]
        for place, value in said:
            for violation in _value(spec, pointer, None, value):
                yield place, f"it does not fit its schema: {violation.message}"


def _value(spec: Spec, pointer: str, direction: Direction | None, value: Any) -> list[Violation]:
    return spec.validators.violations(pointer, direction, value, "the value")


def _events(spec: Spec, pointer: str, direction: Direction | None, text: str) -> list[Violation]:
    """A stream's example as it goes over the wire: each `data:` line but the closing `[DONE]` is one event."""
    found: list[Violation] = []
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            try:
                event = json.loads(data)
            except ValueError as error:
                found.append(Violation("", f"An event is not JSON: {error}"))
                continue
            found += _value(spec, pointer, direction, event)
    return found


def links(spec: Spec) -> Iterator[Finding]:
    """Every link leads to an operation that exists and sets parameters that it has."""
    for operation in spec.operations.values():
        for status, response in operation.responses.items():
            for name, written in response.get("links", {}).items():
                link = spec.resolved(written)
                pointer = f"{operation.pointer}/responses/{status}/links/{name}"
                target = spec.operations.get(link.get("operationId", ""))
                if target is None:
                    yield pointer, f"the link {name} leads to {link.get('operationId')!r}, which is no operation"
                    continue
                known = {parameter["name"] for parameter in target.parameters}
                for parameter in link.get("parameters", {}):
                    if parameter.rpartition(".")[2] not in known:
                        yield pointer, f"the link {name} sets {parameter}, which {target.id} does not have"


def undescribed_properties(spec: Spec) -> Iterator[Finding]:
    """Every property says what it is, itself or by the schema it refers to."""
    for pointer, schema in _schemas(spec):
        if "/allOf/" in pointer or "/anyOf/" in pointer or "/oneOf/" in pointer or "/if" in pointer:
            continue
        for name, child in schema.get("properties", {}).items():
            if isinstance(child, dict) and "description" not in child and "description" not in spec.resolved(child):
                yield f"{pointer}/properties/{_escape(name)}", f"the property {name} has no description"


RULES: tuple[Callable[[Spec], Iterator[Finding]], ...] = (
    standard,
    operation_ids,
    summaries_and_tags,
    path_parameters,
    refusals,
    missing_examples,
    wrong_examples,
    links,
)


def _media_types(spec: Spec) -> Iterator[tuple[str, Direction, str, dict[str, Any]]]:
    """Pointer, direction, name and object of each media type, once for those that operations share."""
    seen: set[str] = set()
    for operation in spec.operations.values():
        bodies: list[tuple[str, Direction]] = [(f"{operation.pointer}/requestBody", "request")]
        bodies += [(f"{operation.pointer}/responses/{status}", "reply") for status in operation.responses]
        for written, direction in bodies:
            pointer, holder = _followed(spec, operation, written)
            for name, media in holder.get("content", {}).items():
                place = f"{pointer}/content/{_escape(name)}"
                if place not in seen:
                    seen.add(place)
                    yield place, direction, name, media


def _followed(spec: Spec, operation: Operation, pointer: str) -> tuple[str, dict[str, Any]]:
    value: Any = operation.definition
    for token in split_pointer(pointer)[3:]:
        value = value.get(token, {})
    while "$ref" in value:
        pointer = value["$ref"]
        value = spec.resolved({"$ref": pointer})
    return pointer, value


def _parameters_and_headers(spec: Spec) -> Iterator[tuple[str, dict[str, Any]]]:
    """The inline and the shared ones, where they are written."""
    pending: list[tuple[list[str], Any, str]] = [([], spec.document, "")]
    while pending:
        tokens, value, key = pending.pop()
        if isinstance(value, list):
            pending += (([*tokens, str(index)], item, key) for index, item in enumerate(value))
        elif isinstance(value, dict):
            if "schema" in value and ("in" in value or tokens[-2:-1] == ["headers"]):
                yield join_pointer(tokens), value
            pending += (
                ([*tokens, name], child, name)
                for name, child in value.items()
                if name not in ("schema", "schemas", "example", "examples")
            )


def _examples(pointer: str, holder: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in holder:
        yield f"{pointer}/example", holder["example"]
    for name, example in holder.get("examples", {}).items():
        if "value" in example:
            yield f"{pointer}/examples/{_escape(name)}", example["value"]


def _schemas(spec: Spec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema object of the document with its pointer, each where it is written."""
    roots = [
        (f"#/components/schemas/{_escape(name)}", schema)
        for name, schema in spec.document.get("components", {}).get("schemas", {}).items()
    ]
    roots += [(f"{pointer}/schema", media.get("schema")) for pointer, _, _, media in _media_types(spec)]
    roots += [(f"{pointer}/schema", holder.get("schema")) for pointer, holder in _parameters_and_headers(spec)]
    pending = list(reversed(roots))
    while pending:
        pointer, schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        yield pointer, schema
        for keyword in _NAMED_SUBSCHEMAS:
            pending += (
                (f"{pointer}/{keyword}/{_escape(name)}", child) for name, child in schema.get(keyword, {}).items()
            )
        for keyword in _LISTED_SUBSCHEMAS:
            pending += ((f"{pointer}/{keyword}/{index}", child) for index, child in enumerate(schema.get(keyword, ())))
        pending += ((f"{pointer}/{keyword}", schema[keyword]) for keyword in _SINGLE_SUBSCHEMAS if keyword in schema)


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
