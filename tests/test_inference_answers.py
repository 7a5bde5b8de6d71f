"""Chat: streams equal answers, usage adds up, limits hold, seeds repeat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_answers import (
    CLAUDE,
    EVENT,
    GPT,
    LLAMA,
    NOW,
    OCEAN,
    OSS,
    PROFILES,
    REQUESTS,
    THINKER,
    WEATHER,
    answered,
    any_profile,
    asked,
    assembled,
    message,
    setting,
    text,
    valid,
    whole,
)

from mockserver.domain.inference import chat, drafting, profiles, tokens
from mockserver.domain.inference.conversation import from_chat
from mockserver.domain.inference.drafting import Setting
from mockserver.vocabulary import vocabulary


@any_profile
@pytest.mark.parametrize("more", REQUESTS, ids=lambda more: json.dumps(more)[:50])
@pytest.mark.parametrize("prompt", [OCEAN, "What's the weather in Tokyo?", "hi"])
def test_a_chat_stream_puts_together_to_the_answer(
    profile: profiles.ModelProfile, more: dict[str, Any], prompt: str
) -> None:
    answer = answered(profile, prompt, **more)
    events = list(answer.events())
    assert assembled(events, len(answer.body["choices"])) == whole(answer)
    for key in ("id", "created", "model"):
        assert {event[key] for event in events} == {answer.body[key]}
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    usage = [event["usage"] for event in events if event.get("usage")]
    if usage:
        assert usage[-1] == answer.body["usage"]


@any_profile
def test_usage_adds_up_and_grows_with_the_text(profile: profiles.ModelProfile) -> None:
    short, long = answered(profile, "hi", temperature=0), answered(profile, OCEAN + " I like it." * 50, temperature=0)
    for answer in (short, long):
        usage = answer.body["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert usage["completion_tokens"] >= tokens.count(text(answer))
    assert long.body["usage"]["prompt_tokens"] > short.body["usage"]["prompt_tokens"] + 100


@any_profile
@pytest.mark.parametrize("limit", [1, 5, 20, 60])
def test_max_tokens_ends_an_answer(profile: profiles.ModelProfile, limit: int) -> None:
    answer = answered(profile, "Explain the history of glass in detail", temperature=0, max_tokens=limit)
    free = answered(profile, "Explain the history of glass in detail", temperature=0)
    assert answer.body["usage"]["completion_tokens"] == limit
    assert answer.body["choices"][0]["finish_reason"] == "length"
    assert free.body["choices"][0]["finish_reason"] == "stop"
    assert whole(free)[0]["text"].startswith(whole(answer)[0]["text"])


def test_a_low_limit_leaves_a_reasoning_model_only_its_thinking() -> None:
    content = message(answered(OSS, max_tokens=5))["content"]
    assert [block["type"] for block in content] == ["reasoning"]
    assert [block["type"] for block in message(answered(OSS))["content"]] == ["reasoning", "text"]


def test_claude_thinks_when_it_is_told_to_and_signs_its_thoughts() -> None:
    assert isinstance(message(answered(CLAUDE))["content"], str)
    blocks = message(answered(CLAUDE, thinking={"type": "enabled", "budget_tokens": 1024}))["content"]
    assert blocks[0]["summary"][0]["signature"]


def test_hidden_thinking_is_counted_but_not_shown() -> None:
    answer = answered(THINKER)
    assert isinstance(message(answer)["content"], str)
    assert answer.body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@any_profile
def test_a_stop_sequence_ends_the_text_before_it(profile: profiles.ModelProfile) -> None:
    free = text(answered(profile, temperature=0))
    cut = answered(profile, temperature=0, stop="ocean")
    assert "ocean" not in whole(cut)[0]["text"]
    assert whole(answered(profile, temperature=0))[0]["text"].startswith(whole(cut)[0]["text"])
    assert cut.body["choices"][0]["finish_reason"] == "stop"
    assert free


@any_profile
def test_temperature_zero_repeats_and_other_temperatures_vary(profile: profiles.ModelProfile) -> None:
    cold = {text(answered(profile, turn=turn, temperature=0)) for turn in range(6)}
    warm = {text(answered(profile, turn=turn)) for turn in range(6)}
    assert len(cold) == 1
    assert len(warm) > 3
    assert len({answered(profile, turn=turn, temperature=0).body["id"] for turn in range(6)}) == 6


def test_a_seed_in_the_request_repeats_the_answer() -> None:
    assert len({text(answered(GPT, turn=turn, seed=7)) for turn in range(5)}) == 1
    assert len({text(answered(GPT, seed=seed)) for seed in range(5)}) > 1


def test_the_limits_do_not_change_what_is_said() -> None:
    free = text(answered(LLAMA, temperature=0))
    assert text(answered(LLAMA, temperature=0, max_tokens=400, stream=True, logprobs=True)) == free


def test_several_choices_differ() -> None:
    choices = answered(GPT, n=4).body["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
    assert len({choice["message"]["content"] for choice in choices}) == 4


def test_the_same_requests_give_the_same_bytes_in_another_process() -> None:
    script = (
        "import json\n"
        "from mockserver import catalog\n"
        "from mockserver.domain.inference import chat\n"
        "from mockserver.domain.inference.drafting import Setting\n"
        "from mockserver.vocabulary import vocabulary\n"
        "profile = catalog.hosted_profile('databricks-claude-3-7-sonnet')\n"
        "text = 'Compare New York City, Washington and Rio de Janeiro and list five ideas'\n"
        "tool = {'type': 'function', 'function': {'name': 'get_city', 'description': 'Get a city', 'parameters':"
        " {'type': 'object', 'properties': {'city': {'type': 'string'}, 'note': {'type': 'string'}}}}}\n"
        "for tools in ([], [tool]):\n"
        "    request = {'messages': [{'role': 'user', 'content': text}], 'tools': tools}\n"
        "    for turn in range(5):\n"
        "        answer = chat.answer(request, Setting(profile, vocabulary(3), 3, turn, 1000))\n"
        "        print(json.dumps([answer.body, list(answer.events())]))\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_log_probabilities_belong_to_the_tokens_of_the_text() -> None:
    answer = answered(GPT, logprobs=True, top_logprobs=2)
    entries = answer.body["choices"][0]["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == text(answer)
    assert all(entry["logprob"] <= 0 and len(entry["top_logprobs"]) == 2 for entry in entries)
    streamed = [
        entry
        for event in answer.events()
        for choice in event["choices"]
        for entry in choice.get("logprobs", {}).get("content", ())
    ]
    assert streamed == entries


@any_profile
def test_structured_output_is_valid(profile: profiles.ModelProfile) -> None:
    prompt = "Alice and Bob are going to a science fair on Friday."
    form = {"type": "json_schema", "json_schema": {"name": "event", "schema": EVENT}}
    event = json.loads(whole(answered(profile, prompt, response_format=form))[0]["text"])
    assert valid(EVENT, event)
    assert event["date"] == "Friday"
    assert event["participants"][:2] == ["Alice", "Bob"]
    cut = whole(answered(profile, prompt, response_format=form, max_tokens=3))[0]
    assert cut["finish"] == ["length"]


@pytest.mark.parametrize(
    "prompt",
    [
        "Reply in JSON with the keys city, population and mayor.",
        'Describe Paris as JSON like {"city": "...", "population": 1, "mayor": "..."}',
    ],
)
def test_asked_for_json_it_answers_in_json(prompt: str) -> None:
    assert set(json.loads(text(answered(LLAMA, prompt)))) == {"city", "population", "mayor"}
    system = [{"role": "system", "content": "Always respond with valid JSON."}, {"role": "user", "content": OCEAN}]
    assert json.loads(text(chat.answer({"messages": system}, setting(GPT))))


def test_usage_follows_the_family() -> None:
    assert all(event["usage"]["total_tokens"] for event in answered(LLAMA).events())
    counts = [event["usage"]["completion_tokens"] for event in answered(LLAMA).events()]
    assert counts == sorted(counts)
    claude = [event["usage"] for event in answered(CLAUDE).events()]
    assert [usage["completion_tokens"] is None for usage in claude] == [True] * (len(claude) - 1) + [False]
    assert not any("usage" in event for event in answered(GPT).events())
    *_, last = answered(GPT, stream_options={"include_usage": True}).events()
    assert last["choices"] == []
    assert last["usage"] == answered(GPT).body["usage"]


def test_nothing_absent_is_sent_as_null() -> None:
    for profile in PROFILES:
        for event in answered(profile, "What's the weather in Rome?", tools=[WEATHER]).events():
            for choice in event["choices"]:
                for call in choice["delta"].get("tool_calls", ()):
                    assert None not in call.values()
                    assert None not in call["function"].values()
        assert "tool_calls" not in message(answered(profile))


def test_a_last_word_on_texts_reaches_answer_and_stream() -> None:
    masked = Setting(LLAMA, vocabulary(0), 0, 0, NOW, None, lambda text: text.replace("ocean", "<PLACE>"))
    answer = chat.answer(asked(), masked)
    assert "<PLACE>" in text(answer)
    assert "ocean" not in json.dumps(list(answer.events()))


@settings(max_examples=80, deadline=None)
@given(
    st.text(max_size=300),
    st.sampled_from(PROFILES),
    st.integers(1, 60) | st.none(),
    st.sampled_from([0, None, 1.3]),
    st.integers(0, 5),
)
def test_any_prompt_is_answered_consistently(
    prompt: str, profile: profiles.ModelProfile, limit: int | None, temperature: float | None, turn: int
) -> None:
    more = {"max_tokens": limit} if limit else {}
    answer = answered(profile, prompt, turn, temperature=temperature, **more)
    assert assembled(list(answer.events())) == whole(answer)
    assert limit is None or answer.usage.completion <= limit
    assert answer.usage.completion > 0
    json.dumps(answer.body)


@given(st.text(max_size=400))
def test_tokens_join_back_to_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text
    assert "".join(tokens.words(text)) == text
    assert tokens.count(tokens.first(text, 5)) <= 5


def test_tokens_are_counted_as_recorded() -> None:
    assert tokens.count("Hello, world!") == 4
    assert drafting.prompt_tokens(from_chat(asked("Hello, world!")), LLAMA) == 14
    assert drafting.prompt_tokens(from_chat(asked("Which planet do humans live on?")), LLAMA) == 17
