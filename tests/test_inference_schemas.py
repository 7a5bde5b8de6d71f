"""Values sampled from JSON Schemas are valid, plausible and repeatable."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from mockserver.domain.inference import hints, patterns, schema_sampling, seeds
from mockserver.vocabulary import vocabulary


def valid(schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)


def sampled(schema: Any, text: str = "Tell me about the weather in Tokyo", seed: int = 0) -> Any:
    made = hints.Hints(text, seeds.rng(seed, text), vocabulary(0))
    return schema_sampling.sample(schema, made, valid)


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Address(BaseModel):
    street: str
    city: str
    zip_code: str = Field(pattern=r"^\d{5}(-\d{4})?$")


class Person(BaseModel):
    name: str = Field(min_length=2, max_length=40)
    age: int = Field(ge=0, le=120)
    address: Address | None = None
    tags: list[str] = Field(default_factory=list, max_length=5)
    favourite: Colour | None = None


class Node(BaseModel):
    label: str
    children: list[Node] = Field(min_length=0)
    parent: Node | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(gt=0, lt=10)


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    scores: dict[str, float]
    position: tuple[float, float]
    unique: set[int] = Field(min_length=3)


class Step(BaseModel):
    explanation: str
    output: str


class MathReasoning(BaseModel):
    steps: list[Step]
    final_answer: str


PYDANTIC = {model.__name__: model.model_json_schema() for model in (Person, Node, Home, MathReasoning, Address)}
STRING = {"type": "string"}
CORPUS: dict[str, Any] = {
    **PYDANTIC,
    "anything": {},
    "true": True,
    "empty object": {"type": "object"},
    "object without extras": {"type": "object", "properties": {}, "additionalProperties": False},
    "constant": {"const": {"a": [1, None]}},
    "enumeration of kinds": {"enum": [None, 1, "a", [1], {"b": 2}]},
    "typed enumeration": {"type": "integer", "enum": ["a", 1, 2]},
    "nullable type": {"type": ["string", "null"], "minLength": 3},
    "null": {"type": "null"},
    "bounded integer": {"type": "integer", "minimum": 10, "maximum": 10},
    "exclusive bounds": {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    "narrow number": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    "negative": {"type": "number", "maximum": -5},
    "multiple": {"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 60},
    "decimal multiple": {"type": "number", "multipleOf": 0.25, "minimum": 0.3, "maximum": 0.6},
    "long text": {"type": "string", "minLength": 200, "maxLength": 210},
    "short text": {"type": "string", "maxLength": 3},
    "exact text": {"type": "string", "minLength": 5, "maxLength": 5},
    "plate": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3}$"},
    "lookahead": {"type": "string", "pattern": "^(?=.*\\d)(?=.*[a-z])[a-z0-9]{8,12}$"},
    "unanchored": {"type": "string", "pattern": "foo|bar", "minLength": 10},
    "unicode escape": {"type": "string", "pattern": "^\\u0041[\\u0061-\\u0063]+$"},
    "semantic version": {"type": "string", "pattern": "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)$"},
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in (
            "date",
            "time",
            "date-time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "uri",
            "uuid",
            "regex",
        )
    },
    "unique small": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 4},
        "uniqueItems": True,
        "minItems": 4,
    },
    "unique members": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3},
    "tuple": {"type": "array", "prefixItems": [STRING, {"type": "integer"}], "items": False, "minItems": 2},
    "tuple and more": {"type": "array", "prefixItems": [STRING], "items": {"type": "boolean"}, "minItems": 4},
    "no items": {"type": "array", "maxItems": 0},
    "contains": {"type": "array", "items": {"type": "integer"}, "contains": {"const": 42}, "minContains": 2},
    "maximum items": {"type": "array", "items": STRING, "minItems": 5, "maxItems": 5},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    "all of bounds": {"type": "integer", "allOf": [{"minimum": 5}, {"maximum": 7}, {"multipleOf": 3}]},
    "any of": {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer", "minimum": 100}]},
    "one of": {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}], "minimum": 1},
    "one of objects": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"type": {"const": "circle"}, "radius": {"type": "number"}},
                "required": ["type", "radius"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"type": {"const": "square"}, "side": {"type": "number"}},
                "required": ["type", "side"],
                "additionalProperties": False,
            },
        ]
    },
    "not": {"type": "string", "enum": ["a", "b", "c"], "not": {"enum": ["a", "b"]}},
    "not required": {"type": "object", "properties": {"a": STRING, "b": STRING}, "not": {"required": ["b"]}},
    "if then else": {
        "type": "object",
        "properties": {"country": {"enum": ["US", "CA"]}, "code": STRING},
        "required": ["country", "code"],
        "if": {"properties": {"country": {"const": "US"}}},
        "then": {"properties": {"code": {"pattern": "^\\d{5}$"}}},
        "else": {"properties": {"code": {"pattern": "^[A-Z]\\d[A-Z]$"}}},
    },
    "map": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    "big map": {"type": "object", "minProperties": 4, "maxProperties": 5, "additionalProperties": STRING},
    "pattern properties": {
        "type": "object",
        "patternProperties": {"^x-[a-z]+$": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    "property names": {
        "type": "object",
        "propertyNames": {"pattern": "^k\\d$"},
        "minProperties": 2,
        "additionalProperties": STRING,
    },
    "maximum properties": {
        "type": "object",
        "properties": {"a": STRING, "b": STRING, "c": STRING},
        "required": ["c"],
        "maxProperties": 2,
    },
    "dependent required": {
        "type": "object",
        "properties": {"card": STRING},
        "dependentRequired": {"card": ["address"]},
    },
    "dependent schemas": {
        "type": "object",
        "properties": {"a": STRING},
        "required": ["a"],
        "dependentSchemas": {"a": {"required": ["b"], "properties": {"b": {"type": "integer"}}}},
    },
    "tree": {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "left": {"$ref": "#/$defs/tree"},
                    "right": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                },
                "required": ["value", "right"],
                "additionalProperties": False,
            }
        },
    },
    "self": {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["items"],
    },
    "definitions": {
        "definitions": {"positive": {"type": "integer", "minimum": 1}},
        "properties": {"n": {"$ref": "#/definitions/positive"}},
        "required": ["n"],
        "type": "object",
    },
    "anchor": {
        "$defs": {"x": {"$anchor": "word", "type": "string"}},
        "type": "object",
        "properties": {"w": {"$ref": "#word"}},
        "required": ["w"],
    },
    "escaped pointer": {
        "$defs": {"a/b~c": {"type": "boolean"}},
        "type": "object",
        "properties": {"f": {"$ref": "#/$defs/a~1b~0c"}},
        "required": ["f"],
    },
    "reference with siblings": {
        "$defs": {"s": STRING},
        "type": "object",
        "properties": {"s": {"$ref": "#/$defs/s", "minLength": 30}},
        "required": ["s"],
    },
    "zod": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "when": {"type": "string", "format": "date-time"},
            "role": {"type": "string", "enum": ["admin", "user"]},
            "meta": {"anyOf": [{"type": "object", "additionalProperties": {}}, {"type": "null"}]},
        },
        "required": ["id", "when", "role", "meta"],
        "additionalProperties": False,
    },
    "strict expression": {
        "type": "object",
        "properties": {"expr": {"anyOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]}},
        "required": ["expr"],
        "additionalProperties": False,
        "$defs": {
            "sum": {
                "type": "object",
                "properties": {
                    "left": {"anyOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]},
                    "right": {"anyOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]},
                },
                "required": ["left", "right"],
                "additionalProperties": False,
            }
        },
    },
    "mutual recursion": {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": {
                "type": "object",
                "properties": {"bs": {"type": "array", "items": {"$ref": "#/$defs/b"}, "minItems": 1}},
            },
            "b": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]},
        },
    },
    "keywords without type": {"properties": {"a": {"minimum": 3, "maximum": 4}}, "required": ["a"]},
    "arrays of arrays": {
        "type": "array",
        "minItems": 2,
        "items": {"type": "array", "minItems": 2, "items": {"type": "number", "minimum": 0, "maximum": 1}},
    },
}


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("seed", range(4))
def test_a_sampled_value_is_valid(name: str, seed: int) -> None:
    schema = CORPUS[name]
    value = sampled(schema, seed=seed)
    errors = [error.message for error in jsonschema_rs.validator_for(schema, validate_formats=True).iter_errors(value)]
    assert not errors, (value, errors)


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_the_same_seed_gives_the_same_value(name: str) -> None:
    assert json.dumps(sampled(CORPUS[name], seed=9)) == json.dumps(sampled(CORPUS[name], seed=9))


def test_most_schemas_are_met_without_a_validator() -> None:
    met = [
        valid(schema, schema_sampling.sample(schema, hints.Hints("hi", seeds.rng(1), vocabulary(0))))
        for schema in CORPUS.values()
    ]
    assert sum(met) > 0.85 * len(met)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]},
        {"type": "integer", "minimum": 5, "maximum": 4},
        False,
    ],
)
def test_an_impossible_schema_gives_an_empty_object(schema: Any) -> None:
    assert sampled(schema) == {}


def with_property(name: str, text: str, **schema: Any) -> Any:
    described = {"type": "object", "properties": {name: schema or {"type": "string"}}, "required": [name]}
    return sampled(described, text)[name]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("city", "What's the weather in Tokyo? Use the get_weather function to get the weather.", "Tokyo"),
        ("location", "Will it rain in San Francisco tomorrow?", "San Francisco"),
        ("destination", "Book me a flight from Oslo", "Oslo"),
        ("country", "What is the population of Portugal?", "Portugal"),
        ("email", "Write to jane.doe@acme.org about it", "jane.doe@acme.org"),
        ("title", "# Apples are tasty\n\nBy Hadley Wickham\nApples are delicious.", "Apples are tasty"),
        ("author", "# Apples are tasty\n\nBy Hadley Wickham\nApples are delicious.", "Hadley Wickham"),
        ("name", "My name is Steve", "Steve"),
        ("date", "Alice and Bob meet on 2025-03-04", "2025-03-04"),
        ("date", "The fair opens on March 4, 2025.", "2025-03-04"),
        ("url", "Fetch https://example.com/a for me", "https://example.com/a"),
        ("sentiment", "I love it, it is wonderful", "positive"),
        ("expression", "What is 12 * 7?", "12 * 7"),
        ("search_query", 'Search for "green tea"', "green tea"),
    ],
)
def test_a_field_takes_its_value_from_the_prompt(name: str, text: str, expected: str) -> None:
    assert with_property(name, text) == expected


def test_numbers_come_from_the_prompt_in_order() -> None:
    number = {"type": "number"}
    schema = {"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}
    assert sampled(schema, "Add 17 and 25, please") == {"a": 17, "b": 25}
    assert with_property("age", "Jane is 34 years old", type="integer") == 34


def test_an_enumeration_follows_the_prompt() -> None:
    assert (
        with_property("unit", "How hot is it in Rome, in fahrenheit?", enum=["celsius", "fahrenheit"]) == "fahrenheit"
    )
    assert with_property("label", "I hate this terrible phone", enum=["positive", "negative"]) == "negative"


def test_invented_values_look_like_what_they_are_called() -> None:
    assert "@" in with_property("email", "Invent a person")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", with_property("birth_date", "Invent a person"))
    assert 18 <= with_property("age", "Invent a person", type="integer") <= 90
    assert " " in with_property("full_name", "Invent a person")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(CORPUS)), st.text(max_size=60))
def test_any_prompt_gives_a_valid_value(seed: int, name: str, text: str) -> None:
    assert valid(CORPUS[name], sampled(CORPUS[name], text, seed))


PATTERNS = (
    r"^[A-Z]{3}-\d{4}$", r"^\d{3}-\d{2}-\d{4}$", r"^(foo|bar)+baz?$", r"^#[0-9a-fA-F]{6}$", r"^\+?[1-9]\d{1,14}$",
    r"^(\w)\1$", r"^https?://[\w.-]+(/.*)?$", r"^(?:[01]\d|2[0-3]):[0-5]\d$", r"^[^\s@]+$",
    r"^P(?!$)(\d+Y)?(\d+M)?(\d+D)?$", r"^[\w-]{3,10}$", r"^a{3}b*c+?$", r"^\$\d+\.\d{2}$", r"^[\]\[]+$", r"^$",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_pattern_is_matched(pattern: str, seed: int) -> None:
    text = patterns.matching(pattern, seeds.rng(seed))
    assert text is not None
    assert valid({"type": "string", "pattern": pattern}, text)


def test_a_named_group_is_repeated() -> None:
    text = patterns.matching(r"^v(?<major>\d+)\.\k<major>$", seeds.rng(3))
    assert text is not None
    assert re.fullmatch(r"v(\d+)\.\1", text)


def test_a_pattern_keeps_to_length_bounds() -> None:
    assert patterns.matching("^a+$", seeds.rng(0), 15, 15) == "a" * 15
    assert patterns.matching("^abc$", seeds.rng(0), 10) is None
    assert patterns.matching("[a-z", seeds.rng(0)) is None
