"""Defects of what is put together: calls of tools in a stream, typed events, predictions, conversations."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from contracts_planting import Case, defect

from contracts.pace import strain

Json = Any


def _frames(case: Case, tail: str) -> list[bytes]:
    """The events of a stream on a route that ends so, each with the blank line after it; none of other replies."""
    if not (case.is_stream and case.path.endswith(tail)):
        return []
    return [frame + b"\n\n" for frame in case.body.split(b"\n\n") if frame.strip()]


# --- calls of tools ---


def _calls(case: Case, change: Callable[[dict[str, Json]], Any]) -> None:
    """Change each delta of a call of a tool in a chat stream."""
    changed = []
    for frame in _frames(case, "/invocations"):
        if b'"tool_calls"' in frame and frame.startswith(b"data: {"):
            document = json.loads(frame.removeprefix(b"data: "))
            for choice in document.get("choices") or []:
                for call in (choice.get("delta") or {}).get("tool_calls") or []:
                    change(call)
            frame = b"data: " + json.dumps(document).encode() + b"\n\n"
        changed.append(frame)
    if changed:
        case.chunks = changed


@defect("query.tools", "chat-streams")
def streamed_arguments_do_not_fit(case: Case) -> None:
    def change(call: dict[str, Json]) -> None:
        arguments = call["function"].get("arguments") or ""
        call["function"]["arguments"] = arguments.replace('"city"', '"town"')

    _calls(case, change)


@defect("query.tools", "chat-streams")
def streamed_calls_have_no_type(case: Case) -> None:
    _calls(case, lambda call: call.pop("type", None))


@defect("query.tools", "chat-streams")
def streamed_calls_count_from_one(case: Case) -> None:
    _calls(case, lambda call: call.update(index=call["index"] + 1))


@defect("query.fresh", "chat-streams")
def streamed_calls_share_an_id(case: Case) -> None:
    _calls(case, lambda call: call.update(id="call_1") if "id" in call else None)


@defect("query.finish-reason", "chat-streams")
def streamed_calls_just_stop(case: Case) -> None:
    if frames := _frames(case, "/invocations"):
        case.chunks = [re.sub(rb'"finish_reason":\s*"tool_calls"', b'"finish_reason":"stop"', each) for each in frames]


# --- typed events ---


def _typed(case: Case, tail: str, change: Callable[[bytes], bytes]) -> None:
    if frames := _frames(case, tail):
        case.chunks = [change(frame) for frame in frames]


@defect("stream.equal", "chat-streams")
def messages_are_garbled(case: Case) -> None:
    _typed(case, "/messages", lambda frame: re.sub(rb'"text":\s*"[^"]+"', b'"text":"so"', frame))


@defect("stream.frames", "chat-streams")
def blocks_never_stop(case: Case) -> None:
    _typed(case, "/messages", lambda frame: b"" if b'"content_block_stop"' in frame else frame)


@defect("stream.frames", "chat-streams")
def events_have_other_names(case: Case) -> None:
    _typed(case, "/messages", lambda frame: re.sub(rb"^event: .*", b"event: message", frame))


@defect("stream.usage", "chat-streams")
def messages_cost_more_when_streamed(case: Case) -> None:
    _typed(case, "/messages", lambda frame: re.sub(rb'"output_tokens":\s*(\d)', rb'"output_tokens":9\1', frame))


@defect("stream.equal", "chat-streams")
def completed_responses_are_empty(case: Case) -> None:
    def change(frame: bytes) -> bytes:
        return re.sub(rb'"output":\s*\[.*\]', b'"output":[]', frame) if b'"response.completed"' in frame else frame

    _typed(case, "/responses", change)


@defect("robust.time", "completion-streams", "discovery")
def streams_begin_late(case: Case) -> None:
    if case.is_stream:
        time.sleep(1.5 * strain())  # on a busy machine all else is slow too


# --- predictions ---


def _predictions(case: Case) -> Iterator[list[Json]]:
    if case.is_query and case.ok and isinstance(case.json, dict) and isinstance(case.json.get("predictions"), list):
        yield case.json["predictions"]


@defect("query.predictions", "custom-queries")
def predictions_come_in_reverse(case: Case) -> None:
    for predictions in _predictions(case):
        predictions.reverse()


@defect("query.predictions", "custom-queries")
def nothing_is_predicted(case: Case) -> None:
    for predictions in _predictions(case):
        predictions[:] = [None] * len(predictions)


@defect("query.predictions", "custom-queries")
def a_form_has_its_own_predictions(case: Case) -> None:
    for predictions in _predictions(case):
        if b"dataframe_split" in case.sent:
            predictions[:] = [*predictions[1:], *predictions[:1]]


# --- conversations ---


@defect("query.varied", "chat-queries", before=True)
def only_the_last_message_is_read(case: Case) -> None:
    messages = case.members.get("messages")
    if case.is_query and isinstance(messages, list) and len(messages) > 1:
        case.ask({**case.members, "messages": messages[-1:]})


@defect("query.max-tokens", "chat-queries", before=True)
def the_newer_limit_is_ignored(case: Case) -> None:
    if case.is_query and "max_completion_tokens" in case.members:
        case.ask({key: value for key, value in case.members.items() if key != "max_completion_tokens"})
