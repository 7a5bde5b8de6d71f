"""Bad input by the hundred: always a 4xx in the API's shape, the state untouched, never a 500."""

from __future__ import annotations

import gc
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conftest import caller

from mockserver import MockServer, Settings
from mockserver.core import Mock
from mockserver.messages import Request

Rest = Callable[..., requests.Response]
ENDPOINTS = "/api/2.0/serving-endpoints"
ENTITY: dict[str, Any] = {"entity_name": "m.s.model", "entity_version": "1", "scale_to_zero_enabled": True}
OPENAI: dict[str, Any] = {
    "name": "gpt-4o",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
}
SECRET = "sk-canary-0123456789"


def created(**change: Any) -> dict[str, Any]:
    return {"name": "new", "config": {"served_entities": [ENTITY]}, **change}


def entities(*given: Any, **config: Any) -> dict[str, Any]:
    return created(config={"served_entities": list(given), **config})


def external(**change: Any) -> dict[str, Any]:
    return entities({"external_model": {**OPENAI, **change}})


WRONG_TYPES: list[Any] = [None, 7, -1, 1.5, True, "text", [], {}, [[]], [None], {"a": 1}]
BAD_CREATES: list[Any] = [
    *[created(name=name) for name in WRONG_TYPES if not isinstance(name, str)],
    *[created(name=name) for name in ("", "a" * 64, "-a", "a-", "a b", "a/b", "ä", "a\n", "../x", "a.b", "\x00")],
    *[created(config=config) for config in WRONG_TYPES if config not in (None, {}, {"a": 1})],
    *[created(config={"served_entities": given}) for given in WRONG_TYPES if given is not None],
    *[created(tags=tags) for tags in WRONG_TYPES if tags not in (None, [])],
    *[created(tags=[{"key": key}]) for key in ("", "a:b", "a.b", "a,b", "a=b", "a/b", "k" * 256, 5, None)],
    created(tags=[{"key": f"k{number}"} for number in range(21)]),
    *[created(rate_limits=limits) for limits in WRONG_TYPES if limits not in (None, [])],
    *[
        created(rate_limits=[limit])
        for limit in (
            {},
            {"calls": 1},
            {"calls": -1, "renewal_period": "minute"},
            {"calls": "many", "renewal_period": "minute"},
            {"calls": 1, "renewal_period": "hour"},
            {"calls": 1, "renewal_period": "minute", "key": "usr"},
        )
    ],
    *[created(ai_gateway=gateway) for gateway in ("x", 5, [1])],
    created(ai_gateway={"rate_limits": [{"renewal_period": "minute", "key": "user_group", "calls": 1}]}),
    created(ai_gateway={"rate_limits": [{"renewal_period": "minute"}]}),
    created(ai_gateway={"guardrails": {"input": {"pii": {"behavior": "SHRED"}}}}),
    created(ai_gateway={"inference_table_config": {"enabled": True}}),
    {"name": "new", "ai_gateway": {"usage_tracking_config": {"enabled": True}}},
    {"name": "new", "rate_limits": [{"calls": 1, "renewal_period": "minute"}]},
    {"config": {}},
    entities({}),
    entities({"name": "x"}),
    entities({**ENTITY, "name": "a b"}),
    entities({**ENTITY, "workload_type": "TPU"}),
    entities({**ENTITY, "scale_to_zero_enabled": "yes"}),
    entities({"entity_name": "m.s.model", "entity_version": "1"}),
    entities({**ENTITY, "external_model": OPENAI}),
    entities(ENTITY, ENTITY, traffic_config={"routes": [{"served_entity_name": "model-1", "traffic_percentage": 100}]}),
    entities(ENTITY, {**ENTITY, "entity_version": "2"}),
    entities(*[{**ENTITY, "name": f"e{number}"} for number in range(16)]),
    entities({**ENTITY, "environment_vars": {f"V{number}": "x" for number in range(31)}}),
    entities({**ENTITY, "min_provisioned_throughput": 20, "max_provisioned_throughput": 10}),
    entities({**ENTITY, "entity_name": "system.ai.gpt-oss-120b", "max_provisioned_throughput": 10}),
    created(
        config={"served_entities": [ENTITY], "served_models": [{**ENTITY, "model_name": "m", "model_version": "1"}]}
    ),
    *[
        entities(ENTITY, traffic_config={"routes": routes})
        for routes in (
            [{"served_entity_name": "model-1", "traffic_percentage": 99}],
            [{"served_entity_name": "model-1", "traffic_percentage": 101}],
            [{"served_entity_name": "model-1", "traffic_percentage": -1}],
            [{"served_entity_name": "model-1", "traffic_percentage": "all"}],
            [{"served_entity_name": "other", "traffic_percentage": 100}],
            [{"traffic_percentage": 100}],
            [{"served_entity_name": "model-1"}],
            [{"served_entity_name": "model-1", "served_model_name": "other", "traffic_percentage": 100}],
        )
    ],
    external(openai_config={}),
    external(openai_config={"openai_api_key": SECRET}),
    external(openai_config={"openai_api_key": "{{secrets/s/k}}", "openai_api_key_plaintext": SECRET}),
    external(openai_config={"openai_api_key_plaintext": 5}),
    external(provider="nobody"),
    external(provider="anthropic"),
    external(anthropic_config={"anthropic_api_key": "{{secrets/s/k}}"}),
    external(task=None),
    external(name=""),
    entities({"external_model": OPENAI}, ENTITY),
    entities({"external_model": OPENAI, "name": "a"}, {"external_model": OPENAI, "name": "b"}),
    entities({"external_model": OPENAI, "min_provisioned_throughput": 0, "max_provisioned_throughput": 0}),
    entities({"external_model": OPENAI, "workload_size": "Small"}),
    entities({"external_model": OPENAI, "scale_to_zero_enabled": True}),
]
BROKEN_BODIES: list[bytes] = [
    b"",
    b"   ",
    b"{",
    b'{"name": ',
    b"nul",
    b"NaN",
    b"[]",
    b"5",
    b'"text"',
    b"null",
    b"true",
    b'{"name": "a"} {}',
    b"\xff\xfe{}",
    b'{"name": "\xe9"}',
    b'{"name": "\\ud800"}',
    b'{"name": NaN}',
    b"<xml/>",
    b"name=new",
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"name": "new", "config": ' + b"[" * 900 + b"]" * 900 + b"}",
    json.dumps({"name": "new", "config": {"served_entities": [{"x": "y" * 100}] * 2000}}).encode(),
    b'{"name": ' + b"9" * 5000 + b"}",
    b'{"name": "' + b"a" * (17 * 2**20) + b'"}',
]
OTHER_WRITES: list[tuple[str, str, Any]] = [
    *[("PUT", "/api/2.0/serving-endpoints/kept/config", body) for body in WRONG_TYPES if not isinstance(body, dict)],
    ("PUT", "/api/2.0/serving-endpoints/kept/config", {}),
    ("PUT", "/api/2.0/serving-endpoints/kept/config", {"served_entities": []}),
    ("PUT", "/api/2.0/serving-endpoints/kept/config", {"served_entities": [{"external_model": OPENAI}]}),
    ("PUT", "/api/2.0/serving-endpoints/kept/rate-limits", {"rate_limits": "x"}),
    ("PUT", "/api/2.0/serving-endpoints/kept/rate-limits", {"rate_limits": [{"calls": 1}]}),
    ("PUT", "/api/2.0/serving-endpoints/kept/ai-gateway", {"guardrails": 5}),
    ("PUT", "/api/2.0/serving-endpoints/kept/ai-gateway", [1]),
    ("PATCH", "/api/2.0/serving-endpoints/kept/tags", {"add_tags": [{"value": "x"}]}),
    ("PATCH", "/api/2.0/serving-endpoints/kept/tags", {"add_tags": "x"}),
    ("PATCH", "/api/2.0/serving-endpoints/kept/tags", {"delete_tags": [5]}),
    ("PATCH", "/api/2.0/serving-endpoints/kept/notifications", {"email_notifications": "x"}),
    ("PATCH", "/api/2.0/serving-endpoints/kept/telemetry-config", {"telemetry_config": 5}),
    ("POST", "/api/2.0/serving-endpoints/pt", {"name": "new"}),
    ("POST", "/api/2.0/serving-endpoints/pt", {"name": "new", "config": {"served_entities": [{"entity_name": "x"}]}}),
    ("POST", "/api/2.0/serving-endpoints/kept/config:start", {}),
    ("POST", "/api/2.0/external-function", {"method": "GET"}),
    ("POST", "/api/2.0/external-function", {"connection_name": "c", "method": "BREW", "path": "/"}),
    ("PUT", "/api/2.0/serving-endpoints/databricks-dbrx-instruct/config", {"served_entities": [ENTITY]}),
    ("DELETE", "/api/2.0/serving-endpoints/databricks-dbrx-instruct", None),
    ("PATCH", "/api/2.0/serving-endpoints/databricks-dbrx-instruct/tags", {"add_tags": [{"key": "a"}]}),
    ("PUT", "/api/2.0/permissions/serving-endpoints/kept", {"access_control_list": []}),
    ("PUT", "/api/2.0/permissions/serving-endpoints/ID", {"access_control_list": [{"permission_level": "CAN_VIEW"}]}),
    ("PUT", "/api/2.0/permissions/serving-endpoints/ID", {"access_control_list": [{"user_name": "a"}]}),
    (
        "PATCH",
        "/api/2.0/permissions/serving-endpoints/ID",
        {"access_control_list": [{"user_name": "a", "group_name": "b", "permission_level": "CAN_VIEW"}]},
    ),
    (
        "PATCH",
        "/api/2.0/permissions/serving-endpoints/ID",
        {"access_control_list": [{"user_name": "a", "permission_level": "CAN_FLY"}]},
    ),
]
PATHS = [
    "/nowhere",
    "/api/2.0/serving-endpoints/../serving-endpoints/nope",
    "/api/2.0//serving-endpoints/kept",
    "/api/2.0/serving-endpoints/%2e%2e/kept",
    "/api/2.0/serving-endpoints/ke%2Fpt",
    "/api/2.0/serving-endpoints/%00",
    "/api/2.0/serving-endpoints/%ff%fe",
    "/api/2.0/serving-endpoints/" + "a" * 5000,
    "/api/2.0/serving-endpoints/kept/nope",
    "/api/2.1/serving-endpoints",
    "/API/2.0/serving-endpoints",
    "/api/2.0/serving-endpoints/kept%20",
    "/api/2.0/permissions/serving-endpoints/",
    "/api/2.0/serving-endpoints/<script>",
]


