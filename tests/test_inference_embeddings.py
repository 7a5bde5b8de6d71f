"""Embeddings have a model's form and find what belongs together."""

from __future__ import annotations

import struct
from base64 import b64decode
from math import sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import catalog
from mockserver.app import create_app
from mockserver.core import Mock
from mockserver.domain.inference import embeddings
from mockserver.domain.inference.drafting import Setting
from mockserver.settings import Settings
from mockserver.vocabulary import vocabulary

BGE = catalog.hosted_profile("databricks-bge-large-en")
ADA = catalog.external_profile("openai", "text-embedding-ada-002")
SMALL = catalog.external_profile("openai", "text-embedding-3-small")


def answered(profile: Any, **request: Any) -> dict[str, Any]:
    body: dict[str, Any] = embeddings.answer(request, Setting(profile, vocabulary(0), 0, 0, 1000)).body
    return body


def vector(text: str, profile: Any = BGE) -> list[float]:
    found: list[float] = answered(profile, input=text)["data"][0]["embedding"]
    return found


def nearness(first: str, second: str) -> float:
    return sum(a * b for a, b in zip(vector(first), vector(second), strict=True))


@pytest.mark.parametrize(
    ("profile", "dimension"),
    [
        (BGE, 1024),
        (ADA, 1536),
        (SMALL, 1536),
        (catalog.external_profile("openai", "text-embedding-3-large"), 3072),
        (catalog.external_profile("cohere", "embed-english-v3.0"), 1024),
        (catalog.external_profile("google-cloud-vertex-ai", "textembedding-gecko"), 768),
        (catalog.hosted_profile("databricks-gte-large-en"), 1024),
    ],
)
def test_a_vector_has_the_models_dimension_and_length_one(profile: Any, dimension: int) -> None:
    found = vector("Embed this sentence!", profile)
    assert len(found) == dimension
    assert sqrt(sum(value * value for value in found)) == pytest.approx(1)
    assert 0.0 not in found


def test_order_and_indexes_are_kept() -> None:
    texts = ["Hello, world!", "How are you today?", "This is a test.", "Hello, world!"]
    body = answered(BGE, input=texts)
    assert [entry["index"] for entry in body["data"]] == [0, 1, 2, 3]
    assert [entry["embedding"] for entry in body["data"]] == [vector(text) for text in texts]
    assert body["usage"] == {"prompt_tokens": 26, "total_tokens": 26}
    assert body["model"] == "bge-large-en-v1.5"


def test_the_seed_plays_no_part_and_the_model_does() -> None:
    assert (
        embeddings.answer({"input": "x"}, Setting(BGE, vocabulary(1), 5, 9, 0)).body["data"]
        == (answered(BGE, input="x")["data"])
    )
    assert vector("x", ADA) != vector("x", SMALL)


DOCUMENTS = [
    "To reset your password, open the settings and choose a new one.",
    "Our cafeteria serves lunch from noon until two.",
    "The quarterly report shows that revenue grew by ten percent.",
    "Employees may take twenty-five days of paid vacation each year.",
    "The printer on the second floor is out of toner.",
    "MLflow tracks experiments and registers models.",
]
QUERIES = [
    ("How do I reset my password?", 0),
    ("When is lunch served?", 1),
    ("How did revenues grow in the last quarter?", 2),
    ("How many vacation days do I have?", 3),
    ("Who refills the printers?", 4),
    ("Where are my experiments tracked?", 5),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_retrieval_finds_the_right_document(query: str, expected: int) -> None:
    scores = [nearness(query, document) for document in DOCUMENTS]
    assert scores.index(max(scores)) == expected


def test_shared_words_bring_texts_closer_and_order_counts_a_little() -> None:
    assert nearness("running shoes", "a shoe for runners") > nearness("running shoes", "tax declaration") + 0.1
    assert 0.5 < nearness("The dog bites the man", "The man bites the dog") < 0.999
    assert nearness("same", "same") == pytest.approx(1)


def test_base64_and_dimensions_are_honoured_where_the_provider_has_them() -> None:
    floats = answered(ADA, input="x", encoding_format="float")["data"][0]["embedding"]
    packed = b64decode(answered(ADA, input="x", encoding_format="base64")["data"][0]["embedding"])
    assert struct.unpack(f"<{len(packed) // 4}f", packed) == pytest.approx(floats, abs=1e-7)
    short = answered(SMALL, input="x", dimensions=256)["data"][0]["embedding"]
    assert len(short) == 256
    assert sum(value * value for value in short) == pytest.approx(1)
    assert isinstance(answered(BGE, input="x", encoding_format="base64", dimensions=8)["data"][0]["embedding"], list)
    assert len(vector("x")) == 1024


def test_token_numbers_are_embedded_too() -> None:
    assert len(answered(ADA, input=[1, 2, 3])["data"]) == 1
    assert len(answered(ADA, input=[[1, 2], [3]])["data"]) == 2


@pytest.mark.parametrize("mixed", [[1, 2, "x"], ["x", 1], [[1], [2], "x"], [[1], 2]])
@pytest.mark.parametrize("route", ["embeddings", "databricks-gte-large-en/invocations"])
def test_texts_and_token_numbers_are_not_given_together(route: str, mixed: list[object]) -> None:
    client = create_app(Mock(Settings(log_level="error"))).test_client()
    body = {"model": "databricks-gte-large-en", "input": mixed}
    refusal = client.post(f"/serving-endpoints/{route}", json=body, headers={"Authorization": "Bearer dapi-mock"})
    assert refusal.status_code == 400
    assert "only texts, only token numbers" in refusal.get_json()["message"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_vector_of_length_one(text: str) -> None:
    assert sum(value * value for value in vector(text)) == pytest.approx(1)
