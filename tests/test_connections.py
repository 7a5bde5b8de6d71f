"""What clients do to a connection: by bytes, since no well-behaved client does it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator

import pytest
from conftest import caller
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import MockServer, Settings
from mockserver import connection as bounds

LIST = b"GET /api/2.0/serving-endpoints HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dapi-mock\r\n"
ENDPOINT = "/api/2.0/serving-endpoints/databricks-meta-llama-3-3-70b-instruct"
TOKENS = re.compile(r"^\w*output_tokens_total\{[^}]*\} ([1-9]\S*)", re.MULTILINE)
ASKED = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 40, "stream": True}).encode()
STREAM = (
    b"POST /serving-endpoints/databricks-meta-llama-3-3-70b-instruct/invocations HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer dapi-mock\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(ASKED)
)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(Settings(port=0, provisioning=0)) as running:
        yield running


def opened(server: MockServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def whole(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer with a length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (LIST + b"X-Long: " + b"a" * 300_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (LIST + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(3000)) + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused_in_the_apis_shape(server: MockServer, request_bytes: bytes, status: int) -> None:
    with opened(server) as connection:
        connection.sendall(request_bytes)
        found, headers, body = answer(connection)
        assert found == status
        assert headers["server"] == "databricks"
        assert json.loads(body)["error_code"] == "BAD_REQUEST"
        assert json.loads(body)["message"]


def test_requests_that_come_at_once_are_answered_in_turn(server: MockServer) -> None:
    with opened(server) as connection:
        first = LIST + b"\r\n"
        second = LIST.replace(b"serving-endpoints", b"serving-endpoints/nobody") + b"\r\n"
        connection.sendall(first + second)
        received = b""
        while received.count(b"HTTP/1.1 ") < 2 or not received.endswith(b"}"):
            received += connection.recv(65536)
        assert received.index(b"HTTP/1.1 200") < received.index(b"HTTP/1.1 404")


def test_a_client_that_waits_for_leave_to_send_gets_it(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(STREAM + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(ASKED)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_body_in_chunks_is_read(server: MockServer) -> None:
    head = STREAM.replace(
        b"Content-Length: %d\r\n" % len(ASKED), b"Transfer-Encoding: chunked\r\nConnection: close\r\n"
    )
    with opened(server) as connection:
        connection.sendall(head + b"\r\n")
        for place in range(0, len(ASKED), 10):
            piece = ASKED[place : place + 10]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
        assert whole(connection).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_while_it_is_sent(server: MockServer, declared: bool) -> None:
    size = 17 * 2**20
    framing = b"Content-Length: %d\r\n" % size if declared else b"Transfer-Encoding: chunked\r\n"
    with opened(server) as connection:
        connection.sendall(STREAM.replace(b"Content-Length: %d\r\n" % len(ASKED), framing) + b"\r\n")
        piece = b"a" * 2**20
        for _ in range(17):
            connection.sendall(piece if declared else b"%x\r\n%b\r\n" % (len(piece), piece))
        if not declared:
            connection.sendall(b"0\r\n\r\n")
        status, _, body = answer(connection)
        assert status == 413
        assert json.loads(body)["error_code"] == "BAD_REQUEST"
        connection.sendall(LIST + b"\r\n")  # the connection is still of use
        assert answer(connection)[0] == 200


def test_http_1_0_gets_a_stream_in_one_piece(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(STREAM.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + ASKED)
        head, _, body = whole(connection).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert b"content-length: %d" % len(body) in head.lower()
        assert body.endswith(b"data: [DONE]\n\n")


def test_a_header_that_could_pass_for_another_is_dropped(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(LIST.replace(b"Authorization: Bearer dapi-mock", b"X_Mock_Fault: status=503") + b"\r\n")
        assert answer(connection)[0] == 401


def test_a_request_for_another_protocol_is_answered_as_http(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(LIST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert answer(connection)[0] == 200


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.mark.parametrize("dash", [b"-", b"%2D"])
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("pause", [0, 0.05])
def test_a_body_that_comes_with_an_offer_of_another_protocol_is_read(
    server: MockServer, dash: bytes, chunked: bool, pause: float
) -> None:
    body = b'{"name": "not a name"}'
    head = LIST.replace(b"GET", b"POST").replace(b"serving-endpoints", b"serving%bendpoints" % dash)
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: %d\r\n" % len(body)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    answers = []
    for offer in (b"", UPGRADE):
        with opened(server) as connection:
            for _ in range(2):
                connection.sendall(head + framing + offer + b"\r\n")
                time.sleep(pause)
                connection.sendall(sent)
                status, _, said = answer(connection)
                answers.append((status, json.loads(said)["message"]))
            connection.sendall(LIST.replace(b"endpoints", b"endpoints/nobody") + b"\r\n")
            assert answer(connection)[0] == 404
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 400
    assert "Endpoint name must be" in answers[0][1]


def test_a_connection_is_no_tunnel(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(connection)[0] == 400


def test_a_client_that_leaves_with_several_requests_open_leaves_nothing_behind() -> None:
    with MockServer(Settings(port=0, provisioning=0, time_per_token=0.02)) as server:
        assert server._server is not None
        tasks = server._server.server_state.tasks
        for _ in range(3):
            with opened(server) as connection:
                connection.sendall((STREAM + b"\r\n" + ASKED) * 3)
                assert connection.recv(100)
        deadline = time.monotonic() + 5
        while tasks and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not tasks


def test_a_client_that_stops_halfway_is_let_go_and_holds_up_nobody(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "PATIENCE", 0.3)
    stuck = [opened(server) for _ in range(100)]
    try:
        for number, connection in enumerate(stuck):
            connection.sendall(LIST if number % 2 else STREAM + b"\r\n" + ASKED[:5])
        with opened(server) as connection:
            connection.sendall(LIST + b"\r\n")
            assert answer(connection)[0] == 200
        for connection in stuck:
            try:
                assert connection.recv(100) == b""
            except ConnectionResetError:
                continue
    finally:
        for connection in stuck:
            connection.close()


def test_a_client_that_leaves_a_stream_ends_it() -> None:
    with MockServer(Settings(port=0, provisioning=0, time_per_token=0.02)) as server:
        rest = caller(server.url, server.token)
        with opened(server) as connection:
            connection.sendall(STREAM + b"\r\n" + ASKED)
            received = b""
            while b"data:" not in received:
                received += connection.recv(65536)
        deadline = time.monotonic() + 10
        while not (spent := re.findall(TOKENS, rest("GET", f"{ENDPOINT}/metrics").text)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert 0 < float(spent[0]) < 30


def test_a_client_that_asks_for_it_has_its_connection_closed_after_the_answer(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(
            LIST.replace(b"serving-endpoints", b"serving-endpoints/nobody") + b"Connection: close\r\n\r\n"
        )
        head, _, body = whole(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404")
        assert b"\r\nconnection: close" in head
        assert json.loads(body)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_answers_known_at_once_keep_their_place_among_others(server: MockServer) -> None:
    """A list is made in a thread, the other two answers where the requests are read."""
    missing = LIST.replace(b"serving-endpoints", b"serving-endpoints/nobody") + b"\r\n"
    with opened(server) as connection:
        connection.sendall(missing + LIST + b"\r\n" + missing + missing.replace(b"nobody", b"no%62ody"))
        received = b""
        while received.count(b"RESOURCE_DOES_NOT_EXIST") < 3:
            received += connection.recv(65536)
        assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"404", b"200", b"404", b"404"]


def test_a_short_stream_arrives_whole_and_in_order(server: MockServer) -> None:
    with opened(server) as connection:
        connection.sendall(STREAM + b"\r\n" + ASKED + STREAM + b"Connection: close\r\n\r\n" + ASKED)
        received = whole(connection)
        assert received.count(b"data: [DONE]\n\n\r\n0\r\n\r\n") == 2
        assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


CHUNKED = STREAM.replace(b"Content-Length: %d\r\n" % len(ASKED), b"Transfer-Encoding: chunked\r\n")
MIXED = [
    LIST.replace(b"serving-endpoints", b"serving-endpoints/nobody") + b"\r\n",
    STREAM + b"\r\n" + ASKED,
    LIST + b"\r\n",
    LIST.replace(b"serving-endpoints", b"serving-endpoints/no%62ody") + b"Content-Length: 2\r\n\r\n{}",
    CHUNKED + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ASKED), ASKED),
    LIST.replace(b"GET", b"HEAD") + b"\r\n",
    LIST.replace(b"/api/2.0/serving-endpoints", ENDPOINT.encode()) + b"\r\n",
    STREAM + UPGRADE + b"\r\n" + ASKED,
    CHUNKED + UPGRADE + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ASKED), ASKED),
]
"""Requests that are answered where they are read, in a thread, and through ASGI for other reasons."""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(MIXED) - 1), min_size=1, max_size=6), st.lists(st.integers(1, 400), max_size=12))
def test_however_requests_are_cut_they_are_answered_in_turn(chosen: list[int], cuts: list[int]) -> None:
    statuses = {0: b"404", 3: b"404"}
    sent = b"".join(MIXED[number] for number in chosen)
    sent += LIST.replace(b"/api/2.0/serving-endpoints", b"/last") + b"Connection: close\r\n\r\n"
    with MockServer(Settings(port=0, provisioning=0, log_level="error")) as server, opened(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in cuts:
            connection.sendall(sent[:size])
            sent = sent[size:]
            time.sleep(0.001)
        connection.sendall(sent)
        found = re.findall(rb"HTTP/1.1 (\d+) [A-Z]", whole(connection))
    assert found == [*(statuses.get(number, b"200") for number in chosen), b"404"]


def test_a_fault_that_comes_between_head_and_body_strikes_and_holds_up_nobody_else() -> None:
    with MockServer(Settings(port=0, provisioning=0)) as server, opened(server) as connection, opened(server) as other:
        connection.sendall(STREAM + b"\r\n")
        other.sendall(LIST + b"\r\n")
        answer(other)
        fault = {"operation": "query_endpoint", "delay": 1, "status": 503}
        assert caller(server.url, server.token)("POST", "/__mock__/faults", json=fault).status_code == 201
        started = time.monotonic()
        connection.sendall(ASKED)
        other.sendall(LIST + b"\r\n")
        assert answer(other)[0] == 200
        assert time.monotonic() - started < 0.8
        assert answer(connection)[0] == 503
        assert time.monotonic() - started >= 1


@pytest.mark.parametrize("path", [b"serving-endpoints/nobody", b"serving-endpoints"])
def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch, path: bytes) -> None:
    monkeypatch.setattr("mockserver.server.KEEP_ALIVE", 1)
    with MockServer(Settings(port=0)) as server, opened(server) as connection:
        connection.sendall(LIST.replace(b"serving-endpoints", path) + b"\r\n")
        answer(connection)
        asked = time.monotonic()
        assert whole(connection) == b""
        assert 0.9 < time.monotonic() - asked < 5


def test_a_bug_ends_the_connection_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    with MockServer(Settings(port=0)) as server, opened(server) as connection:
        monkeypatch.setattr(server.mock, "respond", fail)
        connection.sendall(LIST.replace(b"serving-endpoints", b"serving-endpoints/nobody") + b"\r\n")
        assert whole(connection) == b""
    assert "this is a bug of the mock" in caplog.text
    assert "on purpose" in caplog.text


class _Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))


def test_answers_of_one_turn_of_the_loop_leave_together() -> None:
    async def turn() -> None:
        wires = [_Wire() for _ in range(3)]
        shared = bounds.Shared(asyncio.get_running_loop())
        shared.connections.update(range(3))  # type: ignore[arg-type]  # they are only counted
        corks = [bounds._Cork(wire) for wire in wires]
        for cork in corks[:2]:
            shared.send(b"answer", cork)
        shared.send(b"another", corks[0])
        assert [wire.sent for wire in wires] == [[], [], []]
        await asyncio.sleep(0)
        assert [wire.sent for wire in wires] == [[b"answeranother"], [b"answer"], []]
        for _ in range(shared.TOGETHER):
            shared.send(b"x", corks[2])
        assert wires[2].sent == [b"x" * shared.TOGETHER]
        await asyncio.sleep(0)
        shared.connections.clear()
        shared.connections.add(0)  # type: ignore[arg-type]  # likewise
        shared.send(b"alone", corks[1])
        assert wires[1].sent == [b"answer", b"alone"]

    asyncio.run(turn())


def test_a_hundred_clients_at_once_get_their_own_answers(server: MockServer) -> None:
    connections = [opened(server) for _ in range(100)]
    try:
        for number, connection in enumerate(connections):
            name = f"nobodys-{number}"
            connection.sendall(LIST.replace(b"serving-endpoints ", b"serving-endpoints/%b " % name.encode()) + b"\r\n")
        for number, connection in enumerate(connections):
            status, _, body = answer(connection)
            assert status == 404
            assert f"'nobodys-{number}'" in json.loads(body)["message"]
    finally:
        for connection in connections:
            connection.close()


def test_a_client_that_asks_on_and_on_and_reads_nothing_is_read_no_further(server: MockServer) -> None:
    one = LIST.replace(b"serving-endpoints ", b"serving-endpoints/databricks-gpt-oss-20b ") + b"\r\n"
    with opened(server) as greedy:
        sent = _sent_until_nobody_reads(greedy, one)
        assert sent < 200_000
        with opened(server) as other:
            other.sendall(one)
            assert answer(other)[0] == 200
        greedy.settimeout(20)
        answered, rest = 0, b""
        while answered < sent:  # what was sent is answered once it is read
            rest += greedy.recv(2**20)
            answered += rest.count(b"HTTP/1.1 200 OK")
            rest = rest[-15:].rpartition(b"HTTP/1.1 200 OK")[2]


def _sent_until_nobody_reads(connection: socket.socket, request: bytes) -> int:
    """How often a request can be sent at once until the server reads no more; 300,000 when it never stops."""
    connection.settimeout(1)
    for number in range(0, 300_000, 100):
        try:
            connection.sendall(request * 100)
        except TimeoutError:
            return number
    return 300_000
