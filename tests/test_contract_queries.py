"""The query half of the contract: recorded traffic fits it, and its own examples do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from query_operations import DONE, QUERIES

from openapi import Operation, Spec, load

SAMPLES = Path(__file__).parents[2] / "shared" / "facts" / "samples.jsonl"


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load()


# Recorded traffic

REQUEST_SCHEMAS = {
    "queryChat": ("ChatRequest", "ChatRequestStrict"),
    "queryChatStream": ("ChatRequest", "ChatRequestStrict"),
    "queryEmbeddings": ("EmbeddingsRequest", "EmbeddingsRequestStrict"),
    "queryCustom": ("ScoringRequest",),
    "queryResponses": ("ResponsesRequest",),
}
REPLY_SCHEMAS = {
    "queryChat": "ChatCompletion",
    "queryEmbeddings": "EmbeddingList",
    "queryCustom": "ScoringReply",
    "queryResponses": "ResponsesReply",
}
EVENT_SCHEMAS = {
    "queryChatStream": "ChatCompletionChunk",
    "queryResponsesStream": "ResponsesEvent",
    "queryChatAgentStream": "ChatAgentChunk",
}
NOT_WRITTEN_DOWN: dict[int, dict[str, Any]] = {72: {"output": []}}
"""What the recorder left out of a reply of which only the envelope was noted."""


def recorded(part: str, *operations: str) -> list[Any]:
    """The recorded rows of these operations that have that part; none where the recordings are not at hand."""
    rows = [json.loads(line) for line in SAMPLES.read_text("utf-8").splitlines()] if SAMPLES.is_file() else []
    chosen = [row for row in rows if row["operation"] in operations and row[part] is not None]
    return [pytest.param(row, id=f"{row['operation']}-{row['n']}") for row in chosen]


def operation_of(spec: Spec, path: str) -> Operation:
    fixed = {operation.path: operation for operation in spec.operations.values() if operation.id in QUERIES}
    return fixed.get(path, spec.operations["query_endpoint"])


@pytest.mark.parametrize("row", recorded("request", *REQUEST_SCHEMAS))
def test_recorded_requests_fit(spec: Spec, row: dict[str, Any]) -> None:
    assert operation_of(spec, row["path"]).request_violations(row["request"]) == []
    for name in REQUEST_SCHEMAS[row["operation"]]:
        assert spec.schema(name).violations(row["request"]) == []


@pytest.mark.parametrize("row", recorded("response", *REPLY_SCHEMAS))
def test_recorded_replies_fit(spec: Spec, row: dict[str, Any]) -> None:
    reply = {**row["response"], **NOT_WRITTEN_DOWN.get(row["n"], {})}
    assert spec.schema(REPLY_SCHEMAS[row["operation"]]).violations(reply) == []
    assert operation_of(spec, row["path"]).reply_violations(200, reply) == []


@pytest.mark.parametrize("row", recorded("response", *EVENT_SCHEMAS))
def test_recorded_streams_fit_event_by_event(spec: Spec, row: dict[str, Any]) -> None:
    events = [event for event in row["response"] if event != DONE]
    assert events
    for event in events:
        assert spec.schema(EVENT_SCHEMAS[row["operation"]]).violations(event) == []
        assert operation_of(spec, row["path"]).event_violations(event) == []
        assert spec.operations["query_endpoint"].event_violations(event) == []


@pytest.mark.parametrize("row", recorded("response", "errorQuery"))
def test_recorded_refusals_fit(spec: Spec, row: dict[str, Any]) -> None:
    body = row["response"]
    if row.get("partial") and "message" in body:
        body = {"error_code": "BAD_REQUEST", **body}
    operation = operation_of(spec, row["path"] or "/ai-gateway/mlflow/v1/responses")
    assert operation.reply_violations(row["status"], body) == []


# The description itself


def bodies(operation: Operation, spec: Spec) -> Iterator[tuple[str, str, dict[str, Any]]]:
    request = spec.resolved(operation.definition["requestBody"])
    yield from (("request", media_type, media) for media_type, media in request["content"].items())
    for status, response in operation.responses.items():
        yield from ((status, media_type, media) for media_type, media in response["content"].items())


def the_schema_that_a_form_tells(name: str) -> str:
    forms = {"chat_agent": "ChatAgentRequest", "chat": "ChatRequestStrict", "completion": "CompletionsRequestStrict"}
    forms |= {"embeddings": "EmbeddingsRequestStrict", "agent_responses": "ResponsesRequest"}
    return forms.get(name) or ("ChatRequestStrict" if name.startswith("chat_") else "ScoringRequest")


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_documents_its_permission_and_gives_examples_that_fit(spec: Spec, name: str) -> None:
    operation = spec.operations[name]
    assert operation.required_permission == "CAN_QUERY"
    assert operation.tags == ("Queries",)
    assert {"400", "401", "403", "404", "413", "415", "429"} <= set(operation.responses)
    for part, media_type, media in bodies(operation, spec):
        examples = media.get("examples", {})
        assert examples or media_type == "application/vnd.apache.parquet"
        for example in examples.values():
            value = example["value"]
            if media_type == "text/event-stream":
                assert value["data"] == DONE or operation.event_violations(json.loads(value["data"])) == []
            elif part == "request":
                assert operation.request_violations(value, media_type) == []
            else:
                assert operation.reply_violations(int(part), value, media_type) == []


def test_the_examples_of_invocations_fit_the_task_they_are_for(spec: Spec) -> None:
    body = spec.resolved(spec.operations["query_endpoint"].definition["requestBody"])
    for name, example in body["content"]["application/json"]["examples"].items():
        assert spec.schema(the_schema_that_a_form_tells(name)).violations(example["value"]) == []


def test_each_task_has_a_schema_of_its_own(spec: Spec) -> None:
    body = spec.resolved(spec.operations["query_endpoint"].definition["requestBody"])
    by_task, hosted = body["x-schemas-by-task"], body["x-schemas-of-hosted-models"]
    tasks = {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings", "agent/v1/chat", "agent/v1/responses"}
    assert set(by_task) == {*tasks, "agent/v2/chat", ""}
    assert set(hosted) < set(by_task)
    for entry in (*by_task.values(), *hosted.values()):
        assert spec.resolved(entry)["description"]


@pytest.mark.parametrize("name", ["query_endpoint", "query_served_model", "query_route_optimized"])
def test_only_invocations_name_the_served_entity_in_a_header(spec: Spec, name: str) -> None:
    header = spec.operations[name].responses["200"]["headers"]["served-model-name"]
    assert header["required"]
    assert "headers" not in spec.operations["create_chat_completion"].responses["200"]


def test_a_route_optimised_endpoint_takes_no_personal_access_token_by_basic_authentication(spec: Spec) -> None:
    assert spec.operations["query_route_optimized"].definition["security"] == [{"bearerAuth": []}]
