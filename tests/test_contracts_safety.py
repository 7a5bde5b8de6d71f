"""What the harness may do to a target, enforced where every request passes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import contracts_defects as planted
import pytest
import requests

from contracts.budget import Allowance, Budget, Spent
from contracts.cleanup import sweep
from contracts.exchange import Asked, Exchange
from contracts.ledger import Ledger, remnants
from contracts.metering import expected_tokens, used_tokens
from contracts.run import Options, Run
from contracts.safety import Guard, GuardAdapter, HeldBack, Profile, Rights
from contracts.target import find_target
from contracts.wire import Wire
from mockserver.settings import Settings

PREFIX = "contract-0123abcd-"
OWN = f"{PREFIX}mine"
BASE = "/api/2.0/serving-endpoints"
QUICK = Settings(provisioning=0.2, log_level="error")


@pytest.fixture(autouse=True)
def _state_of_this_test_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Recording(BaseHTTPRequestHandler):
    """Answers everything with an empty object and remembers what arrived."""

    arrived: ClassVar[list[tuple[str, str, bytes]]]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.arrived.append((self.command, self.path, body))
        content = b'{"userName": "me@example.com", "endpoints": [{"name": "production", "id": "1"}]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = _answer

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def recording() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    class Handler(Recording):
        arrived: ClassVar[list[tuple[str, str, bytes]]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.arrived
    server.shutdown()
    server.server_close()
    thread.join()


def run_on(url: str, profile: Profile, **options: Any) -> Run:
    return Run(find_target(url, "token-of-the-test"), Options(profile=profile, deadline=1, **options))


def test_under_read_nothing_but_get_ever_arrives_not_even_from_schemathesis_probes(
    recording: tuple[str, list[tuple[str, str, bytes]]],
) -> None:
    url, arrived = recording
    result = run_on(url, Profile.READ, allowance=Allowance(seconds=15)).go()
    assert {method for method, _, _ in arrived} == {"GET"}
    assert len(arrived) > 50
    assert sum(result.held_back.values()) > 0


def test_under_write_nothing_outside_the_prefix_is_touched(
    recording: tuple[str, list[tuple[str, str, bytes]]],
) -> None:
    url, arrived = recording
    run = run_on(url, Profile.WRITE, allowance=Allowance(seconds=25))
    run.go()
    prefix = run.guard.rights.prefix
    written = [
        (method, path, body)
        for method, path, body in arrived
        if method in ("POST", "PUT", "PATCH", "DELETE") and path.startswith("/api/2.0/serving-endpoints")
    ]
    assert len(written) > 100
    for method, path, body in written:
        name = path.removeprefix(f"{BASE}/pt").removeprefix(BASE).strip("/").partition("/")[0]
        if name:
            assert name.startswith(prefix), (method, path)
        else:
            named = json.loads(body).get("name") if body.startswith(b"{") and _is_json(body) else None
            assert named is None or named.startswith(prefix), (method, path, body)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def asked(method: str, path: str, body: Any = None, **headers: str) -> Asked:
    return Asked(method, path, headers, None if body is None else json.dumps(body).encode())


WRITE = Rights(Profile.WRITE, PREFIX)


@pytest.mark.parametrize(
    "request_",
    [
        asked("DELETE", f"{BASE}/production"),
        asked("DELETE", BASE),
        asked("PUT", f"{BASE}/production/config", {"name": OWN}),
        asked("DELETE", f"{BASE}/{OWN}%2F..%2Fproduction"),
        asked("DELETE", f"{BASE}/{OWN}/../production"),
        asked("PUT", f"{BASE}/pt/production/config"),
        asked("POST", BASE, {"name": "production"}),
        asked("POST", BASE, {"name": 17}),
        asked("POST", f"{BASE}/pt", {"name": "production"}),
        asked("PUT", "/api/2.0/permissions/serving-endpoints/" + "0" * 32),
        asked("POST", "/api/2.0/jobs/create"),
        asked("POST", "/serving-endpoints/production/invocations"),
        asked("POST", "/serving-endpoints/chat/completions", {"model": "production"}),
        asked("POST", "/ai-gateway/gemini/v1beta/models/production:generateContent", {"model": OWN}),
        asked("POST", "/api/2.0/external-function", {}),
        Asked("GET", BASE, {"X-HTTP-Method-Override": "DELETE"}),
        Asked("POST", BASE, {}, b'{"name": "production", '),
    ],
    ids=lambda each: f"{each.method} {each.path}",
)
def test_a_write_that_is_not_about_this_runs_own_is_held_back(request_: Asked) -> None:
    assert WRITE.refusal(request_)


@pytest.mark.parametrize(
    "request_",
    [
        asked("DELETE", f"{BASE}/{OWN}"),
        asked("PUT", f"{BASE}/{OWN}/config", {}),
        asked("PUT", f"{BASE}/pt/{OWN}/config", {}),
        asked("POST", BASE, {"name": OWN}),
        asked("POST", f"/serving-endpoints/{OWN}/invocations", {}),
        asked("POST", "/serving-endpoints/chat/completions", {"model": OWN}),
        asked("GET", f"{BASE}/production"),
    ],
    ids=lambda each: f"{each.method} {each.path}",
)
def test_what_is_this_runs_own_may_be_written(request_: Asked) -> None:
    assert WRITE.refusal(request_) is None


def test_under_query_only_the_named_endpoints_may_be_asked() -> None:
    rights = Rights(Profile.QUERY, PREFIX, frozenset({"chatty"}))
    assert rights.refusal(asked("POST", "/serving-endpoints/chatty/invocations", {})) is None
    assert rights.refusal(asked("POST", "/serving-endpoints/chat/completions", {"model": "chatty"})) is None
    gemini = "/ai-gateway/gemini/v1beta/models"
    assert rights.refusal(asked("POST", f"{gemini}/chatty:streamGenerateContent?alt=sse", {})) is None
    assert rights.refusal(asked("POST", f"{gemini}/other:generateContent", {"model": "chatty"}))
    assert rights.refusal(asked("POST", "/serving-endpoints/other/invocations", {}))
    assert rights.refusal(asked("POST", "/serving-endpoints/embeddings", {}))
    assert rights.refusal(asked("DELETE", f"{BASE}/chatty"))
    assert rights.refusal(asked("POST", BASE, {"name": OWN}))


def test_while_the_guard_is_over_requests_no_session_of_any_library_gets_past_it(
    recording: tuple[str, list[tuple[str, str, bytes]]],
) -> None:
    url, arrived = recording
    target = find_target(url, "token-of-the-test")
    guard = Guard(target, Rights(Profile.READ, PREFIX), Budget(Allowance()), Ledger(PREFIX, url), Wire(target, 5))
    with guard.over_requests("test"):
        refused = requests.delete(f"{url}{BASE}/production", timeout=5)
        elsewhere = requests.get("http://127.0.0.1:9/elsewhere", timeout=5)
        allowed = requests.Session().get(f"{url}{BASE}", timeout=5)
    assert GuardAdapter.MARK in refused.headers
    assert GuardAdapter.MARK in elsewhere.headers
    assert allowed.status_code == 200
    assert [method for method, _, _ in arrived] == ["GET"]


def test_a_name_is_in_the_ledger_before_its_create_is_sent(
    recording: tuple[str, list[tuple[str, str, bytes]]], tmp_path: Path
) -> None:
    url, _ = recording
    target = find_target(url, "token-of-the-test")
    ledger = Ledger(PREFIX, url, tmp_path)
    ledger.open()
    guard = Guard(target, WRITE, Budget(Allowance(requests=1)), ledger, Wire(target, 5))
    guard.exchange(asked("POST", BASE, {"name": OWN}))
    assert OWN in ledger.path.read_text("utf-8")
    with pytest.raises(Spent):
        guard.exchange(asked("POST", BASE, {"name": f"{OWN}-2"}))
    with pytest.raises(HeldBack):
        guard.exchange(asked("POST", BASE, {"name": "production"}))
    assert f"{OWN}-2" not in ledger.path.read_text("utf-8")


def names_on(url: str) -> set[str]:
    reply = requests.get(f"{url}{BASE}", headers={"Authorization": "Bearer dapi-mock"}, timeout=10).json()
    return {item["name"] for item in reply["endpoints"] if "id" in item}


def start_check(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "contracts", "check", url, "--no-fuzz", "--quiet"],
        env={**os.environ, "DATABRICKS_TOKEN": "dapi-mock"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_endpoints(url: str) -> None:
    until = time.monotonic() + 20
    while len(names_on(url)) < 4:
        assert time.monotonic() < until, "the run created nothing"
        time.sleep(0.05)


def test_after_kill_9_in_the_middle_a_sweep_leaves_nothing_and_touches_nothing_else() -> None:
    with planted.Server(None, QUICK) as server:
        headers = {"Authorization": "Bearer dapi-mock"}
        for name in ("production", "contract-of-somebody"):
            requests.post(f"{server.url}{BASE}", json={"name": name}, headers=headers, timeout=10).raise_for_status()
        before = requests.get(f"{server.url}{BASE}/production", headers=headers, timeout=10).content
        process = start_check(server.url)
        wait_for_endpoints(server.url)
        process.kill()
        process.wait()
        assert any(name.startswith("contract-") and name != "contract-of-somebody" for name in names_on(server.url))
        assert [each.alive for each in remnants()] == [False]
        swept = sweep(find_target(server.url, "dapi-mock"))
        assert swept.removed
        assert not swept.survivors
        assert names_on(server.url) == {"production", "contract-of-somebody"}
        assert requests.get(f"{server.url}{BASE}/production", headers=headers, timeout=10).content == before
        assert not list(remnants())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_cleans_up_first(number: signal.Signals) -> None:
    with planted.Server(None, QUICK) as server:
        process = start_check(server.url)
        wait_for_endpoints(server.url)
        process.send_signal(number)
        assert process.wait(30) == 130
        assert not names_on(server.url)


def test_a_sweep_leaves_a_living_run_alone() -> None:
    with planted.Server(None, QUICK) as server:
        ledger = Ledger(PREFIX, server.url)
        ledger.open()
        headers = {"Authorization": "Bearer dapi-mock"}
        requests.post(f"{server.url}{BASE}", json={"name": OWN}, headers=headers, timeout=10).raise_for_status()
        swept = sweep(find_target(server.url, "dapi-mock"))
        assert swept.spared == [OWN]
        assert names_on(server.url) == {OWN}


def test_a_full_run_leaves_an_unrelated_endpoint_as_it_was_to_the_byte() -> None:
    with planted.Server(None, QUICK) as server:
        headers = {"Authorization": "Bearer dapi-mock"}
        body = {"name": "production", "tags": [{"key": "a", "value": "b"}]}
        requests.post(f"{server.url}{BASE}", json=body, headers=headers, timeout=10).raise_for_status()
        before = requests.get(f"{server.url}{BASE}/production", headers=headers, timeout=10).content
        run = Run(find_target(server.url, "dapi-mock"), Options(seed=1, allowance=Allowance(seconds=120)))
        result = run.go()
        assert result.fuzzed["cases"] > 500, result.fuzzed
        assert result.exit_code == 0, [(each.law.id, each.operation, each.where, each.got) for each in result.findings]
        assert requests.get(f"{server.url}{BASE}/production", headers=headers, timeout=10).content == before
        assert names_on(server.url) == {"production"}
        assert not list(remnants())


def test_no_query_is_sent_once_what_is_spent_and_what_is_reserved_reach_the_budget() -> None:
    budget = Budget(Allowance(tokens=200))
    under_way: list[int] = []
    lock = threading.Lock()

    def ask() -> None:
        try:
            while True:
                budget.take_request(False, 60)
                with lock:
                    under_way.append(60)
                    assert budget.tokens + sum(under_way) - 60 < 200
                time.sleep(0.005)
                with lock:
                    budget.settle_tokens(60, 25)
                    under_way.pop()
        except Spent:
            pass

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not under_way
    assert not budget.reserved
    assert budget.tokens == 200
    assert "tokens" in budget.exhausted


def answered(body: bytes, media_type: str = "application/json", sent: bytes = b"{}") -> Exchange:
    asked = Asked("POST", "/serving-endpoints/chat/completions", {"Content-Type": "application/json"}, sent)
    return Exchange(1, asked, 0, 0, 0, 200, (("Content-Type", media_type),), body)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}', 12),
        (b'{"usage": {"input_tokens": 5, "output_tokens": 7}}', 12),
        (b'{"usage": {"prompt_tokens": 5, "total_tokens": null}}', 5),
        (b'{"predictions": [1]}', 0),
    ],
)
def test_the_tokens_of_an_answer_are_counted(body: bytes, tokens: int) -> None:
    assert used_tokens(answered(body)) == tokens


@pytest.mark.parametrize(
    ("events", "tokens"),
    [
        (['{"usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}',
          '{"usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}}', "[DONE]"], 8),
        (['{"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}',
          '{"type": "message_delta", "usage": {"output_tokens": 4}}'], 13),
        (['{"type": "response.created", "response": {"usage": null}}',
          '{"type": "response.completed", "response": {"usage": {"input_tokens": 2, "output_tokens": 3}}}'], 5),
        (['{"choices": []}', '{"choices": []}', "[DONE]"], 3),
    ],
)  # fmt: skip
def test_the_tokens_of_a_stream_are_counted(events: list[str], tokens: int) -> None:
    body = "".join(f"data: {event}\n\n" for event in events).encode()
    assert used_tokens(answered(body, "text/event-stream")) == tokens


@pytest.mark.parametrize(
    ("path", "sent", "least", "most"),
    [
        ("/serving-endpoints/chat/completions", {"messages": [], "max_tokens": 30}, 30, 45),
        ("/serving-endpoints/chat/completions", {"messages": [], "max_completion_tokens": 30, "n": 3}, 90, 115),
        ("/serving-endpoints/x/invocations", {"messages": [], "max_tokens": "many", "n": None}, 256, 280),
        ("/serving-endpoints/embeddings", {"input": "a" * 400}, 100, 110),
        ("/serving-endpoints/x/invocations", {"inputs": [1]}, 0, 0),
    ],
)
def test_what_a_query_may_cost_is_reserved(path: str, sent: Any, least: int, most: int) -> None:
    assert least <= expected_tokens(Asked("POST", path, {}, json.dumps(sent).encode())) <= most


def test_a_run_does_not_spend_more_tokens_than_one_answer_beyond_its_budget() -> None:
    with planted.Server(None, QUICK) as server:
        run = Run(
            find_target(server.url, "dapi-mock"), Options(fuzz=False, allowance=Allowance(seconds=60, tokens=200))
        )
        result = run.go()
    assert result.exit_code == 3
    assert 200 <= result.budget["tokens"]["spent"] < 500
    assert not run.budget.reserved
    assert not result.survivors.names
