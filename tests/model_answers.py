"""Models to ask, questions to ask them, and what a client puts together from their answers."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from mockserver import catalog
from mockserver.domain.inference import chat, profiles
from mockserver.domain.inference.answers import Answer
from mockserver.domain.inference.drafting import Setting
from mockserver.vocabulary import vocabulary

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
WEATHER: dict[str, Any] = {
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
        blocks: list[dict[str, Any]] = (
            content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        )
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
