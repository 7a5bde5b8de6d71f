"""A complete reply, and the same reply as the events of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .drafting import Draft, Usage
from .profiles import Family


class Answer(NamedTuple):
    """What a model answers. ``texts`` are the finished texts, one per choice, for guardrails and records.

    Answers that share ``known`` differ in the body's ``id`` and ``created`` only: what is worked out from one of them
    may be kept there for the others.
    """

    body: Any
    usage: Usage
    texts: tuple[str, ...] = ()
    stream: Callable[[], Iterator[dict[str, Any]]] | None = None
    known: dict[str, Any] | None = None

    def events(self) -> Iterator[dict[str, Any]]:
        """The data of the stream's events, in order, without the closing ``[DONE]``. Made as they are asked for.

        Raises:
            TypeError: the answer's kind is not streamed.
        """
        if self.stream is None:
            raise TypeError("this answer cannot be streamed")
        return self.stream()


def usage_block(family: Family, usage: Usage) -> dict[str, Any]:
    """``usage`` as the family writes it in chat answers."""
    if family.name == "claude":
        return {
            "cache_read_input_tokens": 0,
            "completion_tokens": usage.completion,
            "prompt_tokens": usage.prompt,
            "total_tokens": usage.total,
            "cache_creation_input_tokens": 0,
        }
    block: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
    }
    if family.name == "openai":
        block["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
        block["completion_tokens_details"] = {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return block


def total_usage(prompt: int, drafts: tuple[Draft, ...]) -> Usage:
    return Usage(prompt, sum(draft.tokens for draft in drafts), sum(draft.reasoning_tokens for draft in drafts))
