"""No body whatsoever makes a query fail with an error of the mock's own, and no answer breaks the contract."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import Mock, Settings
from mockserver.messages import Reply, Request, Stream

CLAUDE, LLAMA, GTE, GPT = (
    "databricks-claude-3-7-sonnet",
    "databricks-meta-llama-3-3-70b-instruct",
    "databricks-gte-large-en",
    "databricks-gpt-5",
)
TASKS = ("agent/v1/responses", "agent/v2/chat", "agent/v1/chat", "llm/v1/chat", "llm/v1/embeddings", None)
NAMES = (
    "messages", "input", "prompt", "model", "max_tokens", "temperature", "stream", "stream_options", "tools",
    "tool_choice", "response_format", "n", "stop", "logprobs", "top_logprobs", "instances", "inputs",
    "dataframe_records", "dataframe_split", "params", "role", "content", "type", "text", "function", "name",
    "parameters", "arguments", "tool_calls", "id", "call_id", "tool_call_id", "output", "json_schema", "schema",
    "properties", "system", "thinking", "reasoning", "encoding_format", "dimensions", "custom_inputs", "columns",
    "data", "index", "echo", "suffix", "include_usage", "image_url", "url",
)  # fmt: skip
WORDS = (
    "user", "assistant", "system", "tool", "text", "function", "auto", "required", "none", "json_schema", "json_object",
    "enabled", "base64", "Hello!", "", "What is 2 + 2?", "\u2028\U0001f600", "message", "function_call_output",
    "object", "string", "a,b\n1", "My card is 4111 1111 1111 1111",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 70), st.floats(-1, 3), st.sampled_from(WORDS), st.text(max_size=8)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=14,
)
TEXTS = st.sampled_from([word for word in WORDS if word]) | st.text(min_size=1, max_size=8)
CONTENTS = TEXTS | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), min_size=1, max_size=2)
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(("user", "assistant", "user", "system")), "content": CONTENTS}),
    min_size=1,
    max_size=3,
)
FUNCTION = {
    "name": st.sampled_from(("f", "get_user")),
    "parameters": st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
}
TOOLS = st.lists(
    st.fixed_dictionaries({"type": st.just("function"), "function": st.fixed_dictionaries(FUNCTION)}), max_size=2
)
FITTING = st.fixed_dictionaries(
    {"messages": TURNS},
    optional={"stream": st.booleans(), "max_tokens": st.integers(1, 30), "tools": TOOLS, "temperature": st.just(0)},
)
WILD = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)
BODIES: st.SearchStrategy[Any] = st.one_of(
    FITTING,
    FITTING.map(lambda body: {"input": body["messages"], "stream": body.get("stream", False)}),
    st.fixed_dictionaries({"input": TEXTS | st.lists(TEXTS, min_size=1)}, optional={"stream": st.booleans()}),
    st.fixed_dictionaries({"instances": st.lists(VALUES, max_size=3)}, optional={"params": VALUES}),
    st.builds(lambda fitting, wild: {**fitting, **wild}, FITTING, WILD),
    WILD,
)
ODD = st.sampled_from((float("nan"), float("inf"), "\ud800", 2**70))
CELLS = VALUES | ODD | st.lists(ODD, max_size=2)
ROWS = st.lists(st.lists(CELLS, max_size=3) | st.dictionaries(st.sampled_from(("a", "b")), CELLS) | CELLS, max_size=3)
LABEL = st.sampled_from(("a", "b", 1, None)) | st.lists(VALUES, max_size=2) | VALUES
LABELS = st.none() | st.lists(LABEL, max_size=3)
COLUMNS = st.dictionaries(
    st.sampled_from(("a", "b", "prompt")), st.lists(CELLS, max_size=3) | TEXTS | CELLS, max_size=3
)
SPLIT = st.fixed_dictionaries({"data": ROWS | CELLS}, optional={"columns": LABELS, "index": LABELS})
FULL = st.integers(1, 3).flatmap(
    lambda width: st.fixed_dictionaries(
        {
            "columns": st.lists(LABEL, min_size=width, max_size=width),
            "data": st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=2),
        }
    )
)
TABLES: st.SearchStrategy[Any] = st.builds(
    lambda form, more: {**form, **more},
    st.one_of(
        (SPLIT | FULL).map(lambda value: {"dataframe_split": value}),
        ROWS.map(lambda value: {"dataframe_records": value}),
        (ROWS | COLUMNS | CELLS).map(lambda value: {"instances": value}),
        (ROWS | COLUMNS | CELLS).map(lambda value: {"inputs": value}),
    ),
    st.just({}) | st.fixed_dictionaries({"params": VALUES}) | WILD,
)
SERVED: dict[str, dict[str, Any]] = {
    "numbers": {"entity_version": "1"},
    "bge": {"entity_version": "1"},
    "llm": {"entity_version": "1"},
    "features": {},
    "llama2": {"entity_version": "1", "min_provisioned_throughput": 970, "max_provisioned_throughput": 970},
}
HEADERS = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}


@pytest.fixture(scope="module")
def mock() -> Mock:
    made = Mock(Settings(provisioning=0))
    operation = made.spec.operations["create_serving_endpoint"]
    for number, task in enumerate(TASKS):
        entity = {
            "entity_name": f"main.default.model{number}",
            "entity_version": "1",
            "workload_size": "Small",
            "scale_to_zero_enabled": True,
        }
        gateway = {"guardrails": {side: {"pii": {"behavior": "MASK"}, "safety": True} for side in ("input", "output")}}
        body = {
            "name": f"e{number}",
            "config": {"served_entities": [entity]},
            "ai_gateway": gateway,
            **({"task": task} if task else {}),
        }
        created = made.respond(operation, Request("POST", operation.path, HEADERS, body=orjson.dumps(body)))
        assert isinstance(created, Reply)
        assert created.status == 200
    for name, fields in SERVED.items():
        entity = {"entity_name": f"main.default.{name}", **fields}
        if "max_provisioned_throughput" not in entity:
            entity |= {"workload_size": "Small", "scale_to_zero_enabled": True}
        body = {"name": name, "config": {"served_entities": [entity]}}
        created = made.respond(operation, Request("POST", operation.path, HEADERS, body=orjson.dumps(body)))
        assert isinstance(created, Reply)
        assert created.status == 200
    return made


def mishap(mock: Mock, operation_id: str, body: Any, **parameters: str) -> Any:
    """Ask, and read a stream to its end: the answer or the event that shows that something went wrong inside."""
    operation = mock.spec.operations[operation_id]
    request = Request("POST", operation.path, HEADERS, parameters, body=json.dumps(body).encode())
    answer = mock.respond(operation, request)
    assert isinstance(answer, Reply | Stream)
    if answer.status == 500:
        return answer
    events = answer.events if isinstance(answer, Stream) else ()
    return next((event for event in list(events) if "breaks the contract" in str(event.data)), None)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, name=st.sampled_from([CLAUDE, LLAMA, GTE, GPT, *(f"e{number}" for number in range(len(TASKS)))]))
def test_no_body_breaks_an_invocation(mock: Mock, body: Any, name: str) -> None:
    assert mishap(mock, "query_endpoint", body, name=name) is None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=TABLES, name=st.sampled_from([*SERVED]))
def test_no_table_breaks_a_custom_model(mock: Mock, body: Any, name: str) -> None:
    assert mishap(mock, "query_endpoint", body, name=name) is None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES,
    route=st.sampled_from(
        [
            ("create_chat_completion", LLAMA),
            ("create_chat_completion", CLAUDE),
            ("create_chat_completion", "e1"),
            ("create_completion", "e1"),
            ("create_embeddings", GTE),
            ("create_response", GPT),
            ("create_response", "e0"),
            ("create_message", CLAUDE),
            ("gateway_anthropic_message", CLAUDE),
        ]
    ),
)
def test_no_body_breaks_a_route_that_names_its_model(mock: Mock, body: Any, route: tuple[str, str]) -> None:
    operation, model = route
    assert mishap(mock, operation, {"max_tokens": 20, **body, "model": model}) is None


PARTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"text": TEXTS}),
        st.fixed_dictionaries({"functionCall": st.fixed_dictionaries({"name": TEXTS}, optional={"args": WILD})}),
        st.fixed_dictionaries({"functionResponse": st.fixed_dictionaries({"name": TEXTS, "response": WILD})}),
        WILD,
    ),
    max_size=3,
)
CONTENT = st.fixed_dictionaries(
    {
        "contents": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(("user", "model")), "parts": PARTS}), max_size=3
        )
    },
    optional={
        "systemInstruction": st.fixed_dictionaries({"parts": PARTS}),
        "tools": st.lists(
            st.fixed_dictionaries(
                {
                    "functionDeclarations": st.lists(
                        st.fixed_dictionaries({"name": TEXTS, "parameters": WILD}), max_size=2
                    )
                }
            ),
            max_size=2,
        ),
        "generationConfig": st.fixed_dictionaries(
            {"maxOutputTokens": st.integers(0, 30)},
            optional={"responseMimeType": st.just("application/json"), "responseSchema": WILD, "stopSequences": VALUES},
        ),
    },
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=CONTENT | WILD, operation=st.sampled_from(["gateway_gemini_content", "gateway_gemini_stream"]))
def test_no_body_breaks_a_request_for_geminis_content(mock: Mock, body: Any, operation: str) -> None:
    assert mishap(mock, operation, body, name="databricks-gemini-3-flash") is None
