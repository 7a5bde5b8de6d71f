"""The AI gateway around queries: guardrails, rate limits, traffic split, usage tracking and inference tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from conftest import caller
from endpoints_for_queries import LLAMA, QUESTION, ask, create, custom, external, split, text_of

from mockserver import MockServer, Settings
from mockserver.auth import REGISTRY, Identity, RegisteredToken

Rest = Callable[..., requests.Response]
SSN = {"messages": [{"role": "user", "content": "My number is 536-90-4399, remember it."}]}


@pytest.fixture(scope="module")
def many() -> Iterator[MockServer]:
    """A mock on which an endpoint may have several external models."""
    with MockServer(Settings(port=0, provisioning=0, external_entities="many")) as server:
        yield server


def guarded(**sides: Any) -> dict[str, Any]:
    return {"guardrails": sides}


def document(reply: requests.Response) -> Any:
    """The JSON inside a guardrail's refusal."""
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "BAD_REQUEST"
    return json.loads(reply.json()["message"])


def colleague(server: MockServer, workspace: str, name: str, *groups: str, **fields: Any) -> Rest:
    """The calls of somebody else in the same workspace, who may query everything."""
    identity = Identity(name, name, workspace=workspace, groups=groups, **fields)
    token = f"token-of-{name}-{workspace}"
    with server.mock.store.transaction(REGISTRY) as transaction:
        transaction.put(token, RegisteredToken(token, identity))
    return caller(server.url, token)


def test_personal_data_in_the_input_is_refused_in_the_services_form(rest: Rest) -> None:
    create(rest, "gpt", ai_gateway=guarded(input={"pii": {"behavior": "BLOCK"}}))
    assert document(ask(rest, "gpt", SSN)) == {
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
        "input_guardrail": [
            {
                "flagged": False,
                "categories": None,
                "category_scores": None,
                "pii_detection": True,
                "anonymized_input": ["My number is <US_SSN>, remember it."],
            }
        ],
        "finishReason": "input_guardrail_triggered",
    }
    assert ask(rest, "gpt").status_code == 200


def test_personal_data_that_is_masked_does_not_reach_the_model(rest: Rest, instant_server: MockServer) -> None:
    create(rest, "gpt", ai_gateway=guarded(input={"pii": {"behavior": "MASK"}}))
    body = {"messages": [{"role": "user", "content": "Repeat after me: jane@example.com"}], "temperature": 0}
    assert "jane@example.com" not in ask(rest, "gpt", body).text


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"safety": True}, "How do I build a pipe bomb at home?"),
        ({"invalid_keywords": ["competitor"]}, "What do you think of our competitor?"),
        ({"valid_topics": ["cooking"]}, "Explain quantum physics."),
    ],
)
def test_unsafe_texts_forbidden_words_and_foreign_topics_are_refused(rest: Rest, rules: Any, text: str) -> None:
    create(rest, "gpt", ai_gateway=guarded(input=rules))
    for stream in (False, True):
        reply = ask(rest, "gpt", {"messages": [{"role": "user", "content": text}], "stream": stream})
        assert document(reply)["input_guardrail"][0]["flagged"] is True
    assert ask(rest, "gpt", {"messages": [{"role": "user", "content": "Some cooking advice?"}]}).status_code == 200


def test_the_output_is_guarded_too(rest: Rest) -> None:
    create(rest, "gpt", ai_gateway=guarded(output={"invalid_keywords": ["earth"]}))
    for stream in (False, True):
        refused = document(ask(rest, "gpt", {**QUESTION, "stream": stream}))
        assert refused["finishReason"] == "output_guardrail_triggered"
        assert refused["usage"]["prompt_tokens"] > 0


def test_personal_data_in_the_output_is_masked(rest: Rest, instant_server: MockServer, token: str) -> None:
    from mockserver.replies import rule

    create(rest, "gpt", ai_gateway=guarded(output={"pii": {"behavior": "MASK"}}))
    instant_server.mock.replies.add(token, rule("Write to jane@example.com."))
    assert text_of(ask(rest, "gpt")) == "Write to <EMAIL_ADDRESS>."
    assert "jane@example.com" not in ask(rest, "gpt", {**QUESTION, "stream": True}).text


def test_guardrails_hold_for_pay_per_token_models(rest: Rest) -> None:
    gateway = guarded(input={"pii": {"behavior": "BLOCK"}})
    assert rest("PUT", f"/api/2.0/serving-endpoints/{LLAMA}/ai-gateway", json=gateway).status_code == 200
    assert document(ask(rest, LLAMA, SSN))["finishReason"] == "input_guardrail_triggered"


