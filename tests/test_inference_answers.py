"""Chat, completions, responses, agents, messages: streams equal answers, usage adds up, limits hold, seeds repeat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import catalog
from mockserver.domain.inference import (
    agents,
    anthropic,
    chat,
    checks,
    completions,
    drafting,
    profiles,
    refusals,
    responses,
    tokens,
)
from mockserver.domain.inference.answers import Answer
from mockserver.domain.inference.drafting import Setting
from mockserver.vocabulary import vocabulary
from openapi import load

NOW = 1_767_213_439_000
LLAMA = catalog.hosted_profile("databricks-meta-llama-3-3-70b-instruct")
CLAUDE = catalog.hosted_profile("databricks-claude-3-7-sonnet")
OSS = catalog.hosted_profile("databricks-gpt-oss-20b")
GPT = catalog.external_profile("openai", "gpt-4")
LEGACY = catalog.hosted_profile("databricks-llama-2-70b-chat")
GEMINI = catalog.hosted_profile("databricks-gemini-3-pro")
THINKER = catalog.hosted_profile("databricks-gpt-5")
PROFILES = [LLAMA, CLAUDE, OSS, GPT, LEGACY, GEMINI, THINKER]
OCEAN = "Can you tell me about the ocean, please?"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a given city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
EVENT = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "date": {"type": "string"},
        "participants": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "date", "participants"],
    "additionalProperties": False,
}
any_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.model)


def valid(schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema).is_valid(value)


def setting(profile: profiles.ModelProfile, turn: int = 0, seed: int = 0) -> Setting:
    return Setting(profile, vocabulary(0), seed, turn, NOW, valid)


def asked(text: str = OCEAN, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def answered(profile: profiles.ModelProfile, text: str = OCEAN, turn: int = 0, **more: Any) -> Answer:
    return chat.answer(asked(text, **more), setting(profile, turn))


def message(answer: Answer, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = answer.body["choices"][index]["message"]
    return found


def text(answer: Answer) -> str:
    content = message(answer)["content"]
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content)
    return content or ""


def assembled(events: list[dict[str, Any]], choices: int = 1) -> list[dict[str, Any]]:
    """What a client puts together from the chunks: text, thinking, calls and finish reason of each choice."""
    made: list[dict[str, Any]] = [{"text": "", "thinking": "", "calls": {}, "finish": []} for _ in range(choices)]
    for event in events:
        for choice in event["choices"]:
            one = made[choice["index"]]
            content = choice["delta"].get("content")
            if isinstance(content, str):
                one["text"] += content
            for block in content if isinstance(content, list) else ():
                one["thinking"] += "".join(part["text"] for part in block["summary"])
            for call in choice["delta"].get("tool_calls", ()):
                known = one["calls"].setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
                known["id"] = call.get("id", known["id"])
                known["name"] = call["function"].get("name", known["name"])
                known["arguments"] += call["function"]["arguments"]
            if choice["finish_reason"] is not None:
                one["finish"].append(choice["finish_reason"])
    return made


def whole(answer: Answer) -> list[dict[str, Any]]:
    """The same of the answer that is not streamed."""
    made = []
    for choice in answer.body["choices"]:
        content = choice["message"]["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        calls = choice["message"].get("tool_calls", ())
        made.append(
            {
                "text": "".join(block["text"] for block in blocks if block["type"] == "text"),
                "thinking": "".join(b["summary"][0]["text"] for b in blocks if b["type"] == "reasoning"),
                "calls": {index: {"id": call["id"], **call["function"]} for index, call in enumerate(calls)},
                "finish": [choice["finish_reason"]],
            }
        )
    return made


REQUESTS: list[dict[str, Any]] = [
    {},
    {"temperature": 0},
    {"n": 3},
    {"max_tokens": 12},
    {"max_tokens": 1},
    {"stop": ["the", "\n"]},
    {"tools": [WEATHER]},
    {"tools": [WEATHER], "tool_choice": "required"},
    {"tools": [WEATHER], "tool_choice": "required", "max_tokens": 12},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "event", "schema": EVENT}}},
    {"logprobs": True, "top_logprobs": 3},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"stream_options": {"include_usage": True}},
]


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


def test_an_agent_of_the_older_task_answers_like_a_chat_model() -> None:
    profile = catalog.custom_profile("main.agents.helper")
    answer = agents.answer("agent/v1/chat", asked(), setting(profile))
    assert message(answer)["role"] == "assistant"
    assert answer.body["model"] == "helper"


def test_a_chat_agent_answers_messages_without_choices() -> None:
    profile = catalog.custom_profile("main.agents.helper")
    answer = agents.answer("agent/v2/chat", {**asked(), "custom_inputs": {"user": 1}}, setting(profile))
    events = list(answer.events())
    [only] = answer.body["messages"]
    assert "choices" not in answer.body
    assert answer.body["custom_outputs"] == {"user": 1}
    assert "".join(event["delta"]["content"] for event in events) == only["content"]
    assert {event["delta"]["id"] for event in events} == {only["id"]}
    assert {event["id"] for event in events} == {answer.body["id"]}


@pytest.mark.parametrize("agent", [True, False])
@pytest.mark.parametrize("tools", [[], [{"type": "function", **WEATHER["function"]}]])
@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("profile", [GPT, OSS, CLAUDE], ids=lambda profile: profile.model)
def test_a_response_stream_puts_together_to_the_response(
    profile: profiles.ModelProfile, limit: int | None, tools: list[Any], agent: bool
) -> None:
    request = {"input": [{"role": "user", "content": "What's the weather in Tokyo?"}], "tools": tools}
    if limit:
        request["max_output_tokens"] = limit
    answer = (responses.agent_answer if agent else responses.answer)(request, setting(profile))
    events = list(answer.events())
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    last = events[-1]
    assert last["type"] == ("response.incomplete" if limit else "response.completed")
    assert last["response"]["output"] == answer.body["output"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == answer.body["output"]
    deltas: dict[str, str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    for item in answer.body["output"]:
        full = item.get("arguments") or (item.get("content") or item.get("summary"))[0]["text"]
        assert deltas.get(item["id"], "") == full
    usage = answer.body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_response_follows_up_on_a_function_call() -> None:
    given = [
        {"role": "user", "content": "What's the weather in Tokyo?"},
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": '{"city": "Tokyo"}'},
        {"type": "function_call_output", "call_id": "c", "output": "sunny and 31 degrees"},
    ]
    tools = [{"type": "function", **WEATHER["function"]}]
    [item] = responses.answer({"input": given, "tools": tools}, setting(GPT)).body["output"]
    assert "sunny and 31 degrees" in item["content"][0]["text"]


@pytest.mark.parametrize("more", [{}, {"max_tokens": 5}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}])
@pytest.mark.parametrize("tooled", [True, False])
def test_an_anthropic_stream_puts_together_to_the_message(more: dict[str, Any], tooled: bool) -> None:
    request = {**asked("What's the weather in Tokyo?"), "max_tokens": 500, **more}
    if tooled:
        function = WEATHER["function"]
        assert isinstance(function, dict)
        request["tools"] = [{"name": function["name"], "input_schema": function["parameters"]}]
    answer = anthropic.answer(request, setting(CLAUDE))
    events = list(answer.events())
    assert events[0]["type"] == "message_start"
    assert events[-1] == {"type": "message_stop"}
    blocks: list[dict[str, Any]] = []
    partial = ""
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            partial = ""
        if event["type"] == "content_block_delta":
            delta = dict(event["delta"])
            kind = delta.pop("type")
            if kind == "input_json_delta":
                partial += delta["partial_json"]
            else:
                [(key, value)] = delta.items()
                blocks[-1][key] += value
        if event["type"] == "content_block_stop" and partial:
            blocks[-1]["input"] = json.loads(partial)
    assert blocks == answer.body["content"]
    [ended] = [event for event in events if event["type"] == "message_delta"]
    assert ended["delta"]["stop_reason"] == answer.body["stop_reason"]
    assert ended["usage"]["output_tokens"] == answer.body["usage"]["output_tokens"]


def test_an_anthropic_message_names_the_stop_sequence() -> None:
    body = anthropic.answer({**asked(), "max_tokens": 500, "stop_sequences": ["ocean"]}, setting(CLAUDE)).body
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "ocean")


@pytest.mark.parametrize("profile", [GPT, catalog.hosted_profile("databricks-mpt-7b-instruct")], ids=["gpt", "mpt"])
@pytest.mark.parametrize("more", [{}, {"n": 2, "echo": True}, {"max_tokens": 3}, {"logprobs": 2}, {"stop": ["e"]}])
def test_a_completion_stream_puts_together_to_the_answer(profile: profiles.ModelProfile, more: dict[str, Any]) -> None:
    for prompt in ("The lighthouse stood", ["What is Apache Spark?", "Once upon a time"]):
        answer = completions.answer({"prompt": prompt, **more}, setting(profile))
        choices = answer.body["choices"]
        texts = [""] * len(choices)
        for event in answer.events():
            for choice in event["choices"]:
                texts[choice["index"]] += choice["text"]
        assert texts == [choice["text"] for choice in choices]
        assert len(choices) == (1 if isinstance(prompt, str) else 2) * more.get("n", 1)
        usage = answer.body["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        counted = [event["usage"]["completion_tokens"] for event in answer.events() if "usage" in event]
        assert counted == sorted(counted)
        assert not counted or counted[-1] == usage["completion_tokens"]


def test_a_completion_answers_an_instruction_template() -> None:
    prompt = "Below is an instruction.\n\n### Instruction:\nWhat is Apache Spark?\n\n### Response:\n"
    assert "Spark" in completions.answer({"prompt": prompt}, setting(LEGACY)).body["choices"][0]["text"]
    older = completions.candidates({"inputs": {"prompt": [prompt]}, "params": {"max_tokens": 10}}, setting(LEGACY))
    [only] = older["predictions"]
    assert only["candidates"][0]["metadata"]["finish_reason"] == "length"
    assert only["metadata"]["output_tokens"] == 10


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
    assert drafting.prompt_tokens(chat.from_chat(asked("Hello, world!")), LLAMA) == 14
    assert drafting.prompt_tokens(chat.from_chat(asked("Which planet do humans live on?")), LLAMA) == 17


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"inputs": {"messages": []}}, 'Bad request: json: unknown field "inputs"'),
    ({**asked(), "dataframe_records": []}, 'Bad request: json: unknown field "dataframe_records"'),
    (
        asked(tools=[{"type": "function", "function": {"name": "f"}}]),
        'Bad request: "parameters" is a required property for "function" object in parameter "tools"',
    ),
    ({"messages": []}, "messages"),
    ({}, "messages"),
    (
        {"messages": [{"role": "developer", "content": "x"}]},
        "'messages[0].role' is 'developer'; accepted: 'system', 'user', 'assistant', 'tool'",
    ),
    ({"messages": [{"role": "user"}]}, "content"),
    ({"messages": [{"role": "user", "content": 3}]}, "field 'messages.content' expects input with json type"),
    (asked(temperature=3), "temperature"),
    (asked(temperature="hot"), "temperature"),
    (asked(top_p=1.5), "top_p"),
    (asked(max_tokens=0), "max_tokens"),
    (asked(n=0), "'n'"),
    (asked(n=99), "'n'"),
    (asked(tools=[WEATHER], tool_choice="sometimes"), "tool_choice"),
    (asked(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "other"}}), "other"),
    (asked(tools=[WEATHER] * 40), "at most 32"),
    (asked(response_format={"type": "xml"}), "response_format"),
    (asked(response_format={"type": "json_schema"}), "json_schema.schema"),
]


@pytest.mark.parametrize(("request_body", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_a_bad_chat_request_is_refused(request_body: dict[str, Any], said: str) -> None:
    with pytest.raises(refusals.Refusal) as caught:
        checks.chat(request_body, LLAMA)
    assert caught.value.status == 400
    assert said in caught.value.message


def test_a_good_chat_request_is_not_refused() -> None:
    for more in REQUESTS:
        checks.chat(asked(**more), LLAMA)
    checks.chat({**asked(), "anything": 1}, GPT)
    checks.completions({"prompt": "x", "error_behavior": "error"}, LEGACY)
    checks.embeddings({"input": ["a"], "encoding_format": "base64", "user": "u"}, LLAMA)


def test_bad_requests_of_other_tasks_are_refused() -> None:
    for check, request in (
        (checks.embeddings, {}),
        (checks.embeddings, {"input": [None]}),
        (checks.embeddings, {"messages": [], "input": "x"}),
        (checks.completions, {"prompt": None}),
        (checks.completions, {"prompt": "x", "error_behavior": "hope"}),
        (checks.responses, {"input": []}),
        (checks.responses, {"input": [{"id": "x" * 65, "role": "user", "content": "hi"}]}),
        (checks.anthropic, {"messages": [{"role": "user", "content": "x"}]}),
        (checks.anthropic, {"messages": [], "max_tokens": 5}),
    ):
        with pytest.raises(refusals.Refusal):
            check(request, LLAMA)


@any_profile
@pytest.mark.parametrize("more", [{}, {"tools": [WEATHER]}, {"logprobs": True, "top_logprobs": 2}])
def test_openais_own_types_take_the_answers(profile: profiles.ModelProfile, more: dict[str, Any]) -> None:
    types = pytest.importorskip("openai.types")
    if profile.family.reasoning == "always":
        pytest.skip("content lists are Databricks' own form")
    answer = answered(profile, "What's the weather in Tokyo?", **more)
    types.chat.ChatCompletion.model_validate(answer.body, strict=True)
    for event in answer.events():
        usage = event.get("usage")
        if usage and usage["completion_tokens"] is None:
            event = {key: value for key, value in event.items() if key != "usage"}
        types.chat.ChatCompletionChunk.model_validate(event, strict=True)
    given = {"input": "What's the weather in Tokyo?", "tools": [{"type": "function", **WEATHER["function"]}]}
    response = responses.answer(given, setting(profile))
    types.responses.Response.model_validate(response.body)
    stream_event = pytest.importorskip("pydantic").TypeAdapter(types.responses.ResponseStreamEvent)
    for event in response.events():
        assert stream_event.validate_python(event).type == event["type"]
    completion = completions.answer({"prompt": "Once upon a time", "logprobs": 2}, setting(profile))
    types.Completion.model_validate(completion.body, strict=True)


def test_models_take_the_roles_that_the_contract_names() -> None:
    roles = load().schema("ChatMessage").definition["properties"]["role"]["enum"]
    assert sorted(checks.ROLES) == sorted(roles)
