"""Answers that differ from one that was checked in their id and moment only: written by its stencil."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import openapi
from mockserver import MockServer, Settings
from mockserver.auth import DEFAULT_WORKSPACE
from mockserver.stencils import stencil_of

CHAT = openapi.load().operations["create_chat_completion"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=4).filter(lambda name: name not in ("id", "created")), JSON, max_size=4),
    st.tuples(st.text(), st.text()),
    st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    st.integers(0, 4),
    st.booleans(),
)
def test_what_a_stencil_writes_is_what_would_be_written(
    others: dict[str, Any], ids: tuple[str, str], moments: tuple[int, int], place: int, id_first: bool
) -> None:
    first, second = (
        {**dict([*others.items()][:place]), **_new(identifier, moment, id_first), **dict([*others.items()][place:])}
        for identifier, moment in zip(ids, moments, strict=True)
    )
    stencil = stencil_of(CHAT, first, orjson.dumps(first), ("id", "created"))
    if stencil is not None:
        assert stencil.filled(second) == (second, orjson.dumps(second))


def _new(identifier: str, moment: int, id_first: bool) -> dict[str, Any]:
    return {"id": identifier, "created": moment} if id_first else {"created": moment, "id": identifier}


def test_a_body_in_which_the_id_stands_twice_has_none() -> None:
    body = {"id": "x", "created": 1, "again": {"id": "x"}}
    assert stencil_of(CHAT, body, orjson.dumps(body), ("id", "created")) is None


LLAMA = "databricks-meta-llama-3-3-70b-instruct"


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        (LLAMA, {}),
        (LLAMA, {"n": 2}),
        (LLAMA, {"logprobs": True, "top_logprobs": 2}),
        ("databricks-claude-sonnet-4", {}),
        ("databricks-gpt-oss-20b", {}),
    ],
)
def test_the_same_question_gets_the_same_answer_with_another_id(model: str, extra: dict[str, Any]) -> None:
    with MockServer(Settings(port=0)) as server:
        with openai.OpenAI(base_url=f"{server.url}/serving-endpoints", api_key=server.token) as client:
            question: Any = [{"role": "user", "content": "What are tides?"}]
            ask = client.chat.completions.with_raw_response.create
            texts = [ask(model=model, messages=question, temperature=0, **extra).text for _ in range(4)]
        journal = server.mock.journal.entries(DEFAULT_WORKSPACE)
    answers = [json.loads(text) for text in texts]
    assert [entry.reply for entry in journal] == answers
    assert len({answer.pop("id") for answer in answers}) == 4
    assert all(abs(answer.pop("created") - time.time()) < 60 for answer in answers)
    assert answers[1:] == answers[:-1]
