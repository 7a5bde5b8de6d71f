"""Control of a running mock over HTTP, under /__mock__/."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Callable

import pytest
import requests
from openapi_spec_validator import validate

from mockserver import Mock, MockServer, Settings, control, journal
from mockserver.auth import DEFAULT_WORKSPACE
from mockserver.control_operations import control_spec
from mockserver.journal import Filter
from mockserver.messages import Request

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"
CHAT = {"external_model": {"name": "gpt-4o", "provider": "openai", "task": "llm/v1/chat",
        "openai_config": {"openai_api_key_plaintext": "sk-secret"}}}  # fmt: skip


def created(rest: Rest, name: str = "chat") -> requests.Response:
    return rest("POST", ENDPOINTS, json={"name": name, "config": {"served_entities": [CHAT]}})


def test_the_document_is_valid_openapi_and_is_served(rest: Rest) -> None:
    validate(control_spec().document)
    assert rest("GET", "/__mock__/openapi.json").json() == control_spec().document


def test_every_example_of_the_document_is_accepted_by_its_own_schema() -> None:
    for operation in control_spec().operations.values():
        content = operation.definition.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            assert operation.request_violations(example["value"]) == []
        for status, response in operation.responses.items():
            for media_type, shown in response["content"].items():
                value = shown["examples"]["shown"]["value"]
                assert operation.reply_violations(int(status.replace("default", "400")), value, media_type) == []


def test_every_answer_keeps_the_document(instant_server: MockServer, token: str, rest: Rest) -> None:
    created(rest)
    rest("POST", "/__mock__/faults", json={"endpoint": "chat", "outcome": "FAILED"})
    rest("POST", "/__mock__/faults", json={"operation": "x", "status": 500})
    rest("POST", "/__mock__/replies", json={"answers": [{"text": "hi"}]})
    rest("POST", "/__mock__/stale-reads", json={"reads": 0})
    for operation in control_spec().operations.values():
        if operation.method == "GET":
            answer = rest("GET", operation.path, params={"timeout": 0} if operation.path.endswith("wait") else {})
            assert operation.reply_violations(answer.status_code, answer.json()) == [], operation.id


def test_health_counts_the_requests_of_the_workspace(rest: Rest, token: str) -> None:
    rest("GET", ENDPOINTS)
    health = rest("GET", "/__mock__/health").json()
    assert (health["status"], health["workspace"], health["requests"]) == ("ok", token, 1)


def test_reset_forgets_this_workspace_and_leaves_the_others(instant_server: MockServer, rest: Rest, token: str) -> None:
    created(rest)
    other = {"Authorization": f"Bearer {token}-other"}
    created(lambda *arguments, **options: rest(*arguments, headers=other, **options))
    rest("POST", "/__mock__/faults", json={"status": 500})
    assert rest("POST", "/__mock__/reset").status_code == 200
    assert rest("GET", f"{ENDPOINTS}/chat").status_code == 404
    assert rest("GET", f"{ENDPOINTS}/chat", headers=other).status_code == 200


def test_reset_of_everything_forgets_tokens_and_clock() -> None:
    with MockServer() as server:
        assert requests.post(f"{server.url}/__mock__/clock", json={"advance": 999}, timeout=10).ok
        token = requests.post(f"{server.url}/__mock__/tokens", json={"user_name": "a@b.c"}, timeout=10).json()["token"]
        assert requests.post(f"{server.url}/__mock__/reset", json={"everything": True}, timeout=10).ok
        answer = requests.get(server.url + ENDPOINTS, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == 403
        assert server.mock.clock.setting == (0, None, 0.0)


def test_the_clock_of_a_workspace_is_frozen_moved_and_let_run(rest: Rest, token: str) -> None:
    frozen = rest("POST", "/__mock__/clock", json={"freeze": "2026-01-01T00:00:00Z"}).json()
    assert frozen == {
        "now": "2026-01-01T00:00:00.000Z",
        "milliseconds": 1767225600000,
        "frozen": True,
        "auto_advance": 0.0,
    }
    assert rest("POST", "/__mock__/clock", json={"advance": 1.5}).json()["milliseconds"] == 1767225601500
    assert created(rest).json()["creation_timestamp"] == 1767225601000
    other = {"Authorization": f"Bearer {token}-other"}
    assert rest("GET", "/__mock__/clock", headers=other).json()["frozen"] is False
    assert rest("POST", "/__mock__/clock", json={"run": True}).json()["frozen"] is False


def test_settings_are_changed_for_this_workspace_alone(rest: Rest, token: str) -> None:
    assert rest("PUT", "/__mock__/settings", json={"provisioning": 60}).json()["provisioning"] == 60
    assert created(rest).json()["state"]["config_update"] == "IN_PROGRESS"
    other = {"Authorization": f"Bearer {token}-other"}
    assert created(lambda *a, **o: rest(*a, headers=other, **o)).json()["state"]["config_update"] == "NOT_UPDATING"


def test_an_identity_without_rights_sees_nothing_until_it_is_granted_something(rest: Rest, token: str) -> None:
    made = rest("POST", "/__mock__/tokens", json={"user_name": "ann@example.com", "groups": ["analysts"]})
    assert made.status_code == 201
    ann = {"Authorization": f"Bearer {made.json()['token']}"}
    endpoint = created(rest).json()
    assert rest("GET", f"{ENDPOINTS}/chat", headers=ann).status_code == 403
    grant = {"access_control_list": [{"group_name": "analysts", "permission_level": "CAN_VIEW"}]}
    rest("PATCH", f"/api/2.0/permissions/serving-endpoints/{endpoint['id']}", json=grant).raise_for_status()
    assert rest("GET", f"{ENDPOINTS}/chat", headers=ann).json()["permission_level"] == "CAN_VIEW"
    assert rest("GET", "/api/2.0/preview/scim/v2/Me", headers=ann).json()["userName"] == "ann@example.com"
    listed = rest("GET", "/__mock__/tokens").text
    assert made.json()["id"] in listed
    assert made.json()["token"] not in listed
    assert rest("DELETE", f"/__mock__/tokens/{made.json()['id']}").status_code == 200
    assert rest("GET", f"{ENDPOINTS}/chat", headers=ann).status_code == 403
    assert rest("GET", f"{ENDPOINTS}/chat", headers=ann).json()["error_code"] == 403


@pytest.mark.parametrize("body", [{}, {"user_name": "a", "service_principal": "b"}])
def test_an_identity_is_one_of_two_kinds(rest: Rest, body: dict[str, str]) -> None:
    answer = rest("POST", "/__mock__/tokens", json=body)
    assert answer.status_code == 400
    assert "either a user_name or a service_principal" in answer.json()["message"]


def test_the_journal_is_filtered_cleared_and_without_secrets(rest: Rest) -> None:
    created(rest)
    rest("GET", f"{ENDPOINTS}/nobody")
    rest("GET", "/api/2.0/serving-endpints")
    everything = rest("GET", "/__mock__/journal")
    assert "sk-secret" not in everything.text
    shown = [(entry["operation"], entry["endpoint"], entry["status"]) for entry in everything.json()["entries"]]
    assert shown == [
        ("create_serving_endpoint", "chat", 200),
        ("get_serving_endpoint", "nobody", 404),
        ("unknown", None, 404),
    ]
    assert rest("GET", "/__mock__/journal", params={"status": 404}).json()["count"] == 2
    assert rest("GET", "/__mock__/journal", params={"operation": "create_*"}).json()["count"] == 1
    limited = rest("GET", "/__mock__/journal", params={"limit": 1}).json()
    assert (limited["count"], len(limited["entries"])) == (3, 1)
    rest("DELETE", "/__mock__/journal")
    assert rest("GET", "/__mock__/journal").json()["entries"] == []


def test_long_bodies_are_kept_with_the_newest_requests_only() -> None:
    mock = Mock(Settings(provisioning=0))
    operation = mock.spec.operations["query_served_model"]
    parameters = {"name": "databricks-gpt-oss-20b", "served_model_name": "databricks-gpt-oss-20b"}
    headers = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}

    def ask(length: int, *, whole: bool = True) -> None:
        body = json.dumps({"messages": [{"role": "user", "content": "x" * length}]})
        request = Request("POST", "/x", headers, parameters, body=body.encode() if whole else body[:-1].encode())
        mock.respond(operation, request)

    ask(journal.LONG)
    ask(journal.LONG, whole=False)
    ask(10)
    wanted = Filter(body={"messages": [{"role": "user", "content": "x" * journal.LONG}]})
    long, refused, short = mock.journal.entries(DEFAULT_WORKSPACE)
    assert len(long.body["messages"][0]["content"]) == journal.LONG
    assert mock.journal.entries(DEFAULT_WORKSPACE, wanted) == [long]
    assert (refused.status, refused.body) == (400, None)
    for _ in range(journal.REPLIES):
        ask(20)
    long, _, again, *_ = mock.journal.entries(DEFAULT_WORKSPACE)
    assert long.body == f"[{len(json.dumps(wanted.body))} bytes]"
    assert again.body == short.body
    assert mock.journal.entries(DEFAULT_WORKSPACE, wanted) == []


def test_a_body_of_many_small_values_takes_little_more_memory_than_its_bytes() -> None:
    mock = Mock(Settings(provisioning=0))
    operation = mock.spec.operations["query_endpoint"]
    body = b'{"inputs": [0' + b", []" * 4000 + b"]}"
    headers = {"authorization": "Bearer dapi-mock"}
    mock.respond(operation, Request("POST", "/x", headers, {"name": "databricks-gpt-oss-20b"}, body=b"{}"))
    tracemalloc.start()
    try:
        for number in range(100):
            sent = body.replace(b"0", b"%d" % number)
            mock.respond(operation, Request("POST", "/x", headers, {"name": "databricks-gpt-oss-20b"}, body=sent))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 100 < 2 * len(body) + 10_000
    assert mock.journal.entries(DEFAULT_WORKSPACE)[-1].body == json.loads(sent)


def test_a_long_path_is_cut_in_the_journal_and_asked_again_as_it_was(
    rest: Rest, instant_server: MockServer, token: str
) -> None:
    name = "a" * 60_000
    assert rest("GET", f"{ENDPOINTS}/{name}").status_code == 404
    (entry,) = instant_server.mock.journal.entries(token)
    assert entry.path == f"{ENDPOINTS}/{name}"[: journal.LONGEST_NAME] + f"... [{len(ENDPOINTS) + 60_001} characters]"
    assert entry.endpoint == f"{name[: journal.LONGEST_NAME]}... [60000 characters]"
    asked = instant_server.mock.journal.asked(token, entry.number)
    assert asked is not None
    assert asked[1].path == f"{ENDPOINTS}/{name}"


def test_the_journal_is_waited_for(rest: Rest) -> None:
    timer = threading.Timer(0.3, lambda: rest("GET", ENDPOINTS))
    timer.start()
    answer = rest("GET", "/__mock__/journal/wait", params={"operation": "list_serving_endpoints", "timeout": 10})
    timer.join()
    assert answer.json()["count"] == 1
    nothing = rest("GET", "/__mock__/journal/wait", params={"operation": "delete_*", "timeout": 0.05})
    assert nothing.json()["count"] == 0


def test_faults_are_added_listed_and_removed(rest: Rest) -> None:
    made = rest("POST", "/__mock__/faults", json={"operation": "list_serving_endpoints", "status": 503, "skip": 1})
    assert made.status_code == 201
    assert [rest("GET", ENDPOINTS).status_code for _ in range(2)] == [200, 503]
    (listed,) = rest("GET", "/__mock__/faults").json()["faults"]
    assert listed == {**made.json(), "struck": 1}
    assert rest("DELETE", f"/__mock__/faults/{made.json()['id']}").status_code == 200
    assert rest("DELETE", f"/__mock__/faults/{made.json()['id']}").status_code == 404
    assert rest("GET", ENDPOINTS).status_code == 200
    rest("POST", "/__mock__/faults", json={"endpoint": "chat", "outcome": "FAILED"})
    assert created(rest).json()["state"]["config_update"] == "UPDATE_FAILED"
    rest("POST", "/__mock__/stale-reads", json={"reads": 1})
    created(rest, "new")
    assert [rest("GET", f"{ENDPOINTS}/new").status_code for _ in range(2)] == [404, 200]


@pytest.mark.parametrize(
    ("method", "path", "options", "complaint"),
    [
        ("POST", "faults", {"json": {"status": 999}}, "out of range"),
        ("POST", "faults", {"json": {"stauts": 500}}, "stauts"),
        ("POST", "faults", {"json": {"endpoint": "x"}}, "does nothing"),
        ("POST", "faults", {"data": "{"}, "not valid JSON"),
        ("POST", "clock", {"json": {"advance": -1}}, "advance"),
        ("POST", "clock", {"json": {"freeze": "tomorrow"}}, "not a moment"),
        ("POST", "clock", {}, "missing"),
        ("PUT", "settings", {"json": {"port": 1}}, "port"),
        ("POST", "stale-reads", {"json": {}}, "give one of them"),
        ("POST", "replies", {"json": {"answers": []}}, "answers"),
        ("POST", "replies", {"json": {"answers": [{"text": "x"}], "last_message": "("}}, "not a regular expression"),
        ("POST", "replies", {"json": {"answers": [{"text": "x"}], "jsonpath": {"a": 1}}}, "does not start with"),
        ("GET", "journal", {"params": {"state": "x"}}, "Unknown query parameter 'state'"),
        ("GET", "journal", {"params": {"status": "x"}}, "not a number"),
        ("GET", "journal/wait", {"params": {"count": 0}}, "from 1 to"),
        ("GET", "state", {"params": {"format": "xml"}}, "not one of json, yaml"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_reason(
    rest: Rest, method: str, path: str, options: dict[str, object], complaint: str
) -> None:
    answer = rest(method, f"/__mock__/{path}", **options)
    assert answer.status_code == 400, answer.text
    assert complaint in answer.json()["message"], answer.text


def ask(mock: Mock, headers: dict[str, str], client: str | None = "127.0.0.1") -> int:
    operation = control_spec().operations["health"]
    request = Request("GET", operation.path, headers={"host": "127.0.0.1:80", **headers})
    return control.respond(mock, operation, request, client).status


@pytest.mark.parametrize(
    ("headers", "client", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "::ffff:127.0.0.1", 200),
        ({}, None, 200),
        ({}, "192.168.1.5", 403),
        ({"host": "evil.example"}, "127.0.0.1", 403),
        ({"host": "localhost:80"}, "127.0.0.1", 200),
        ({"origin": "https://evil.example"}, "127.0.0.1", 403),
        ({"origin": "null"}, "127.0.0.1", 403),
        ({"origin": "http://127.0.0.1:80"}, "127.0.0.1", 200),
        ({"sec-fetch-site": "cross-site"}, "127.0.0.1", 403),
        ({"authorization": "Bearer nobody"}, "127.0.0.1", 403),
    ],
)
def test_strangers_are_kept_out(headers: dict[str, str], client: str | None, status: int) -> None:
    assert ask(Mock(Settings()), headers, client) == status


def test_a_control_token_lets_other_machines_in_and_is_asked_of_everybody() -> None:
    mock = Mock(Settings(control_token="open sesame"))
    given = {"x-mock-control-token": "open sesame", "host": "mock.internal"}
    assert ask(mock, given, "192.168.1.5") == 200
    assert ask(mock, {**given, "x-mock-control-token": "open"}, "192.168.1.5") == 403
    assert ask(mock, {}) == 403
