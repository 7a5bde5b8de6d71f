"""The unmodified clients asking: databricks-sdk, mlflow.deployments and openai."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import mlflow.deployments
import openai
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.serving import (
    ChatMessage,
    ChatMessageRole,
    DataframeSplitInput,
    ExternalFunctionRequestHttpMethod,
)
from endpoints_for_queries import CLAUDE, GTE, LLAMA, create, custom, external
from pydantic import BaseModel

from mockserver import MockServer

# The SDK under mlflow leaves its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

QUESTION = "Which planet do humans live on?"
EARTH = "Humans live on the planet Earth."
Rest = Callable[..., requests.Response]


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def client(instant_server: MockServer, token: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{instant_server.url}/serving-endpoints", api_key=token, max_retries=0)


@pytest.fixture
def deployments(instant_server: MockServer, token: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABRICKS_HOST", instant_server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    return mlflow.deployments.get_deploy_client("databricks")  # type: ignore[no-untyped-call]  # mlflow has no types


class TestDatabricksSdk:
    def test_chat(self, workspace: WorkspaceClient) -> None:
        messages = [ChatMessage(role=ChatMessageRole.USER, content=QUESTION)]
        answer = workspace.serving_endpoints.query(LLAMA, messages=messages, max_tokens=64, temperature=0.0)
        assert answer.choices is not None
        assert answer.choices[0].message is not None
        assert answer.choices[0].message.content == EARTH
        assert answer.served_model_name == LLAMA
        assert answer.usage is not None
        assert answer.usage.total_tokens == 25

    def test_completions(self, workspace: WorkspaceClient, rest: Rest) -> None:
        create(rest, "older", external(task="llm/v1/completions", model="gpt-3.5-turbo-instruct"))
        answer = workspace.serving_endpoints.query("older", prompt="The sky is", max_tokens=5)
        assert answer.choices is not None
        assert answer.choices[0].text
        assert answer.object is not None
        assert answer.object.value == "text_completion"

    def test_embeddings(self, workspace: WorkspaceClient) -> None:
        answer = workspace.serving_endpoints.query(GTE, input=["one", "two"])
        assert answer.data is not None
        assert [len(item.embedding or ()) for item in answer.data] == [1024, 1024]
        assert [item.index for item in answer.data] == [0, 1]

    def test_rows(self, workspace: WorkspaceClient, rest: Rest) -> None:
        create(rest, "churn", custom())
        split = DataframeSplitInput(columns=["age"], data=[[40], [50]])
        assert len(workspace.serving_endpoints.query("churn", dataframe_split=split).predictions or ()) == 2
        records = workspace.serving_endpoints.query("churn", dataframe_records=[{"age": 40}, {"age": 50}])
        assert records.predictions == workspace.serving_endpoints.query("churn", inputs={"age": [40, 50]}).predictions

    def test_errors_have_the_sdks_classes(self, workspace: WorkspaceClient) -> None:
        with pytest.raises(NotFound, match="The given endpoint does not exist"):
            workspace.serving_endpoints.query("nowhere", input="x")
        with pytest.raises(BadRequest, match='json: unknown field "inputs"'):
            workspace.serving_endpoints.query(LLAMA, inputs={"messages": []})

    def test_the_openai_client_that_the_sdk_makes(self, workspace: WorkspaceClient) -> None:
        with pytest.deprecated_call():
            made = workspace.serving_endpoints.get_open_ai_client()  # type: ignore[no-untyped-call]
        answer = made.chat.completions.create(model=LLAMA, messages=user(QUESTION))
        assert answer.choices[0].message.content == EARTH

    def test_a_request_through_a_connection(self, workspace: WorkspaceClient) -> None:
        answer = workspace.serving_endpoints.http_request(
            "github",
            ExternalFunctionRequestHttpMethod.POST,
            "/issues",
            json={"title": "x"},
            params={"page": 1},  # type: ignore[dict-item]  # the service gives numbers back as numbers
        )
        body = answer.json()
        assert (body["method"], body["json"], body["args"]) == ("POST", {"title": "x"}, {"page": 1})


class TestMlflowDeployments:
    def test_predict(self, deployments: Any, rest: Rest) -> None:
        assert (
            deployments.predict(endpoint=LLAMA, inputs={"messages": user(QUESTION)})["choices"][0]["message"]["content"]
            == EARTH
        )
        assert len(deployments.predict(endpoint=GTE, inputs={"input": "x"})["data"][0]["embedding"]) == 1024
        create(rest, "churn", custom())
        assert (
            len(deployments.predict(endpoint="churn", inputs={"dataframe_records": [{"age": 1}]})["predictions"]) == 1
        )

    @pytest.mark.parametrize("model", [LLAMA, CLAUDE])
    def test_predict_stream(self, deployments: Any, model: str) -> None:
        chunks = deployments.predict_stream(endpoint=model, inputs={"messages": user(QUESTION)})
        assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == EARTH

    def test_predict_stream_of_agents(self, deployments: Any, rest: Rest) -> None:
        create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
        create(rest, "talker", custom("main.default.talker"), task="agent/v2/chat")
        events = list(deployments.predict_stream(endpoint="helper", inputs={"input": user(QUESTION)}))
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == EARTH
        chunks = deployments.predict_stream(endpoint="talker", inputs={"messages": user(QUESTION)})
        assert "".join(chunk["delta"]["content"] for chunk in chunks) == EARTH


class Person(BaseModel):
    name: str
    age: int
    languages: list[str]


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a given city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class TestOpenai:
    @pytest.mark.parametrize("model", [LLAMA, CLAUDE])
    def test_chat_and_stream(self, client: openai.OpenAI, model: str) -> None:
        answer = client.chat.completions.create(model=model, messages=user(QUESTION))
        assert answer.choices[0].message.content == EARTH
        stream = client.chat.completions.create(model=model, messages=user(QUESTION), stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == EARTH

    @pytest.mark.parametrize("model", [LLAMA, CLAUDE, "databricks-gpt-oss-120b", "gpt"])
    def test_tools_and_their_results(self, client: openai.OpenAI, rest: Rest, model: str) -> None:
        create(rest, "gpt")
        messages = user("What's the weather in Tokyo?")
        asked = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER]).choices[0]
        assert asked.finish_reason == "tool_calls"
        assert asked.message.tool_calls is not None
        call = asked.message.tool_calls[0]
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"city": "Tokyo"}
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": call.id, "content": "18 degrees and sunny"},
        ]
        told = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER]).choices[0]
        assert told.finish_reason == "stop"
        assert "18 degrees" in str(told.message.content)

    @pytest.mark.parametrize("model", [LLAMA, CLAUDE, "gpt"])
    def test_streamed_calls_add_up(self, client: openai.OpenAI, rest: Rest, model: str) -> None:
        create(rest, "gpt")
        messages = user("What's the weather in Tokyo?")
        with client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as stream:
            choice = stream.get_final_completion().choices[0]
        assert choice.message.tool_calls is not None
        assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Tokyo"}

    @pytest.mark.parametrize("model", [LLAMA, CLAUDE, "gpt"])
    def test_parse(self, client: openai.OpenAI, rest: Rest, model: str) -> None:
        create(rest, "gpt")
        messages = user("Invent a person who speaks two languages.")
        answer = client.chat.completions.parse(model=model, messages=messages, response_format=Person)
        assert isinstance(answer.choices[0].message.parsed, Person)

    def test_embeddings_as_numbers_and_packed(self, client: openai.OpenAI, rest: Rest) -> None:
        create(rest, "embedder", external(task="llm/v1/embeddings", model="text-embedding-3-small"))
        packed = client.embeddings.create(model="embedder", input=["one", "two"])
        plain = client.embeddings.create(model="embedder", input=["one", "two"], encoding_format="float")
        assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)
        assert len(client.embeddings.create(model="embedder", input="x", dimensions=256).data[0].embedding) == 256
        assert len(client.embeddings.create(model=GTE, input="x").data[0].embedding) == 1024

    def test_completions(self, client: openai.OpenAI, rest: Rest) -> None:
        create(rest, "older", external(task="llm/v1/completions", model="gpt-3.5-turbo-instruct"))
        answer = client.completions.create(model="older", prompt="Once upon a time", n=2, max_tokens=8)
        assert [choice.index for choice in answer.choices] == [0, 1]
        stream = client.completions.create(model="older", prompt="Once upon a time", stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream)

    def test_responses_and_their_stream(self, client: openai.OpenAI, rest: Rest) -> None:
        create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
        for model in ("helper", "databricks-gpt-5"):
            assert client.responses.create(model=model, input=user(QUESTION)).output_text == EARTH
            with client.responses.stream(model=model, input=user(QUESTION)) as stream:
                assert stream.get_final_response().output_text == EARTH

    def test_the_gateways_routes(self, instant_server: MockServer, token: str) -> None:
        made = openai.OpenAI(base_url=f"{instant_server.url}/ai-gateway/mlflow/v1", api_key=token, max_retries=0)
        answer = made.chat.completions.create(model="system.ai.llama-4-maverick", messages=user(QUESTION))
        assert answer.choices[0].message.content == EARTH
        assert len(made.embeddings.create(model=GTE, input="x", encoding_format="float").data[0].embedding) == 1024
        assert made.responses.create(model="databricks-gpt-5", input=QUESTION).output_text == EARTH

    def test_the_gateways_route_for_openais_own_models(self, instant_server: MockServer, token: str) -> None:
        made = openai.OpenAI(base_url=f"{instant_server.url}/ai-gateway/openai/v1", api_key=token, max_retries=0)
        assert made.responses.create(model="databricks-gpt-5", input=QUESTION).output_text == EARTH
        with made.responses.stream(model="databricks-gpt-5", input=user(QUESTION)) as stream:
            assert stream.get_final_response().output_text == EARTH
        answer = made.chat.completions.create(model="system.ai.gpt-5", messages=user(QUESTION))
        assert answer.choices[0].message.content == EARTH
        with pytest.raises(openai.NotFoundError, match="The given endpoint does not exist"):
            made.responses.create(model="nowhere", input="x")

    def test_errors_have_openais_classes(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match="The given endpoint does not exist"):
            client.chat.completions.create(model="nowhere", messages=user("x"))
        with pytest.raises(openai.BadRequestError, match="unknown field"):
            client.chat.completions.create(model=LLAMA, messages=user("x"), extra_body={"inputs": 1})


def test_a_model_gives_its_32_answers_to_a_question_in_turn(client: openai.OpenAI) -> None:
    answers = [client.chat.completions.create(model=LLAMA, messages=user("Tell me about tea.")) for _ in range(64)]
    texts = [answer.choices[0].message.content for answer in answers]
    assert texts[:32] == texts[32:]
    assert len(set(texts)) > 20
    assert len({answer.id for answer in answers}) == 64
    cold = [
        client.chat.completions.create(model=LLAMA, messages=user("Tell me about tea."), temperature=0)
        for _ in range(3)
    ]
    assert len({answer.choices[0].message.content for answer in cold}) == 1