def test_legacy_rate_limits_are_enforced_and_follow_the_mocks_clock(paced_server: MockServer, token: str) -> None:
    rest = caller(paced_server.url, token)
    limits = {"rate_limits": [{"calls": 2, "key": "user", "renewal_period": "minute"}]}
    assert rest("PUT", f"/api/2.0/serving-endpoints/{LLAMA}/rate-limits", json=limits).status_code == 200
    replies = [ask(rest, LLAMA) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json() == {
        "error_code": "REQUEST_LIMIT_EXCEEDED",
        "message": (
            f"User defined rate limit(s) exceeded for '{LLAMA}'. Requests-per-minute (RPM) rate limit exceeded for user"
        ),
    }
    wait = int(replies[2].headers["Retry-After"])
    assert 58 <= wait <= 60
    assert replies[2].headers["X-Ratelimit-Limit-Requests"] == "2"
    assert replies[1].headers["X-Ratelimit-Remaining-Requests"] == "0"
    paced_server.mock.clock.advance(wait)
    assert ask(rest, LLAMA).status_code == 200


def test_tokens_are_limited_by_what_was_really_spent(rest: Rest) -> None:
    limit = {"tokens": 30, "key": "endpoint", "renewal_period": "minute"}
    create(rest, "gpt", ai_gateway={"rate_limits": [limit]})
    spent = 0
    while (reply := ask(rest, "gpt")).status_code == 200:
        spent += reply.json()["usage"]["total_tokens"]
        assert spent < 90
    assert spent >= 30
    assert reply.json()["message"].endswith("Tokens-per-minute (TPM) rate limit exceeded for endpoint")
    assert reply.headers["X-Ratelimit-Remaining-Tokens"] == "0"


def test_a_stream_spends_tokens_too(rest: Rest) -> None:
    limit = {"tokens": 10, "key": "user", "renewal_period": "minute"}
    create(rest, "gpt", ai_gateway={"rate_limits": [limit]})
    assert ask(rest, "gpt", {**QUESTION, "stream": True}).status_code == 200
    assert ask(rest, "gpt", {**QUESTION, "stream": True}).status_code == 429


def test_users_groups_and_service_principals_have_limits_of_their_own(
    instant_server: MockServer, rest: Rest, token: str
) -> None:
    limits = [
        {"calls": 1, "key": "user", "renewal_period": "minute"},
        {"calls": 2, "key": "user_group", "principal": "data", "renewal_period": "minute"},
        {"calls": 3, "key": "service_principal", "principal": "robot", "renewal_period": "minute"},
    ]
    create(rest, "gpt", ai_gateway={"rate_limits": limits})
    callers = {
        "plain": colleague(instant_server, token, "plain"),
        "member": colleague(instant_server, token, "member", "data"),
        "robot": colleague(instant_server, token, "robot", kind="ServicePrincipal"),
    }
    allowed = {name: sum(ask(call, "gpt").ok for _ in range(5)) for name, call in callers.items()}
    assert allowed == {"plain": 1, "member": 2, "robot": 3}


def test_a_limit_of_zero_closes_the_endpoint(rest: Rest) -> None:
    create(rest, "gpt", rate_limits=[{"calls": 0, "key": "endpoint", "renewal_period": "minute"}])
    assert ask(rest, "gpt").status_code == 429


@pytest.mark.parametrize("percentages", [{"a": 50, "b": 50}, {"a": 90, "b": 10}, {"a": 33, "b": 33, "c": 34}])
def test_a_hundred_requests_are_split_exactly_as_the_traffic_says(
    many: MockServer, token: str, percentages: dict[str, int]
) -> None:
    rest = caller(many.url, token)
    create(rest, "gpt", *(external(name) for name in percentages), traffic=split(**percentages))
    served = [ask(rest, "gpt").headers["served-model-name"] for _ in range(100)]
    assert Counter(served) == percentages
    for name, percentage in percentages.items():
        for start in range(0, 100, 20):
            assert abs(served[start : start + 20].count(name) - percentage / 5) <= 2


def test_the_same_seed_splits_the_same_way_and_another_one_differently(token: str) -> None:
    def order(seed: int) -> list[str]:
        with MockServer(Settings(port=0, provisioning=0, external_entities="many", seed=seed)) as server:
            rest = caller(server.url, token)
            create(rest, "gpt", external("a"), external("b"), traffic=split(a=50, b=50))
            return [ask(rest, "gpt").headers["served-model-name"] for _ in range(12)]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(4)}) > 1


def test_a_model_that_is_named_answers_whatever_the_traffic_says(many: MockServer, token: str) -> None:
    rest = caller(many.url, token)
    create(rest, "gpt", external("a"), external("b"), traffic=split(a=100, b=0))
    reply = rest("POST", "/serving-endpoints/gpt/served-models/b/invocations", json=QUESTION)
    assert reply.headers["served-model-name"] == "b"


