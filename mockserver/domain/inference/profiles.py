"""How the models of one family answer: identifiers, streaming form, usage, reasoning. Recorded forms, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Pieces = Literal["words", "tokens", "groups"]
UsageRule = Literal["every", "last", "asked"]
ReasoningRule = Literal["never", "always", "asked", "hidden"]
CallForm = Literal["spaced", "compact"]


@dataclass(frozen=True, slots=True)
class Family:
    """What models of one origin have in common on the wire.

    ``usage``: token counts on ``every`` chunk (open models hosted by Databricks), nulls until the ``last`` (Claude), or
    one closing chunk without choices when ``asked`` for (OpenAI). ``reasoning``: ``always`` and ``asked`` show a
    reasoning block in a content list, ``hidden`` only counts its tokens. The overheads are a chat template's tokens.
    """

    name: str
    id_form: str = "chatcmpl_uuid"
    call_id_form: str = "call_uuid"
    pieces: Pieces = "words"
    usage: UsageRule = "every"
    reasoning: ReasoningRule = "never"
    call_form: CallForm = "spaced"
    opening_chunk: bool = True
    role_on_every_chunk: bool = False
    closing_content: bool = True
    announces_calls: bool = False
    message_overhead: int = 5
    reply_overhead: int = 5
    tools_overhead: int = 600
    end_overhead: int = 1


LLAMA = Family("llama")
LEGACY = Family("legacy", id_form="uuid", opening_chunk=False, message_overhead=4, reply_overhead=5)
QWEN = Family("qwen", pieces="tokens", call_form="compact", tools_overhead=160)
QWEN_REASONING = Family("qwen-reasoning", pieces="tokens", call_form="compact", tools_overhead=160, reasoning="always")
GPT_OSS = Family(
    "gpt-oss", pieces="tokens", call_form="compact", tools_overhead=120, reasoning="always", reply_overhead=63
)
CLAUDE = Family(
    "claude",
    id_form="msg_bdrk",
    call_id_form="toolu_bdrk",
    pieces="groups",
    usage="last",
    reasoning="asked",
    call_form="compact",
    opening_chunk=False,
    role_on_every_chunk=True,
    announces_calls=True,
    message_overhead=3,
    reply_overhead=5,
    tools_overhead=315,
    end_overhead=3,
)
ANTHROPIC = Family(
    "claude",
    id_form="msg",
    call_id_form="toolu",
    pieces="groups",
    usage="last",
    reasoning="asked",
    call_form="compact",
    opening_chunk=False,
    role_on_every_chunk=True,
    announces_calls=True,
    message_overhead=3,
    reply_overhead=5,
    tools_overhead=315,
    end_overhead=3,
)
OPENAI = Family(
    "openai",
    id_form="chatcmpl",
    call_id_form="call",
    pieces="tokens",
    usage="asked",
    call_form="compact",
    closing_content=False,
    message_overhead=3,
    reply_overhead=4,
    tools_overhead=10,
    end_overhead=0,
)
OPENAI_REASONING = Family(
    "openai",
    id_form="chatcmpl",
    call_id_form="call",
    pieces="tokens",
    usage="asked",
    reasoning="hidden",
    call_form="compact",
    closing_content=False,
    message_overhead=3,
    reply_overhead=4,
    tools_overhead=10,
    end_overhead=0,
)
GEMINI = Family("gemini", pieces="groups", call_form="compact", message_overhead=1, reply_overhead=0, tools_overhead=30)
GEMINI_REASONING = Family(
    "gemini", pieces="groups", call_form="compact", message_overhead=1, reply_overhead=0, tools_overhead=30,
    reasoning="always",
)  # fmt: skip
COHERE = Family("cohere", id_form="uuid", pieces="tokens", usage="asked", call_form="compact", tools_overhead=60)
AGENT = Family("agent", id_form="uuid", call_id_form="call", pieces="groups", call_form="compact", tools_overhead=20)

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"gpt-oss", GPT_OSS),
    (r"claude", CLAUDE),
    (r"gpt-[5-9]|\bo[1-9](-|$)", OPENAI_REASONING),
    (r"gpt|davinci|babbage|text-embedding-(ada|3)|chatgpt", OPENAI),
    (r"gemini-[3-9]", GEMINI_REASONING),
    (r"gemini|gemma|palm|bison", GEMINI),
    (r"qwen3?5|qwq|deepseek-r|glm|kimi", QWEN_REASONING),
    (r"qwen|mistral-large|phi|deepseek", QWEN),
    (r"llama-?2|dbrx|mpt|mixtral|mistral|falcon|dolly", LEGACY),
    (r"command|cohere|jurassic|j2-|jamba|titan|nova", COHERE),
    (r"llama|maverick|scout", LLAMA),
)


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """One served model as its callers see it.

    ``model`` is the name that replies show (not the endpoint's). ``hosted`` models run on Databricks and refuse fields
    they do not know. ``dimension`` and ``context`` are those of an embedding model; ``shortens`` and ``base64`` say
    whether it honours ``dimensions`` and ``encoding_format: base64``.
    """

    model: str
    family: Family = LLAMA
    hosted: bool = True
    display_name: str = ""
    dimension: int = 1024
    context: int = 128_000
    shortens: bool = False
    base64: bool = False

    @property
    def title(self) -> str:
        """The name the model goes by when it is asked who it is."""
        return self.display_name or self.model


def family_of(name: str) -> Family:
    """The family that a model's name belongs to; Llama's form for a name nobody knows."""
    lowered = name.lower()
    for pattern, family in _FAMILIES:
        if re.search(pattern, lowered):
            return family
    return LLAMA


def hosted(model: str, display_name: str = "") -> ModelProfile:
    """The profile of a chat model that runs on Databricks (pay-per-token or provisioned throughput)."""
    return ModelProfile(model, family_of(model), True, display_name)


def external(model: str, provider: str = "openai") -> ModelProfile:
    """The profile of another provider's chat model behind an endpoint."""
    family = family_of(model)
    if provider == "anthropic":
        family = ANTHROPIC
    elif provider in ("openai", "custom") and family not in (OPENAI, OPENAI_REASONING):
        family = OPENAI
    elif provider == "cohere":
        family = COHERE
    return ModelProfile(model, family, False)
