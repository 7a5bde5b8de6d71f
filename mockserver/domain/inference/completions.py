"""Text completions, whole and as chunks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import drafting, likelihoods, prose, seeds, tokens
from .answers import Answer, total_usage
from .conversation import Conversation, Message
from .drafting import Draft, Limits, Setting, Usage
from .expressions import Expression

_INSTRUCTION = Expression(r"###\s*Instruction:?\s*(.*?)\s*###\s*Response:?\s*$", re.IGNORECASE | re.DOTALL)
_ASSISTANT = Expression(
    r"(?:^|\n)\s*(?:user|human|q|question):\s*(.*?)\s*\n+\s*(?:assistant|ai|a|answer):?\s*$", re.I | re.DOTALL
)
_ASKS = Expression(
    r"\?\s*$|^(?:what|who|why|how|when|where|which|write|list|explain|translate|summari[sz]e|tell|give|say"
    r"|describe)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One completion; ``echoed`` is the prompt that stands before it when it was asked for."""

    draft: Draft
    echoed: str
    likelihoods: dict[str, Any] | None

    @property
    def text(self) -> str:
        return self.echoed + self.draft.text


def answer(request: dict[str, Any], setting: Setting) -> Answer:
    """The answer to a completion request that has been checked: ``n`` choices for each prompt."""
    prompts = _prompts(request.get("prompt"))
    limits = Limits(request.get("max_tokens"), drafting.stop_sequences(request.get("stop")))
    choices: list[_Choice] = []
    for number, prompt in enumerate(prompts):
        for index in range(request.get("n") or 1):
            choices.append(_choice(request, prompt, setting, limits, number * 100 + index))
    prompt_count = sum(tokens.count(prompt) for prompt in prompts) + len(prompts)
    usage = total_usage(prompt_count, tuple(choice.draft for choice in choices))
    form = "cmpl" if setting.profile.family.name == "openai" else "cmpl_uuid"
    frame = {
        "id": seeds.identifier(form, setting.ids("completion")),
        "object": "text_completion",
        "created": setting.seconds,
        "model": setting.profile.model,
    }
    body = {
        **frame,
        "choices": [_whole(index, choice) for index, choice in enumerate(choices)],
        "usage": _usage(usage),
    }
    options = request.get("stream_options")
    wanted = isinstance(options, dict) and options.get("include_usage") is True
    return Answer(
        body,
        usage,
        tuple(choice.draft.text for choice in choices),
        lambda: _chunks(frame, tuple(choices), setting, usage, wanted),
    )


def _prompts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list) and given and all(isinstance(part, str) for part in given):
        return tuple(given)
    return (" ".join(f"token-{part}" for part in given) if isinstance(given, list) else "",)


def _choice(request: dict[str, Any], prompt: str, setting: Setting, limits: Limits, index: int) -> _Choice:
    plain = replace(setting.profile, family=replace(setting.profile.family, reasoning="never"))
    setting = setting._replace(profile=plain)
    asked = question_in(prompt)
    conversation = Conversation((Message("user", asked or prompt),), choice="none")
    rng = drafting.source(conversation, setting, request.get("temperature"), request.get("seed"), index)
    if asked or setting.script is not None:
        draft = drafting.draft(conversation, setting, limits, rng, index)
    else:
        draft = drafting.cut(setting.revise(prose.continued(prompt, rng, setting.vocabulary)), limits, setting.profile)
    echoed = prompt if request.get("echo") else ""
    wanted = request.get("logprobs")
    block = None
    if wanted is not None and wanted is not False:
        source = seeds.rng("logprobs", setting.seed, draft.text)
        block = likelihoods.completion_block(echoed + draft.text, 0, source, setting.vocabulary, int(wanted))
    return _Choice(draft, echoed, block)


def older(request: dict[str, Any]) -> bool:
    """Whether a completion is asked for with ``inputs`` and ``params``, as it was before there were tasks."""
    inputs = request.get("inputs")
    return isinstance(inputs, dict) and "prompt" in inputs


def translated(request: dict[str, Any]) -> dict[str, Any]:
    """An older request as a completion request; what else it has stays in it."""
    params = request.get("params", {})
    taken = ("inputs", "params") if isinstance(params, dict) else ("inputs",)
    rest = {name: value for name, value in request.items() if name not in taken}
    return {**rest, **(params if isinstance(params, dict) else {}), **request["inputs"]}


def candidates(request: dict[str, Any], setting: Setting) -> Answer:
    """The answer to an older request, recorded of a model with provisioned throughput in 2024: one for each prompt."""
    request = translated(request)
    limits = Limits(request.get("max_tokens"), drafting.stop_sequences(request.get("stop")))
    predictions, texts, total = [], [], Usage(0, 0)
    for number, prompt in enumerate(_prompts(request["prompt"])):
        drafts = tuple(
            _choice(request, prompt, setting, limits, number * 100 + index).draft
            for index in range(request.get("n") or 1)
        )
        usage = total_usage(tokens.count(prompt) + 1, drafts)
        counts = {
            "input_tokens": usage.prompt, "output_tokens": usage.completion, "total_tokens": usage.total
        }  # fmt: skip
        answered = [{"text": draft.text, "metadata": {"finish_reason": draft.finish}} for draft in drafts]
        predictions.append({"candidates": answered, "metadata": counts})
        texts += [draft.text for draft in drafts]
        total = Usage(total.prompt + usage.prompt, total.completion + usage.completion)
    return Answer({"predictions": predictions}, total, tuple(texts))


def question_in(prompt: str) -> str:
    """The question that a prompt puts, in a template, as a dialogue or plainly; empty if it is to be continued."""
    for pattern in (_INSTRUCTION, _ASSISTANT):
        match = pattern.search(prompt)
        if match:
            return match[1]
    return prompt if _ASKS.search(prompt.strip()) else ""


def _whole(index: int, choice: _Choice) -> dict[str, Any]:
    whole: dict[str, Any] = {"index": index, "text": choice.text, "finish_reason": choice.draft.finish}
    if choice.likelihoods is not None:
        whole["logprobs"] = choice.likelihoods
    return whole


def _usage(usage: Usage) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.total}


def _chunks(
    frame: dict[str, Any], choices: tuple[_Choice, ...], setting: Setting, usage: Usage, wanted: bool
) -> Iterator[dict[str, Any]]:
    family = setting.profile.family
    spent = 0
    for index, choice in enumerate(choices):
        split = tokens.words if family.pieces == "words" else tokens.split
        for piece in ([choice.echoed] if choice.echoed else []) + (
            list(choice.draft.pieces) or split(choice.draft.text)
        ):
            spent += 0 if piece is choice.echoed else tokens.count(piece)
            chunk = {**frame, "choices": [{"index": index, "text": piece, "finish_reason": None}]}
            if family.usage == "every":
                chunk["usage"] = _usage(Usage(usage.prompt, min(spent, usage.completion)))
            yield chunk
        ended: dict[str, Any] = {"index": index, "text": "", "finish_reason": choice.draft.finish}
        if choice.likelihoods is not None:
            ended["logprobs"] = choice.likelihoods
        chunk = {**frame, "choices": [ended]}
        if index == len(choices) - 1 and family.usage != "asked":
            chunk["usage"] = _usage(usage)
        elif family.usage == "every":
            chunk["usage"] = _usage(Usage(usage.prompt, min(spent, usage.completion)))
        yield chunk
    if family.usage == "asked" and wanted:
        yield {**frame, "choices": [], "usage": _usage(usage)}
