"""JSON that a prompt asks for in words: by a schema among its instructions, by an example or by names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import LLAMA as ENDPOINT
from endpoints_for_queries import ask, text_of
from model_answers import LLAMA, answered, setting, text
from pydantic import BaseModel, Field

from mockserver.domain.inference import chat
from mockserver.domain.inference.json_answers import schema_in


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=130)
    city: str | None = None


class Team(BaseModel):
    title: str
    members: list[Person] = Field(min_length=2)


QUESTION = "John Smith is 25 years old and lives in Paris."
EXAMPLE = '{"properties": {"foo": {"type": "array", "items": {"type": "string"}}}, "required": ["foo"]}'


def exemplary(model: type[BaseModel], question: str) -> dict[str, Any]:
    """As LangChain's parsers write it: another schema as an example first, the own one without type and title."""
    schema = {name: part for name, part in model.model_json_schema().items() if name not in ("type", "title")}
    said = (
        "Answer the user query.\nFormat the output as a JSON instance that conforms to the JSON schema below.\n\n"
        f'For the schema {EXAMPLE} the object {{"foo": ["bar", "baz"]}} would be a well-formatted instance of the '
        f'schema, and {{"properties": {{"foo": ["bar", "baz"]}}}} would not.\n\n'
        f"The schema:\n```\n{json.dumps(schema)}\n```"
    )
    return {"messages": [{"role": "user", "content": f"{said}\n{question}\n"}]}


def doubled(model: type[BaseModel], question: str) -> dict[str, Any]:
    """As LlamaIndex writes it: with every brace twice."""
    schema = json.dumps(model.model_json_schema()).replace("{", "{{").replace("}", "}}")
    said = f"{question}\n\nThis is the JSON schema to follow:\n{schema}\n\nOutput a valid JSON object."
    return {"messages": [{"role": "user", "content": said}]}


def by_system(model: type[BaseModel], question: str, **more: Any) -> dict[str, Any]:
    """As Instructor writes it: in the system prompt, over many lines."""
    schema = json.dumps(model.model_json_schema(), indent=2)
    system = f"Give the objects in json that match the following json_schema:\n\n{schema}\n\nNot the schema itself."
    return {"messages": [{"role": "system", "content": system}, {"role": "user", "content": question}], **more}


def in_json_mode(model: type[BaseModel], question: str) -> dict[str, Any]:
    return by_system(model, question, response_format={"type": "json_object"})


def in_a_block(model: type[BaseModel], question: str) -> dict[str, Any]:
    return by_system(model, f"{question}\n\nReturn the JSON response within a ```json codeblock.")


STYLES = [exemplary, doubled, by_system, in_json_mode, in_a_block]
every_style = pytest.mark.parametrize("asked", STYLES, ids=lambda asked: asked.__name__)


@every_style
def test_a_schema_in_the_prompt_is_followed(asked: Callable[..., dict[str, Any]]) -> None:
    person = Person.model_validate_json(text(chat.answer(asked(Person, QUESTION), setting(LLAMA))))
    assert (person.name, person.age, person.city) == ("John Smith", 25, "Paris")
    for turn in range(5):
        made = text(chat.answer(asked(Team, "Make up a team of researchers."), setting(LLAMA, turn)))
        assert Team.model_validate_json(made)


def test_a_schema_in_the_prompt_is_followed_over_http(rest: Callable[..., requests.Response]) -> None:
    assert Person.model_validate_json(text_of(ask(rest, ENDPOINT, exemplary(Person, QUESTION)))).name == "John Smith"


def test_what_is_asked_is_told_apart_from_the_instructions() -> None:
    class Joke(BaseModel):
        setup: str
        punchline: str

    made = json.loads(text(chat.answer(exemplary(Joke, "Tell me about rivers."), setting(LLAMA))))
    assert all("rivers" in said and "schema" not in said.lower() for said in made.values())


@pytest.mark.parametrize(
    ("shown", "schema"),
    [
        ('{"type": "Feature", "properties": {"name": "Paris"}}', None),
        ('{"properties": {"a": {"type": "string"}}', None),
        ('{"name": "f", "parameters": {"properties": {"a": true}}}', {"properties": {"a": True}}),
        (f'{EXAMPLE} and {{"properties": {{}}}}', {"properties": {}}),
        ('{"$defs": {"A": {}}, "$ref": "#/$defs/A"}', {"$defs": {"A": {}}, "$ref": "#/$defs/A"}),
        ('{"properties": ' * 3000, None),
        ("{" * 100_000 + '"properties"', None),
    ],
    ids=["data", "unbalanced", "within", "last", "reference", "deep", "braces"],
)
def test_schemas_are_told_from_what_looks_like_them(shown: str, schema: Any) -> None:
    assert schema_in(f"As JSON, please: {shown}")[0] == schema


def test_a_question_about_a_schema_is_answered_in_words() -> None:
    assert not text(answered(LLAMA, f"What is wrong with this JSON schema? {EXAMPLE}")).startswith("{")


@pytest.mark.parametrize(
    ("prompt", "keys"),
    [
        ("Return JSON with name and age.", {"name", "age"}),
        ("Return JSON with name and age for the user who wrote this.", {"name", "age"}),
        ("Give me a JSON object containing a, b and c.", {"a", "b", "c"}),
        ("Respond with a JSON object containing title, the author and publication year", {
            "title", "author", "publication_year"
        }),
        ("Return JSON with the capital and population of France.", {"capital", "population"}),
        ("Generate JSON that contains a summary and three keywords", {"summary", "keywords"}),
        ("Give me JSON with a list of cities", {"cities"}),
        ("Create a JSON with the fields city and country", {"city", "country"}),
        ("Return JSON with information about the ocean.", {"answer"}),
        ("Output JSON with no extra text: what is the capital of France?", {"answer"}),
    ],
)  # fmt: skip
def test_names_in_the_prompt_become_keys(prompt: str, keys: set[str]) -> None:
    assert json.loads(text(answered(LLAMA, prompt))).keys() == keys


def test_values_of_named_keys_are_of_their_kinds() -> None:
    made = json.loads(text(answered(LLAMA, "Return JSON with name, age and a list of tags.")))
    assert [type(value) for value in made.values()] == [str, int, list]
