"""JSON Schemas as people send them for tools and structured output, by name; some are written by pydantic."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


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
