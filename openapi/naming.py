"""The members that a schema names: what else a body holds is dropped, or hidden where secrets are."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .values import REDACTED, is_secret, resolve, said

Schemas = tuple[Any, ...]


class Names:
    """What the schemas of one document name, each place looked up once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._places: dict[tuple[int, ...], _Place] = {}

    def only_known(self, schemas: Schemas, value: Any) -> Any:
        """`value` without the members that none of `schemas` names, where they name any; it is not changed itself."""
        place = self._place(schemas)
        try:
            return value if place.holds_known_only(value) else place.known_of(value)
        except ValueError:  # no JSON value, which the validator cannot look at
            return place.known_of(value)

    def screened(self, schemas: Schemas, value: Any) -> Any:
        """A copy of `value` in which nothing is left that may be a secret in a wrong place.

        Beside members that are secrets these are hidden: members that nobody knows, and values that have not the form
        they should have, such as a key where the reference to one belongs.
        """
        place = self._place(schemas)
        if isinstance(value, list):
            return [self.screened(place.items, item) for item in value] if place.items else value
        if place.holds_secrets and not isinstance(value, dict):
            return REDACTED
        if not isinstance(value, dict) or not place.members:
            return value
        return {
            name: REDACTED
            if place.holds_secrets and not place.has_form(name, child)
            else self.screened(place.members.get(name, ()), child)
            for name, child in value.items()
        }

    def _place(self, schemas: Schemas) -> _Place:
        key = tuple(map(id, schemas))
        if key not in self._places:
            self._places[key] = _Place(self, self._document, list(_spread(self._document, schemas)))
        return self._places[key]


@dataclass
class _Place:
    """Everything that is said of one value."""

    names: Names
    document: dict[str, Any]
    parts: list[dict[str, Any]]

    @cached_property
    def members(self) -> dict[str, Schemas]:
        found: dict[str, list[Any]] = {}
        for part in self.parts:
            for name, child in part.get("properties", {}).items():
                found.setdefault(name, []).append(child)
        return {name: tuple(children) for name, children in found.items()}

    @cached_property
    def items(self) -> Schemas:
        return tuple(part["items"] for part in self.parts if "items" in part)

    @cached_property
    def closed(self) -> bool:
        return bool(self.members) and not any(part.get("additionalProperties") for part in self.parts)

    @cached_property
    def plain(self) -> bool:
        """Whether a value of this place has nothing in it that could be unknown."""
        return not self.items and not self.closed

    @cached_property
    def inside(self) -> dict[str, _Place]:
        return {name: self.names._place(schemas) for name, schemas in self.members.items()}

    @cached_property
    def deep(self) -> dict[str, _Place]:
        """The members in which something could be unknown."""
        return {name: place for name, place in self.inside.items() if not place.plain}

    @cached_property
    def item(self) -> _Place:
        return self.names._place(self.items)

    @cached_property
    def holds_known_only(self) -> Callable[[Any], bool]:
        """Whether `known_of` leaves a value as it is: a validator sees it far sooner than a walk."""
        from jsonschema_rs import Draft202012Validator

        definitions: dict[str, Any] = {}
        return Draft202012Validator({**self._known_only(definitions), "$defs": definitions}).is_valid

    def _known_only(self, definitions: dict[str, Any]) -> dict[str, Any]:
        """The schema of the values that `known_of` leaves as they are; `definitions` gets what it refers to."""
        name = str(id(self))
        if name not in definitions:
            definitions[name] = schema = dict[str, Any]()
            if self.closed:
                schema["properties"] = dict[str, Any](dict.fromkeys(self.inside, True))
                schema["properties"] |= {member: place._known_only(definitions) for member, place in self.deep.items()}
                schema["additionalProperties"] = False
            if self.items and not self.item.plain:
                schema["items"] = self.item._known_only(definitions)
        return {"$ref": f"#/$defs/{name}"}

    def known_of(self, value: Any) -> Any:
        """The value without members that nothing names; the very same value where there are none."""
        if isinstance(value, dict):
            if not self.closed:
                return value
            if not value.keys() <= self.inside.keys():
                value = {name: child for name, child in value.items() if name in self.inside}
            changes = {}
            for name in self.deep.keys() & value.keys():
                known = self.deep[name].known_of(value[name])
                if known is not value[name]:
                    changes[name] = known
            return {**value, **changes} if changes else value
        if not isinstance(value, list) or not self.items or self.item.plain:
            return value
        result = [self.item.known_of(each) for each in value]
        return value if all(map(operator.is_, result, value)) else result

    @cached_property
    def holds_secrets(self) -> bool:
        return any(is_secret(self.document, child) for children in self.members.values() for child in children)

    def has_form(self, name: str, value: Any) -> bool:
        """Whether the member is known and, where it has a pattern, is a text of that pattern."""
        if name not in self.members:
            return False
        patterns = [pattern for child in self.members[name] for pattern in said(self.document, child, "pattern")]
        return all(isinstance(value, str) and re.search(pattern, value) is not None for pattern in patterns)


def _spread(document: dict[str, Any], schemas: Schemas) -> Iterator[dict[str, Any]]:
    """The schemas with everything they are made of, branches included."""
    pending, seen = list(schemas), set()
    while pending:
        schema = pending.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        if "$ref" in schema:
            pending.append(resolve(document, schema["$ref"]))
        for keyword in ("allOf", "anyOf", "oneOf"):
            pending += schema.get(keyword, ())
        pending += (schema[keyword] for keyword in ("if", "then", "else") if keyword in schema)
