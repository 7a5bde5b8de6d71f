"""Form fields made from the contract's own schemas: labels, help, required marks, choices, alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from openapi import Spec

Kind = Literal["text", "number", "choice", "flag", "secret", "lines", "several", "pairs", "group"]
Definition = Mapping[str, Any]

TWIN = "_plaintext"
"""The ending by which the contract names the plaintext twin of a secret reference."""

WORDS = {
    "id": "ID", "url": "URL", "api": "API", "aws": "AWS", "arn": "ARN", "uc": "Unity Catalog", "openai": "OpenAI",
    "ai21labs": "AI21 Labs", "palm": "PaLM", "pii": "PII", "microsoft": "Microsoft", "entra": "Entra",
    "databricks": "Databricks", "cohere": "Cohere", "anthropic": "Anthropic", "bedrock": "Bedrock", "vars": "variables",
    "min": "minimum", "max": "maximum",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One member of an object, as a form asks for it."""

    name: str
    kind: Kind
    help: str = ""
    example: str = ""
    required: bool = False
    twin: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    title: str = ""
    form: Form | None = None

    @property
    def label(self) -> str:
        """What the form calls the member: its name in words, unless it was given a title."""
        if self.title:
            return self.title
        words = [WORDS.get(word, word) for word in self.name.split("_")]
        text = " ".join(words)
        return text[0].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several ways to fill in a form: what it needs, what it excludes, what it fixes."""

    title: str
    required: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """An object as a form: its fields, and the ways to fill it in when there are several."""

    fields: tuple[Field, ...] = ()
    variants: tuple[Variant, ...] = ()
    help: str = ""

    def chosen(self, index: int) -> tuple[Field, ...]:
        """The fields of one way to fill it in, the required ones marked, what is fixed left out."""
        if not self.variants:
            return self.fields
        variant = self.variants[min(index, len(self.variants) - 1)]
        return tuple(
            replace(each, required=True) if each.name in variant.required else each
            for each in self.fields
            if each.name not in variant.excluded and each.name not in variant.fixed
        )

    def fixed(self, index: int) -> Mapping[str, Any]:
        """The members that one way to fill it in has as a matter of course."""
        return self.variants[min(index, len(self.variants) - 1)].fixed if self.variants else {}

    def member(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)

    def only(self, *names: str, titles: Mapping[str, str], variants: tuple[Variant, ...] = ()) -> Form:
        """A smaller form of these fields, in this order, some of them under another title."""
        picked = (self.member(name) for name in names)
        return Form(
            tuple(replace(each, title=titles.get(each.name, each.title)) for each in picked), variants, self.help
        )


@lru_cache(maxsize=256)
def form_of(spec: Spec, name: str) -> Form:
    """The form of the component schema of that name. Raises KeyError."""
    return _form(spec, {"$ref": f"#/components/schemas/{name}"})


def _form(spec: Spec, schema: Definition) -> Form:
    properties: dict[str, Definition] = {}
    required: set[str] = set()
    alternatives: list[Sequence[Definition]] = []
    for part in _parts(spec, schema):
        properties.update((name, value) for name, value in part.get("properties", {}).items() if value is not False)
        required.update(part.get("required", ()))
        alternatives += [part[keyword] for keyword in ("oneOf", "anyOf") if keyword in part]
    variants: tuple[Variant, ...] = ()
    for options in alternatives:
        pair = _twins(options)
        if pair:
            required.add(pair)
        elif not variants:
            variants = tuple(_variant(spec, option, options, properties) for option in options)
    fields = tuple(
        _field(spec, name, value, name in required, f"{name}{TWIN}" in properties)
        for name, value in properties.items()
        if not name.endswith(TWIN) and not _flattened(spec, value).keys() & {"deprecated", "readOnly"}
    )
    return Form(fields, variants, _flattened(spec, schema).get("description", ""))


def _parts(spec: Spec, schema: Definition) -> Iterator[Definition]:
    """A schema and everything it is put together from with allOf, the outermost last."""
    if "$ref" in schema:
        yield from _parts(spec, spec.resolved({"$ref": schema["$ref"]}))
    for part in schema.get("allOf", ()):
        yield from _parts(spec, part)
    yield schema


def _flattened(spec: Spec, schema: Definition) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part in _parts(spec, schema):
        flat.update(part)
    return flat


def _twins(options: Sequence[Definition]) -> str | None:
    """The secret of which either the reference or the plaintext has to be given, when that is the alternative."""
    names = sorted(name for option in options for name in option.get("required", ()))
    if len(options) == 2 and len(names) == 2 and names[1] == names[0] + TWIN:
        return str(names[0])
    return None


def _variant(
    spec: Spec, option: Definition, options: Sequence[Definition], properties: Mapping[str, Definition]
) -> Variant:
    required: set[str] = set()
    excluded: set[str] = set()
    fixed: dict[str, Any] = {}
    for part in _parts(spec, option):
        required.update(part.get("required", ()))
        for keyword in ("oneOf", "anyOf"):
            pair = _twins(part.get(keyword, ()))
            required.update((pair,) if pair else ())
        for name, value in part.get("properties", {}).items():
            if value is False:
                excluded.add(name)
            elif "const" in value or len(value.get("enum", ())) == 1:
                fixed[name] = value.get("const", *value.get("enum", ()))
    title = option.get("title")
    if title is None:  # an alternative of bare members is called after its member and excludes the others'
        title = Field(next(iter(sorted(required)), ""), "text").label
        excluded |= {name for other in options for name in other.get("required", ())} - required
    return Variant(str(title), frozenset(required), frozenset(excluded & properties.keys()), fixed)


def _field(spec: Spec, name: str, schema: Definition, required: bool, twin: bool) -> Field:
    flat = _flattened(spec, schema)
    example = next(iter(flat.get("examples", ())), "")
    found = Field(
        name,
        "text",
        help=flat.get("description", ""),
        example=str(example) if isinstance(example, str | int) else "",
        required=required,
        twin=twin,
        default=flat.get("default"),
    )
    options = flat.get("anyOf", ())
    choices = flat.get("enum") or next((option["enum"] for option in options if "enum" in option), None)
    if twin:
        return replace(found, kind="secret")
    if choices:
        return replace(found, kind="choice", choices=tuple(map(str, choices)))
    if flat.get("type") == "boolean":
        return replace(found, kind="flag")
    if flat.get("type") in ("integer", "number") or (options and options[0].get("type") == "integer"):
        return replace(found, kind="number")
    if flat.get("type") == "array":
        offered = _flattened(spec, flat["items"]).get("enum")
        if offered:
            return replace(found, kind="several", choices=tuple(map(str, offered)))
        return replace(found, kind="lines")
    if isinstance(flat.get("additionalProperties"), dict):
        return replace(found, kind="pairs")
    if flat.get("type") == "object" or "properties" in flat:
        return replace(found, kind="group", form=_form(spec, schema))
    return found
