"""Clients whose packages are large or pin versions of their own; ``.ci/heavy-clients`` makes environments for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from endpoints_for_queries import CLAUDE, GTE, LLAMA, create, custom
from model_answers import WEATHER

from mockserver import MockServer

pytestmark = pytest.mark.heavy_clients

QUESTION = "Which planet do humans live on?"
EARTH = "Humans live on the planet Earth."


@pytest.fixture
def databricks(instant_server: MockServer, token: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment that the vendor's clients find their workspace by."""
    monkeypatch.setenv("DATABRICKS_HOST", instant_server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    return instant_server.url


class TestDatabricksOpenAI:
    def test_chat_and_stream(self, databricks: str) -> None:
        client = pytest.importorskip("databricks_openai").DatabricksOpenAI()
        messages = [{"role": "user", "content": QUESTION}]
        answer = client.chat.completions.create(model=LLAMA, messages=messages)
        assert answer.choices[0].message.content == EARTH
        stream = client.chat.completions.create(model=LLAMA, messages=messages, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == EARTH

    def test_responses_of_an_agent(self, databricks: str, rest: Callable[..., requests.Response]) -> None:
        create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
        client = pytest.importorskip("databricks_openai").DatabricksOpenAI()
        answer = client.responses.create(model="helper", input=[{"role": "user", "content": QUESTION}])
        assert answer.output_text == EARTH

    def test_the_gateway(self, databricks: str) -> None:
        client = pytest.importorskip("databricks_openai").DatabricksOpenAI(use_ai_gateway=True)
        answer = client.chat.completions.create(model=LLAMA, messages=[{"role": "user", "content": QUESTION}])
        assert answer.choices[0].message.content == EARTH

    def test_the_gateway_in_openais_own_form(self, databricks: str) -> None:
        client = pytest.importorskip("databricks_openai").DatabricksOpenAI(use_ai_gateway_native_api=True)
        assert client.responses.create(model="databricks-gpt-5", input=QUESTION).output_text == EARTH


class TestAnthropic:
    @pytest.mark.parametrize("prefix", ["serving-endpoints", "ai-gateway"])
    def test_messages_and_their_stream(self, instant_server: MockServer, token: str, prefix: str) -> None:
        anthropic = pytest.importorskip("anthropic")
        client = anthropic.Anthropic(base_url=f"{instant_server.url}/{prefix}/anthropic", auth_token=token)
        asked = {"model": "system.ai.claude-sonnet-4", "max_tokens": 64}
        messages = [{"role": "user", "content": QUESTION}]
        assert client.messages.create(messages=messages, **asked).content[0].text == EARTH
        with client.messages.stream(messages=messages, **asked) as stream:
            assert "".join(stream.text_stream) == EARTH
        with pytest.raises(anthropic.NotFoundError, match="The given endpoint does not exist"):
            client.messages.create(messages=messages, model="nowhere", max_tokens=5)


class TestGoogleGenAI:
    MODEL = "databricks-gemini-2-5-flash"

    @pytest.fixture
    def models(self, instant_server: MockServer, token: str) -> Any:
        genai = pytest.importorskip("google.genai")
        options = genai.types.HttpOptions(
            base_url=f"{instant_server.url}/ai-gateway/gemini",
            api_version="v1beta",
            headers={"Authorization": f"Bearer {token}"},
        )
        client = genai.Client(api_key="unused", http_options=options)
        yield client.models
        client.close()

    def test_content_and_its_stream(self, models: Any) -> None:
        answer = models.generate_content(model=self.MODEL, contents=QUESTION)
        assert answer.text == EARTH
        assert answer.candidates[0].finish_reason.name == "STOP"
        assert answer.usage_metadata.total_token_count > answer.usage_metadata.prompt_token_count > 0
        stream = models.generate_content_stream(model="system.ai.gemini-2-5-flash", contents=QUESTION)
        assert "".join(piece.text or "" for piece in stream) == EARTH

    def test_functions_and_json(self, models: Any) -> None:
        def get_weather(city: str) -> str:
            """Get the weather in a given city."""
            return f"It is sunny in {city}."

        asked = {"model": self.MODEL, "contents": "What's the weather in Tokyo?"}
        answer = models.generate_content(**asked, config={"tools": [get_weather]})
        assert "sunny in Tokyo" in answer.text
        schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
        config = {"response_mime_type": "application/json", "response_schema": schema}
        assert isinstance(models.generate_content(**asked, config=config).parsed["city"], str)

    def test_errors_have_googles_classes(self, models: Any) -> None:
        errors = pytest.importorskip("google.genai").errors
        with pytest.raises(errors.ClientError, match="404"):
            models.generate_content(model="nowhere", contents=QUESTION)


class TestDatabricksLangchain:
    def test_chat_and_stream(self, databricks: str) -> None:
        chat = pytest.importorskip("databricks_langchain").ChatDatabricks(endpoint=LLAMA)
        assert chat.invoke(QUESTION).content == EARTH
        assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == EARTH

    def test_tools(self, databricks: str) -> None:
        chat = pytest.importorskip("databricks_langchain").ChatDatabricks(endpoint=CLAUDE)
        answer = chat.bind_tools([WEATHER]).invoke("What's the weather in Tokyo?")
        assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("get_weather", {"city": "Tokyo"})]

    def test_the_responses_form(self, databricks: str, rest: Callable[..., requests.Response]) -> None:
        create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
        chat = pytest.importorskip("databricks_langchain").ChatDatabricks(endpoint="helper", use_responses_api=True)
        content = chat.invoke(QUESTION).content
        text = content if isinstance(content, str) else "".join(part["text"] for part in content)
        assert text == EARTH

    def test_embeddings_find_the_right_document(self, databricks: str) -> None:
        embeddings = pytest.importorskip("databricks_langchain").DatabricksEmbeddings(endpoint=GTE)
        documents = ["Whales sing in the deep sea.", "The bakery sells fresh bread.", "Stocks fell on Monday."]
        vectors = embeddings.embed_documents(documents)
        asked = embeddings.embed_query("Where can I buy bread?")
        scores = [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in vectors]
        assert max(range(3), key=scores.__getitem__) == 1


class TestLitellm:
    def test_chat_stream_and_embeddings(self, databricks: str, token: str) -> None:
        litellm = pytest.importorskip("litellm")
        place = {"api_base": f"{databricks}/serving-endpoints", "api_key": token}
        messages = [{"role": "user", "content": QUESTION}]
        answer = litellm.completion(model=f"databricks/{LLAMA}", messages=messages, **place)
        assert answer.choices[0].message.content == EARTH
        assert answer.usage.total_tokens > 0
        stream = litellm.completion(model=f"databricks/{LLAMA}", messages=messages, stream=True, **place)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == EARTH
        vectors = litellm.embedding(model=f"databricks/{GTE}", input=["one", "two"], **place)
        assert [len(item["embedding"]) for item in vectors.data] == [1024, 1024]

    def test_tools(self, databricks: str, token: str) -> None:
        litellm = pytest.importorskip("litellm")
        answer = litellm.completion(
            model=f"databricks/{LLAMA}",
            messages=[{"role": "user", "content": "What's the weather in Tokyo?"}],
            tools=[WEATHER],
            api_base=f"{databricks}/serving-endpoints",
            api_key=token,
        )
        call = answer.choices[0].message.tool_calls[0].function
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Tokyo"})


NODE_OPENAI = """
import OpenAI from 'openai';
const client = new OpenAI({apiKey: process.env.TOKEN, baseURL: process.env.URL + '/serving-endpoints'});
const messages = [{role: 'user', content: process.env.QUESTION}];
const model = process.env.MODEL;
const answer = await client.chat.completions.create({model, messages});
let streamed = '';
for await (const chunk of await client.chat.completions.create({model, messages, stream: true}))
  streamed += chunk.choices[0]?.delta?.content ?? '';
const vectors = await client.embeddings.create({model: process.env.EMBEDDER, input: 'x', encoding_format: 'float'});
const size = vectors.data[0].embedding.length;
console.log(JSON.stringify({answer: answer.choices[0].message.content, streamed, size}));
"""
NODE_PROVIDER = """
import { createDatabricksProvider } from '@databricks/ai-sdk-provider';
import { generateText, streamText } from 'ai';
const headers = {Authorization: 'Bearer ' + process.env.TOKEN};
const provider = createDatabricksProvider({baseURL: process.env.URL + '/serving-endpoints', headers});
const prompt = process.env.QUESTION;
const answer = (await generateText({model: provider.chatCompletions(process.env.MODEL), prompt})).text;
let streamed = '';
for await (const part of streamText({model: provider.chatCompletions(process.env.MODEL), prompt}).textStream)
  streamed += part;
const agent = (await generateText({model: provider.responses(process.env.AGENT), prompt})).text;
let talker = '';
for await (const part of streamText({model: provider.chatAgent(process.env.TALKER), prompt}).textStream) talker += part;
console.log(JSON.stringify({answer, streamed, agent, talker}));
"""


@pytest.mark.parametrize(
    ("package", "program"), [("openai", NODE_OPENAI), ("@databricks/ai-sdk-provider", NODE_PROVIDER)]
)
def test_clients_of_node(
    databricks: str, token: str, rest: Callable[..., requests.Response], package: str, program: str
) -> None:
    modules = Path(os.environ.get("HEAVY_CLIENTS_NODE", "")) / "node_modules"
    node = shutil.which("node")
    if node is None or not (modules / package).is_dir():
        pytest.skip(f"node or its package {package} is not there")
    create(rest, "helper", custom("main.default.helper"), task="agent/v1/responses")
    create(rest, "talker", custom("main.default.talker"), task="agent/v2/chat")
    file = modules.parent / f"{package.rpartition('/')[2]}-client.mjs"
    file.write_text(program)
    variables = {
        "TOKEN": token, "URL": databricks, "MODEL": LLAMA, "EMBEDDER": GTE, "QUESTION": QUESTION, "AGENT": "helper",
        "TALKER": "talker", "PATH": os.environ["PATH"],
    }  # fmt: skip
    done = subprocess.run([node, str(file)], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("size", 1024) == 1024
    assert said
    assert set(said.values()) == {EARTH}