@pytest.fixture(scope="module")
def kept(instant_server: MockServer) -> Iterator[tuple[Rest, str]]:
    """A workspace with one endpoint, whose state must be the same in the end; and that endpoint's id."""
    rest = caller(instant_server.url, f"dapi-mock-bad-input-{uuid.uuid4().hex}")
    reply = rest("POST", ENDPOINTS, json={"name": "kept", "config": {"served_entities": [ENTITY]}})
    before = rest("GET", ENDPOINTS).text, rest("GET", f"{ENDPOINTS}/kept").text
    yield rest, reply.json()["id"]
    assert (rest("GET", ENDPOINTS).text, rest("GET", f"{ENDPOINTS}/kept").text) == before


def assert_refused(reply: requests.Response) -> None:
    assert 400 <= reply.status_code < 500, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.json()
    assert set(body) <= {"error_code", "message", "details"}
    assert body["error_code"]
    assert body["message"]
    assert "Traceback" not in reply.text
    assert SECRET not in reply.text


@pytest.mark.parametrize("body", BAD_CREATES, ids=lambda body: json.dumps(body)[:60])
def test_a_bad_endpoint_is_refused_and_not_created(kept: tuple[Rest, str], body: Any) -> None:
    rest, _ = kept
    assert_refused(rest("POST", ENDPOINTS, json=body))
    assert rest("GET", f"{ENDPOINTS}/new").status_code == 404


