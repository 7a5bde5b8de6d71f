"""The mock without a socket: behind requests, httpx and the OpenAI client, errors included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
import requests

from mockserver import ServingMock
from mockserver.inprocess import URL
from mockserver.inprocess_httpx import async_transport, transport
from mockserver.testing import Options, shared_server

LIST = f"{URL}/api/2.0/serving-endpoints"
MESSAGES: Any = [{"role": "user", "content": "Count to five."}]


@pytest.fixture
def session(serving_mock: ServingMock) -> requests.Session:
    return serving_mock.session()


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def client(request: pytest.FixtureRequest, serving_mock: ServingMock) -> Iterator[Any]:
    headers = {"Authorization": f"Bearer {serving_mock.token}"}
    with request.param.Client(transport=transport(serving_mock.mock, request.param), headers=headers) as client:
        yield client


def test_no_socket_is_opened(
    serving_mock: ServingMock, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    serving_mock.create("chat")
    assert session.get(f"{LIST}/chat").json()["name"] == "chat"
    assert serving_mock.workspace_client(in_process=True).serving_endpoints.get("chat").name == "chat"
    answer = serving_mock.openai_client(in_process=True).chat.completions.create(model="chat", messages=MESSAGES)
    assert answer.choices[0].message.content
    for elsewhere in ("http://127.0.0.1:9/", "https://example.test/"):
        with pytest.raises(requests.ConnectionError, match=f"whose URLs start with {URL}"):
            session.get(elsewhere)


def test_paths_queries_and_bodies_arrive_as_over_a_socket(session: requests.Session) -> None:
    assert session.get(f"{LIST}/a%20b").json()["message"] == "Endpoint with name 'a b' does not exist."
    assert session.post(LIST, data="{").status_code == 400
    assert session.get(f"{URL}/__mock__/journal", params={"limit": "1"}).json()["count"] == 2
    assert session.get(f"{URL}/nowhere").json()["error_code"] == "ENDPOINT_NOT_FOUND"


def test_streams_come_event_by_event(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    serving_mock.reply({"chunks": ["one ", "two ", "three"], "chunk_delay": 0.15}, endpoint="chat")
    stream = serving_mock.openai_client(in_process=True).chat.completions.create(
        model="chat", messages=MESSAGES, stream=True
    )
    moments, texts = [], []
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            moments.append(time.monotonic())
            texts.append(chunk.choices[0].delta.content)
    assert "".join(texts) == "one two three"
    assert moments[-1] - moments[0] > 0.2


def test_a_stream_of_requests_comes_line_by_line_and_may_be_left(
    serving_mock: ServingMock, session: requests.Session
) -> None:
    serving_mock.create("chat")
    body = {"model": "chat", "messages": MESSAGES, "stream": True}
    with session.post(f"{URL}/serving-endpoints/chat/completions", json=body, stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(b"data: {")
    assert serving_mock.requests.count() == 1


def test_a_dropped_connection_is_that_of_a_socket(
    serving_mock: ServingMock, session: requests.Session, client: Any
) -> None:
    serving_mock.faults.add(drop=True)
    with pytest.raises(requests.ConnectionError, match="Remote end closed connection without response"):
        session.get(LIST)
    with pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError), match="without sending a response"):
        client.get(LIST)


def test_a_truncated_body_is_that_of_a_socket(
    serving_mock: ServingMock, session: requests.Session, client: Any
) -> None:
    serving_mock.faults.add(truncate=30)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="30 bytes read"):
        session.get(LIST)
    with pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError), match="peer closed connection"):
        client.get(LIST)


def test_a_delay_longer_than_the_clients_patience_is_a_timeout_at_once(
    serving_mock: ServingMock, session: requests.Session, client: Any
) -> None:
    serving_mock.faults.add(delay=60)
    started = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        session.get(LIST, timeout=0.1)
    with pytest.raises((httpx.ReadTimeout, httpx2.ReadTimeout)):
        client.get(LIST, timeout=0.1)
    assert time.monotonic() - started < 2


def test_a_stream_that_stalls_is_a_timeout(serving_mock: ServingMock) -> None:
    serving_mock.create("chat")
    serving_mock.faults.add(operation="create_chat_completion", stall_after=2)
    client = serving_mock.openai_client(in_process=True, timeout=0.2, max_retries=0)
    stream = client.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
    received = []
    with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
        received.extend(iter(stream))
    assert len(received) == 2


def test_an_asynchronous_client_is_answered_as_well() -> None:
    import asyncio

    async def work() -> None:
        mock = ServingMock(name="asynchronous")
        mock.create("chat")
        client = mock.openai_client(in_process=True, asynchronous=True)
        answer = await client.chat.completions.create(model="chat", messages=MESSAGES)
        assert answer.choices[0].message.content
        stream = await client.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
        assert [chunk async for chunk in stream]
        mock.faults.add(drop=True)
        async with httpx.AsyncClient(transport=async_transport(mock.mock, httpx)) as plain:
            with pytest.raises(httpx.RemoteProtocolError):
                await plain.get(LIST, headers={"Authorization": f"Bearer {mock.token}"})
        await client.close()
        mock.close()

    asyncio.run(work())


def test_several_sessions_share_one_application() -> None:
    mocks = [ServingMock(name="shared", options=Options()) for _ in range(2)]
    assert mocks[0].mock is mocks[1].mock is shared_server().mock
    mocks[0].create("chat")
    statuses = [mock.session().get(f"{LIST}/chat").status_code for mock in mocks]
    assert statuses == [200, 404]
    for mock in mocks:
        mock.close()
