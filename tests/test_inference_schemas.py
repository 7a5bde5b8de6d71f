"""Values sampled from JSON Schemas are valid, plausible and repeatable."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas_to_sample import CORPUS

from mockserver.domain.inference import hints, patterns, schema_sampling, seeds
from mockserver.vocabulary import vocabulary


def valid(schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)


def sampled(schema: Any, text: str = "Tell me about the weather in Tokyo", seed: int = 0) -> Any:
    made = hints.Hints(text, seeds.rng(seed, text), vocabulary(0))
    return schema_sampling.sample(schema, made, valid)


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