@pytest.mark.parametrize("body", BROKEN_BODIES, ids=lambda body: repr(body[:30]))
def test_a_body_that_cannot_be_read_is_refused(kept: tuple[Rest, str], body: bytes) -> None:
    rest, _ = kept
    assert_refused(rest("POST", ENDPOINTS, data=body, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize(("method", "path", "body"), OTHER_WRITES)
def test_a_bad_change_is_refused(kept: tuple[Rest, str], method: str, path: str, body: Any) -> None:
    rest, endpoint_id = kept
    assert_refused(rest(method, path.replace("ID", endpoint_id), json=body))


NAME_RULE = (
    "Endpoint name must be maximum 63 characters, and alphanumeric with hyphens and underscores allowed in between."
)
BOTH_FORMS = (
    "Both served_models and served_entities cannot be provided in the config. Databricks recommends using only "
    "served_entities, because served_models is deprecated."
)
NO_FLAG = "scaleToZeroEnabled is undefined. Please set it to either true or false."
OLD_MODEL = {"model_name": "m", "model_version": "1"}
SAID_ALONE: list[tuple[Any, str, str]] = [
    (created(name="-", config={}), "INVALID_PARAMETER_VALUE", NAME_RULE),
    (created(name="-", tags=[{"key": "a:b"}]), "INVALID_PARAMETER_VALUE", NAME_RULE),
    (
        created(tags=[{"key": "a:b"}, {"key": "c:d"}]),
        "INVALID_PARAMETER_VALUE",
        "Endpoint tag key a:b is either not between 1-255 characters long or contains one or more of the reserved "
        "characters: . , = / or :",
    ),
    (entities(ENTITY, served_models=[OLD_MODEL]), "BAD_REQUEST", BOTH_FORMS),
    (created(config={"served_models": [{**OLD_MODEL, "workload_size": "Small"}]}), "INVALID_PARAMETER_VALUE", NO_FLAG),
    (
        {"name": "new", "ai_gateway": {}, "rate_limits": [{"calls": 1, "renewal_period": "minute"}]},
        "INVALID_PARAMETER_VALUE",
        "Cannot specify ai_gateway when creating endpoints without a config.",
    ),
    (
        entities({"external_model": OPENAI, "min_provisioned_throughput": 0}),
        "INVALID_PARAMETER_VALUE",
        "Provisioned throughput is not supported for endpoints with external models; remove "
        "'config.served_entities[0].min_provisioned_throughput'.",
    ),
]


@pytest.mark.parametrize(("body", "code", "message"), SAID_ALONE, ids=lambda value: str(value)[:30])
def test_what_the_service_has_words_for_is_said_in_them_alone(
    kept: tuple[Rest, str], body: Any, code: str, message: str
) -> None:
    reply = kept[0]("POST", ENDPOINTS, json=body)
    assert (reply.status_code, reply.json()) == (400, {"error_code": code, "message": message})


@pytest.mark.parametrize("body", [[], {"served_entities": [ENTITY], "served_models": []}])
def test_only_who_gives_two_forms_of_entities_is_told_so(kept: tuple[Rest, str], body: Any) -> None:
    reply = kept[0]("PUT", f"{ENDPOINTS}/{kept[1]}/config", json=body)
    assert reply.status_code == 400
    assert "Both" not in reply.text


def test_no_rate_limits_may_be_given_to_an_endpoint_without_a_config(rest: Rest) -> None:
    assert rest("POST", ENDPOINTS, json={"name": "plain", "rate_limits": []}).status_code == 200


@pytest.mark.parametrize("levels", [50, 240, 500, 950, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_in_a_text_may_be_as_deep_as_it_likes(rest: Rest, levels: int, opening: str, closing: str) -> None:
    deep = opening * levels + "1" + closing * levels
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": deep}}
    messages = [*MESSAGES, {"role": "assistant", "content": None, "tool_calls": [call]}]
    messages.append({"role": "tool", "tool_call_id": "c", "content": deep})
    for model in ("databricks-meta-llama-3-3-70b-instruct", "databricks-claude-sonnet-4"):
        body = {"model": model, "messages": messages}
        assert rest("POST", "/serving-endpoints/chat/completions", json=body).status_code < 500
    for member in ("json", "params", "headers"):
        body = {"connection_name": "c", "method": "POST", "path": "/x", member: deep}
        assert rest("POST", "/api/2.0/external-function", json=body).status_code < 500


@pytest.mark.parametrize("media_type", ["text/xml", "multipart/form-data", "application/x-yaml", "nonsense", "a/b/c"])
def test_an_odd_content_type_is_refused(kept: tuple[Rest, str], media_type: str) -> None:
    rest, _ = kept
    assert_refused(rest("POST", ENDPOINTS, data=json.dumps(created()), headers={"Content-Type": media_type}))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:50])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_a_path_trick_leads_nowhere(kept: tuple[Rest, str], instant_server: MockServer, method: str, path: str) -> None:
    request = requests.Request(
        method, instant_server.url + path, headers={"Authorization": "Bearer dapi-mock-bad-input"}
    )
    prepared = request.prepare()
    prepared.url = instant_server.url + path  # as it stands, not tidied up by the client
    assert_refused(requests.Session().send(prepared, timeout=30))


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /nowhere HTTP/9.9\r\n\r\n",
        b"POST /api/2.0/serving-endpoints HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"POST /api/2.0/serving-endpoints HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/2.0/serving-endpoints HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_what_is_not_http_gets_a_refusal_and_a_closed_connection(instant_server: MockServer, raw: bytes) -> None:
    url = urlsplit(instant_server.url)
    with socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=10) as connection:
        connection.sendall(raw)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1][:1] == b"4", head
    assert json.loads(body)["error_code"]


