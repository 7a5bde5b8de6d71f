"""Defects of queries and streams."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from contracts_planting import Case, Json, answers, defect

# --- queries ---


@defect("query.usage", "chat-queries")
def usage_does_not_add_up(case: Case) -> None:
    if answers(case):
        case.json["usage"]["total_tokens"] += 1


@defect("query.choices", "chat-queries")
def one_choice_for_all(case: Case) -> None:
    if len(answers(case)) > 1:
        del case.json["choices"][1:]


@defect("query.choices", "chat-queries")
def indexes_are_swapped(case: Case) -> None:
    for choice in answers(case):
        choice["index"] = len(case.json["choices"]) - 1 - choice["index"] + (len(case.json["choices"]) == 1)


@defect("query.max-tokens", "chat-queries", before=True)
def max_tokens_are_ignored(case: Case) -> None:
    if case.is_query and isinstance(case.members.get("max_tokens"), int):
        case.ask({**case.members, "max_tokens": max(case.members["max_tokens"], 4) * 3})


@defect("query.stop", "chat-queries", before=True)
def stop_is_ignored(case: Case) -> None:
    if case.is_query and "stop" in case.members:
        case.ask({key: value for key, value in case.members.items() if key != "stop"})


@defect("query.finish-reason", "chat-queries")
def finished_for_no_reason(case: Case) -> None:
    for choice in answers(case):
        choice["finish_reason"] = "content_filter" if choice["finish_reason"] == "stop" else choice["finish_reason"]


@defect("query.message", "chat-queries")
def the_user_answers(case: Case) -> None:
    for choice in answers(case):
        if "message" in choice:
            choice["message"]["role"] = "user"


@defect("query.model", "chat-queries")
def models_take_turns(case: Case) -> None:
    if answers(case):
        case.json["model"] = f"model-{case.number % 3}"


@defect("query.fresh", "chat-queries")
def answers_share_an_id(case: Case) -> None:
    if answers(case):
        case.json["id"] = "chatcmpl_always-the-same"


@defect("query.fresh", "chat-queries")
def answers_are_of_yesterday(case: Case) -> None:
    if answers(case):
        case.json["created"] -= 86400


@defect("query.deterministic", "chat-queries")
def zero_is_not_zero(case: Case) -> None:
    for choice in answers(case):
        if "message" in choice and isinstance(choice["message"].get("content"), str):
            choice["message"]["content"] += f" ({case.number})"


@defect("query.varied", "chat-queries", before=True)
def one_answer_for_everybody(case: Case) -> None:
    if case.is_query and case.members.get("messages"):
        case.ask({**case.members, "messages": [{"role": "user", "content": "Hello."}]})


@defect("query.served-model", "custom-queries")
def no_served_model_name(case: Case) -> None:
    case.set_header("served-model-name", None)


@defect("query.served-model", "custom-queries", before=True)
def all_traffic_to_the_first(case: Case) -> None:
    if case.method == "POST" and case.path.endswith("scorer-001/invocations") and "served-models" not in case.path:
        case.environ["PATH_INFO"] = case.path.replace("/invocations", "/served-models/major/invocations")


@defect("query.routes", "openai-routes")
def the_gateway_is_closed(case: Case) -> None:
    if case.path.startswith("/ai-gateway/") and case.ok:
        case.refuse(400, "BAD_REQUEST")


def _embedded(case: Case) -> list[dict[str, Json]]:
    data = (case.json or {}).get("data") if case.is_query and case.ok and isinstance(case.json, dict) else None
    return data if isinstance(data, list) else []


@defect("query.embedding-size", "embedding-queries")
def embeddings_lose_a_dimension(case: Case) -> None:
    for each in _embedded(case)[1:]:
        each["embedding"].pop()


@defect("query.embedding-order", "embedding-queries")
def embeddings_come_in_reverse(case: Case) -> None:
    if _embedded(case):
        vectors = [each["embedding"] for each in case.json["data"]]
        for each, vector in zip(case.json["data"], reversed(vectors), strict=True):
            each["embedding"] = vector


@defect("query.embedding-norm", "embedding-queries")
def embeddings_are_doubled(case: Case) -> None:
    for each in _embedded(case):
        each["embedding"] = [2 * x for x in each["embedding"]]


@defect("query.embedding-sense", "embedding-queries")
def embeddings_are_all_alike(case: Case) -> None:
    for each in _embedded(case):
        case.memory.setdefault("vector", {}).setdefault(len(each["embedding"]), each["embedding"])
        each["embedding"] = case.memory["vector"][len(each["embedding"])]


@defect("query.predictions", "custom-queries")
def the_last_row_is_lost(case: Case) -> None:
    if case.is_query and case.ok and isinstance(case.json, dict) and len(case.json.get("predictions") or []) > 2:
        case.json["predictions"].pop()


@defect("query.input-forms", "custom-queries")
def two_forms_are_fine(case: Case) -> None:
    if case.is_query and case.status == 400:
        case.status, case.json = 200, {"predictions": [0]}
        case.set_header("served-model-name", "major")


@defect("query.refuses", "refused-queries", before=True)
def temperatures_are_clamped(case: Case) -> None:
    if case.is_query and isinstance(case.members.get("temperature"), int | float):
        case.ask({**case.members, "temperature": min(2, max(0, case.members["temperature"]))})


@defect("query.unknown-field", "refused-queries", before=True)
def unknown_members_are_dropped(case: Case) -> None:
    if case.is_query and case.members:
        case.ask({key: value for key, value in case.members.items() if key != "made_up"})


@defect("query.unknown-endpoint", "openai-routes")
def unknown_endpoints_do_not_exist(case: Case) -> None:
    if case.is_query and case.status == 404:
        case.json["error_code"] = "RESOURCE_DOES_NOT_EXIST"


@defect("query.agent", "agent-queries")
def agents_are_silent(case: Case) -> None:
    if case.is_query and case.ok and isinstance(case.json, dict) and case.json.get("object") == "response":
        case.json["output"] = []


@defect("query.tools", "tools-and-formats")
def tools_lose_an_argument(case: Case) -> None:
    for choice in answers(case):
        for call in (choice.get("message") or {}).get("tool_calls") or []:
            call["function"]["arguments"] = json.dumps({"city": "Oslo"})


@defect("query.json", "tools-and-formats")
def json_with_a_preface(case: Case) -> None:
    if "response_format" in case.members:
        for choice in answers(case):
            choice["message"]["content"] = "Here you are: " + str(choice["message"]["content"])


@defect("query.guardrail", "guardrails")
def guardrails_are_painted_on(case: Case) -> None:
    if case.is_query and case.status == 400 and b"guardrail" in case.body:
        case.status, case.json = 200, {"id": f"x{case.number}", "choices": []}


@defect("robust.time", "steady-replies", "refused-entities", "refused-providers", "accepted-providers")
def some_gets_are_slow(case: Case) -> None:
    if case.is_("GET") and case.number % 8 == 0:
        time.sleep(1)


@defect("query.counted", "documents")
def metrics_stand_still(case: Case) -> None:
    if case.path.endswith("/metrics") and case.ok:
        case.body = case.memory.setdefault(case.name, case.body)


# --- streams ---


def _events(case: Case) -> list[bytes]:
    return [b"data: " + part for part in case.body.split(b"data: ") if part.strip()] if case.is_stream else []


def _each(case: Case, change: Callable[[int, dict[str, Json]], Any]) -> None:
    """Change each JSON event of a chat stream."""
    if not case.is_stream:
        return
    changed = []
    for number, event in enumerate(_events(case)):
        data = event.removeprefix(b"data: ").strip()
        if data.startswith(b"{"):
            document = json.loads(data)
            change(number, document)
            event = b"data: " + json.dumps(document).encode() + b"\n\n"
        changed.append(event)
    case.chunks = changed


@defect("stream.media-type", "chat-streams")
def streams_are_plain_text(case: Case) -> None:
    if case.is_stream:
        case.chunks = case.chunks or [case.body]
        case.set_header("Content-Type", "text/plain")


@defect("stream.frames", "chat-streams")
def streams_keep_alive(case: Case) -> None:
    if case.is_stream:
        case.chunks = [b": keep-alive\n\n", *_events(case)]


@defect("stream.done", "chat-streams")
def streams_have_no_end(case: Case) -> None:
    if case.is_stream:
        case.chunks = [event for event in _events(case) if b"[DONE]" not in event]


@defect("stream.one-id", "chat-streams")
def every_event_has_an_id(case: Case) -> None:
    _each(case, lambda number, document: document.update(id=f"chatcmpl_{case.number}_{number}"))


@defect("query.own-url", "route-optimised")
def the_workspaces_url_reaches_every_endpoint(case: Case) -> None:
    if case.is_query and case.status == 400:
        case.status, case.headers = 200, [("Content-Type", "application/json")]
        case.json = {"predictions": [0]}


@defect("stream.role", "chat-streams")
def streams_have_no_role(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        for choice in document.get("choices") or []:
            (choice.get("delta") or {}).pop("role", None)

    _each(case, change)


@defect("stream.finish", "chat-streams")
def every_event_is_the_last(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        for choice in document.get("choices") or []:
            choice["finish_reason"] = "stop"

    _each(case, change)


@defect("stream.equal", "chat-streams")
def one_event_comes_twice(case: Case) -> None:
    events = _events(case)
    if len(events) > 4:
        case.chunks = [*events[:3], events[2], *events[3:]]


@defect("stream.equal", "chat-streams")
def two_events_change_places(case: Case) -> None:
    events = _events(case)
    if len(events) > 5:
        case.chunks = [*events[:2], events[3], events[2], *events[4:]]


@defect("stream.delivered", "chat-streams")
def streams_come_at_once(case: Case) -> None:
    if case.is_stream:
        case.chunks = [case.body]


@defect("stream.usage", "chat-streams")
def streamed_usage_is_wrong(case: Case) -> None:
    def change(_: int, document: dict[str, Json]) -> None:
        if (document.get("usage") or {}).get("total_tokens"):
            document["usage"]["total_tokens"] += 5

    _each(case, change)


@defect("stream.refusal", "refused-queries")
def refusals_are_streamed(case: Case) -> None:
    if case.is_query and case.status == 400 and case.members.get("stream") is True:
        case.set_header("Content-Type", "text/event-stream")


@defect("shape.event", "chat-streams")
def events_without_choices(case: Case) -> None:
    _each(case, lambda number, document: document.update(choices="none") if number == 1 else None)