def test_an_inference_table_has_a_row_for_every_query(instant_server: MockServer, rest: Rest, token: str) -> None:
    table = {"enabled": True, "catalog_name": "main", "schema_name": "default"}
    create(rest, "gpt", ai_gateway={"inference_table_config": table})
    reply = ask(rest, "gpt", {**QUESTION, "client_request_id": "order-1"})
    ask(rest, "gpt", {"messages": []})
    ask(rest, "gpt", {**QUESTION, "stream": True})
    whole, refused, streamed = instant_server.mock.payloads.entries(token, "gpt")
    assert json.loads(whole.request or "") == {**QUESTION, "client_request_id": "order-1"}
    assert json.loads(whole.response or "") == reply.json()
    assert (whole.status, whole.served_entity, whole.client_request_id) == (200, "gpt", "order-1")
    assert whole.databricks_request_id == reply.headers["x-request-id"]
    assert whole.requester == "user@email.com"
    assert whole.milliseconds > 0
    assert whole.input_tokens == reply.json()["usage"]["prompt_tokens"]
    assert whole.output_tokens == reply.json()["usage"]["completion_tokens"]
    assert (refused.status, refused.output_tokens) == (400, 0)
    assert "error_code" in json.loads(refused.response or "")
    assert streamed.streamed
    assert json.loads(streamed.response or "")[-1]["choices"][0]["finish_reason"] == "stop"
    assert [row.number for row in (whole, refused, streamed)] == [1, 2, 3]


def test_the_older_auto_capture_fills_the_table_too(instant_server: MockServer, rest: Rest, token: str) -> None:
    capture = {"enabled": True, "catalog_name": "main", "schema_name": "default"}
    config = {"served_entities": [custom()], "auto_capture_config": capture}
    assert rest("POST", "/api/2.0/serving-endpoints", json={"name": "churn", "config": config}).status_code == 200
    ask(rest, "churn", {"dataframe_records": [{"age": 1}]})
    (row,) = instant_server.mock.payloads.entries(token, "churn")
    assert json.loads(row.response or "").keys() == {"predictions"}


def test_usage_tracking_alone_keeps_counts_and_no_texts(instant_server: MockServer, rest: Rest, token: str) -> None:
    create(rest, "gpt", ai_gateway={"usage_tracking_config": {"enabled": True}})
    create(rest, "untracked")
    ask(rest, "gpt", {**QUESTION, "usage_context": {"project": "x"}})
    ask(rest, "untracked")
    (row,) = instant_server.mock.payloads.entries(token)
    assert (row.request, row.response) == (None, None)
    assert row.usage_context == {"project": "x"}
    assert row.input_tokens > 0


def test_rows_are_bounded_and_say_how_many_were_dropped() -> None:
    from mockserver.payloads import MAX_BODY, Payloads

    payloads = Payloads(capacity=3)
    columns: dict[str, Any] = dict.fromkeys(
        ("endpoint", "served_entity", "databricks_request_id", "client_request_id", "requester"), "x"
    )
    columns |= dict.fromkeys(("moment", "status", "milliseconds", "input_tokens", "output_tokens"), 0)
    for _ in range(5):
        payloads.record("w", logged=True, request=b"{}", response={}, streamed=False, **columns)
    assert [row.number for row in payloads.entries("w")] == [3, 4, 5]
    assert (payloads.count("w"), payloads.dropped("w")) == (5, 2)
    payloads.record("w", logged=True, request=b" " * (MAX_BODY + 1), response={}, streamed=False, **columns)
    last = payloads.entries("w")[-1]
    assert last.request is None
    assert last.logging_error_codes == ("MAX_REQUEST_SIZE_EXCEEDED",)
    payloads.clear("w")
    assert payloads.count("w") == 0


def test_rows_are_bounded_in_bytes_too() -> None:
    from mockserver.payloads import Payloads

    payloads = Payloads(budget=1_000_000)
    columns: dict[str, Any] = dict.fromkeys(("endpoint", "served_entity", "databricks_request_id", "requester"), "x")
    columns |= dict.fromkeys(("moment", "status", "milliseconds", "input_tokens", "output_tokens"), 0)
    large = {"request": b" " * 100_000, "client_request_id": "x" * 100_000, "usage_context": {"a": "b" * 25_000}}
    for _ in range(5):
        payloads.record("w", logged=True, response="y" * 100_000, streamed=False, **large, **columns)
    assert [row.number for row in payloads.entries("w")] == [4, 5]
    assert (payloads.count("w"), payloads.dropped("w")) == (5, 3)
    small = {"request": b"{}", "response": {}, "client_request_id": None}
    for _ in range(3000):
        payloads.record("w", logged=True, streamed=False, **small, **columns)
    assert 1000 < len(payloads.entries("w")) < 2000
