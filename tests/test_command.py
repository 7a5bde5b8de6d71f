"""The command: what it prints, how it refuses, how it stops."""

from __future__ import annotations

import re
import signal
import socket
import sys
import threading
import time

import pytest
import requests
from processes import refused, serving

from mockserver import MockServer
from mockserver.settings import SettingError, Settings, from_environment


def test_the_first_lines_say_where_it_is_and_what_to_paste() -> None:
    with serving("--token", "my-token") as (_, url, lines):
        assert lines[1].endswith(f"{url}/openapi.json")
        assert lines[2] == f"export DATABRICKS_HOST={url} DATABRICKS_TOKEN=my-token"
        for token in ("my-token", "dapi-mock", "dapi-mock-other"):
            reply = requests.get(
                f"{url}/api/2.0/serving-endpoints", headers={"Authorization": f"Bearer {token}"}, timeout=10
            )
            assert reply.status_code == 200
        assert requests.get(f"{url}/openapi.json", timeout=10).json()["openapi"].startswith("3.1")


def test_the_line_to_paste_survives_a_shell() -> None:
    with serving("--token", "a$b;c") as (_, url, lines):
        assert lines[2] == f"export DATABRICKS_HOST={url} DATABRICKS_TOKEN='a$b;c'"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_within_a_second(number: signal.Signals) -> None:
    with serving() as (process, url, _):
        requests.get(f"{url}/openapi.json", timeout=10)
        started = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - started < 1.5


def test_a_request_under_way_is_answered_when_it_stops() -> None:
    with serving() as (process, url, _):
        requests.get(f"{url}/openapi.json", timeout=10)
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            answers: list[bytes] = []
            reader = threading.Thread(target=lambda: answers.append(connection.makefile("rb").read()))
            reader.start()
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            reader.join(10)
        head, _, body = answers[0].partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        assert len(body) == int(length.group(1))


def test_a_taken_port_gets_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = refused("--port", str(port))
    assert f"port {port} on 127.0.0.1 is in use: choose another with --port" in message


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--host", "nowhere.invalid"), "'nowhere.invalid' is not an address of this machine"),
        (("--host", "192.0.2.1", "--port", "0"), "'192.0.2.1' is not an address of this machine"),
        (("--port", "99999"), "port 99999 is out of range"),
        (("--port", "http"), "'http' is not a valid integer"),
        (("--provisioning", "-1"), "provisioning -1 is out of range"),
        (("--provisioning", "soon"), "'soon' is not a valid float"),
        (("--log-level", "loud"), "'loud' is not one of"),
        (("--no-such-option",), "No such option"),
        (("--user-name", ""), "user-name '' is empty"),
        (("--token", "é"), "token 'é' is no token"),
        (("--control-token", ""), "control-token '' is empty"),
    ],
)
def test_a_bad_option_gets_one_clear_sentence(options: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused(*options)


def test_a_bad_environment_variable_is_named() -> None:
    assert "SERVING_MOCK_PORT='many' is not a whole number" in refused(SERVING_MOCK_PORT="many")


def test_every_setting_can_be_given_by_the_environment() -> None:
    with serving(SERVING_MOCK_PROVISIONING="0", SERVING_MOCK_TOKEN="first,second") as (_, url, lines):
        assert "DATABRICKS_TOKEN=first" in lines[2]
        reply = requests.post(
            f"{url}/api/2.0/serving-endpoints",
            json={
                "name": "e",
                "config": {
                    "served_entities": [{"entity_name": "m", "entity_version": "1", "scale_to_zero_enabled": True}]
                },
            },
            headers={"Authorization": "Bearer second"},
            timeout=10,
        )
        assert reply.json()["state"]["ready"] == "READY"


def test_listening_beyond_loopback_prints_a_warning() -> None:
    with serving("--host", "0.0.0.0") as (process, _, _):
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "Warning: listening on 0.0.0.0" in process.stderr.read()


def test_being_told_again_and_again_to_stop_is_once() -> None:
    with serving("--time-to-first-token", "5") as (process, url, _):
        host, port = url.removeprefix("http://").split(":")
        body = b'{"messages": [{"role": "user", "content": "Hello"}]}'
        with socket.create_connection((host, int(port)), timeout=10) as waiting:  # which is given a while to end
            waiting.sendall(
                b"POST /serving-endpoints/databricks-gpt-oss-20b/invocations HTTP/1.1\r\nHost: x\r\n"
                b"Authorization: Bearer dapi-mock\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            time.sleep(0.3)
            for _ in range(200):  # one of them comes at any moment of the stop
                process.send_signal(signal.SIGTERM)
                time.sleep(0.001)
            assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


ENDLESS = """
from mockserver.__main__ import main
from mockserver.bridge import Bridge

def at_once(*arguments):
    while True:
        pass

Bridge.at_once = at_once
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_the_midst_of_an_answer_without_end(number: signal.Signals) -> None:
    with serving(command=[sys.executable, "-c", ENDLESS, "serve"]) as (process, url, _):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /api/2.0/serving-endpoints/x HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            started = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == 0
        assert time.monotonic() - started < 5
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_server_that_has_given_up_on_an_answer_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, done = threading.Event(), threading.Event()

    def at_once(*arguments: object) -> None:
        asked.set()
        done.wait(20)

    monkeypatch.setattr("mockserver.bridge.Bridge.at_once", at_once)
    server = MockServer(Settings(port=0)).start()
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /api/2.0/serving-endpoints/x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(10)
        assert server.stop() is False
        waiting.join(5)
        assert not waiting.is_alive()
        done.set()
    assert server.stop() is True


def test_given_values_override_the_environment() -> None:
    assert from_environment({"SERVING_MOCK_SEED": "5", "SERVING_MOCK_PORT": "1"}, port=2) == Settings(seed=5, port=2)
    with pytest.raises(SettingError, match="log-level 'x' is unknown: one of debug"):
        from_environment({"SERVING_MOCK_LOG_LEVEL": "x"})