def test_a_refusal_names_the_field_the_value_and_what_is_accepted(kept: tuple[Rest, str]) -> None:
    rest, _ = kept
    limit = {"calls": 1, "renewal_period": "minute", "key": "usr"}
    message = rest("POST", ENDPOINTS, json=created(rate_limits=[limit])).json()["message"]
    assert "rate_limits[0].key" in message
    assert "usr" in message
    assert "user" in message
    assert "endpoint" in message


MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
LLAMA = "/serving-endpoints/databricks-meta-llama-3-3-70b-instruct/invocations"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ENDPOINTS, b"{", 400),
        (ENDPOINTS, json.dumps(created(name=5)).encode(), 400),
        (ENDPOINTS, json.dumps(entities()).encode(), 400),
        (ENDPOINTS, json.dumps(entities(ENTITY, {"external_model": OPENAI})).encode(), 400),
        (f"{ENDPOINTS}/none/config", b"{}", 404),
        (LLAMA, b"{", 400),
        (LLAMA, json.dumps({"messages": 5}).encode(), 400),
        (LLAMA, json.dumps({"messages": MESSAGES, "seed": "x"}).encode(), 400),
        (LLAMA, json.dumps({"messages": MESSAGES, "nobody_knows": 1}).encode(), 400),
        ("/serving-endpoints/chat/completions", json.dumps({"model": "none", "messages": 5}).encode(), 404),
        ("/serving-endpoints/embeddings", json.dumps({"model": LLAMA.split("/")[2], "input": "x"}).encode(), 400),
    ],
)
def test_what_is_refused_holds_no_memory_until_garbage_is_collected(path: str, body: bytes, status: int) -> None:
    mock = Mock(Settings(provisioning=0))
    found = mock.spec.routes.find("PUT" if path.endswith("/config") else "POST", path)
    assert found is not None
    headers = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}
    request = Request(found[0].method, path, headers, found[1], body=body)
    for _ in range(3):
        assert mock.respond(found[0], request).status == status  # type: ignore[union-attr]  # no stream, no fault
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            mock.respond(found[0], request)
        assert gc.collect() < 20
    finally:
        gc.enable()
