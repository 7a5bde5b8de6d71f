"""Which endpoint answers on which route, in which state, and how the others refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from conftest import caller
from endpoints_for_queries import CLAUDE, GTE, LLAMA, QUESTION, ask, create, custom, external, text_of

from mockserver import MockServer
from mockserver.auth import REGISTRY, Identity, RegisteredToken
from mockserver.clock import AdjustableClock
from mockserver.domain.endpoint import Endpoint, Recovery

Rest = Callable[..., requests.Response]
NO_ENDPOINT = {
    "error_code": "ENDPOINT_NOT_FOUND",
    "message": (
        "The given endpoint does not exist, please retry after checking the specified model and version deployment "
        "exists."
    ),
}
NAMED: list[tuple[str, dict[str, Any]]] = [
    ("/serving-endpoints/chat/completions", QUESTION),
    ("/serving-endpoints/completions", {"prompt": "x"}),
    ("/serving-endpoints/embeddings", {"input": "x"}),
    ("/serving-endpoints/responses", {"input": "x"}),
    ("/serving-endpoints/anthropic/v1/messages", {"max_tokens": 9, **QUESTION}),
    ("/ai-gateway/mlflow/v1/chat/completions", QUESTION),
    ("/ai-gateway/mlflow/v1/embeddings", {"input": "x"}),
    ("/ai-gateway/openai/v1/chat/completions", QUESTION),
    ("/ai-gateway/openai/v1/responses", {"input": "x"}),
    ("/ai-gateway/anthropic/v1/messages", {"max_tokens": 9, **QUESTION}),
]


@pytest.fixture
def clock(paced_server: MockServer, token: str) -> AdjustableClock:
    """A clock of the test's own workspace."""
    clock = AdjustableClock()
    paced_server.mock.configure(token, clock=clock)
    return clock


@pytest.fixture
def paced(paced_server: MockServer, token: str, clock: AdjustableClock) -> Rest:
    return caller(paced_server.url, token)


def test_an_endpoint_may_be_called_chat_on_both_kinds_of_routes(rest: Rest) -> None:
    create(rest, "chat")
    assert text_of(ask(rest, "chat")) == "Humans live on the planet Earth."
    body = {"model": "chat", **QUESTION}
    assert text_of(rest("POST", "/serving-endpoints/chat/completions", json=body)) == "Humans live on the planet Earth."


def test_the_header_names_the_served_model_on_invocations_only(rest: Rest) -> None:
    create(rest, "gpt", external("served"))
    assert ask(rest, "gpt").headers["served-model-name"] == "served"
    reply = rest("POST", "/serving-endpoints/chat/completions", json={"model": "gpt", **QUESTION})
    assert "served-model-name" not in reply.headers


def test_an_unknown_endpoint_is_not_found_in_the_data_planes_words(rest: Rest) -> None:
    assert (ask(rest, "nowhere").status_code, ask(rest, "nowhere").json()) == (404, NO_ENDPOINT)
    reply = rest("POST", f"/serving-endpoints/{LLAMA}/served-models/nobody/invocations", json=QUESTION)
    assert (reply.status_code, reply.json()) == (404, NO_ENDPOINT)


@pytest.mark.parametrize(("path", "body"), NAMED)
def test_an_unknown_model_is_not_found_either(rest: Rest, path: str, body: dict[str, Any]) -> None:
    reply = rest("POST", path, json={"model": "nowhere", **body})
    assert (reply.status_code, reply.json()) == (404, NO_ENDPOINT)


@pytest.mark.parametrize(
    ("newer", "model"),
    [
        ("system.ai.claude-sonnet-4", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("system.ai.databricks-claude-sonnet-4", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("system.ai.qwen35-122b-a10b", "qwen3.5-122b-a10b"),
        ("system.ai.meta-llama-3-3-70b-instruct", "meta-llama-3.3-70b-instruct-121024"),
        ("system.ai.llama_v3_3_70b_instruct", "meta-llama-3.3-70b-instruct-121024"),
    ],
)
def test_hosted_models_have_newer_names(rest: Rest, newer: str, model: str) -> None:
    assert ask(rest, newer).json()["model"] == model
    for path, body in NAMED:
        if body is QUESTION:
            assert rest("POST", path, json={"model": newer, **body}).json()["model"] == model


def test_the_newer_names_are_known_on_every_route(rest: Rest) -> None:
    names = {"embeddings": "system.ai.gte-large-en", "completions": "system.ai.mpt-7b-instruct"}
    for path, body in NAMED:
        newer = "system.ai.claude-sonnet-4" if "messages" in body else names.get(path.rpartition("/")[2])
        reply = rest("POST", path, json={"model": newer or "system.ai.gpt-oss-120b", **body})
        assert reply.status_code == 200, (path, reply.text)


def test_the_gateways_responses_route_hands_the_inner_refusal_on_as_text(rest: Rest) -> None:
    reply = rest("POST", "/ai-gateway/mlflow/v1/responses", json={"model": "nowhere", "input": "x"})
    assert reply.status_code == 404
    assert reply.json()["message"].startswith(
        'responses self-call returned status 404: {"error_code":"ENDPOINT_NOT_FOUND"'
    )


@pytest.mark.parametrize(("path", "body"), NAMED)
def test_an_endpoint_of_another_task_is_refused(rest: Rest, path: str, body: dict[str, Any]) -> None:
    create(rest, "churn", custom())
    reply = rest("POST", path, json={"model": "churn", **body})
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "BAD_REQUEST"
    assert "'churn'" in reply.json()["message"]


@pytest.mark.parametrize("path", ["/serving-endpoints/anthropic/v1/messages", "/ai-gateway/anthropic/v1/messages"])
def test_the_messages_route_is_for_claude(rest: Rest, path: str) -> None:
    body = {"max_tokens": 9, **QUESTION}
    assert rest("POST", path, json={"model": LLAMA, **body}).status_code == 400
    reply = rest("POST", path, json={"model": CLAUDE, **body}).json()
    assert reply["content"] == [{"type": "text", "text": "Humans live on the planet Earth."}]
    assert reply["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": {"messages": []}}, 'Bad request: json: unknown field "inputs"'),
        ({"dataframe_records": []}, 'Bad request: json: unknown field "dataframe_records"'),
        ({**QUESTION, "foo": 1}, 'Bad request: json: unknown field "foo"'),
        (
            {**QUESTION, "tools": [{"type": "function", "function": {"name": "f"}}]},
            'Bad request: "parameters" is a required property for "function" object in parameter "tools"',
        ),
    ],
)
def test_hosted_models_refuse_what_they_do_not_know_in_their_own_words(rest: Rest, body: Any, message: str) -> None:
    reply = ask(rest, LLAMA, body)
    assert (reply.status_code, reply.json()) == (400, {"error_code": "BAD_REQUEST", "message": message})


def test_an_embeddings_request_without_input_is_refused_literally(rest: Rest) -> None:
    assert ask(rest, GTE, {}).json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "INVALID_PARAMETER_VALUE: Missing required embeddings parameter: 'input'",
    }


@pytest.mark.parametrize("prefix", ["/serving-endpoints", "/ai-gateway/mlflow/v1"])
@pytest.mark.parametrize(
    ("route", "model", "body", "code", "message"),
    [
        ("embeddings", GTE, {}, "INVALID_PARAMETER_VALUE",
         "INVALID_PARAMETER_VALUE: Missing required embeddings parameter: 'input'"),
        ("chat/completions", LLAMA, {"messages": [{"role": "user", "content": 5}]}, "BAD_REQUEST",
         "BAD_REQUEST: Unable to parse json body for request, field 'messages.content' expects input with json type "
         "'string' but got 'number'"),
        ("chat/completions", LLAMA, {}, "INVALID_PARAMETER_VALUE", "Missing required Chat parameter: 'messages'"),
        ("chat/completions", LLAMA, {"inputs": [1]}, "BAD_REQUEST", 'Bad request: json: unknown field "inputs"'),
        ("responses", LLAMA, QUESTION, "BAD_REQUEST",
         "Invalid request: 'messages' field is not supported. Please use 'input' field instead."),
    ],
)  # fmt: skip
def test_routes_that_name_the_model_in_the_body_refuse_in_its_own_words_as_well(
    rest: Rest, prefix: str, route: str, model: str, body: dict[str, Any], code: str, message: str
) -> None:
    reply = rest("POST", f"{prefix}/{route}", json={"model": model, **body})
    assert (reply.status_code, reply.json()) == (400, {"error_code": code, "message": message})
    if route != "responses":
        assert ask(rest, model, body).json() == reply.json()


def test_a_completion_without_a_prompt_is_refused_alike_on_both_routes(rest: Rest) -> None:
    create(rest, "quill", external(task="llm/v1/completions", model="gpt-3.5-turbo-instruct"))
    reply = rest("POST", "/serving-endpoints/completions", json={"model": "quill", "max_tokens": 5})
    assert reply.json()["message"] == "Missing required Completions parameter: 'prompt'"
    assert ask(rest, "quill", {"max_tokens": 5}).json() == reply.json()


def test_what_the_contract_alone_refuses_is_refused_in_its_words(rest: Rest) -> None:
    body = {"model": LLAMA, **QUESTION, "stream": "yes"}
    reply = rest("POST", "/serving-endpoints/chat/completions", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "stream" in reply.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [{"role": "robot", "content": "x"}]},
        {**QUESTION, "temperature": 3},
        {**QUESTION, "max_tokens": 0},
        {**QUESTION, "n": 9},
        {**QUESTION, "top_p": 2},
        {**QUESTION, "tool_choice": "sometimes", "tools": []},
        {},
    ],
)
def test_bad_chats_are_refused_on_every_route_and_counted(rest: Rest, body: dict[str, Any]) -> None:
    create(rest, "gpt")
    assert ask(rest, LLAMA, body).status_code == 400
    assert ask(rest, "gpt", body).status_code == 400
    assert rest("POST", "/serving-endpoints/chat/completions", json={"model": "gpt", **body}).status_code == 400
    metrics = rest("GET", "/api/2.0/serving-endpoints/gpt/metrics").text
    assert 'request_4xx_count_total{endpoint_name="gpt",served_entity_name="gpt"} 2' in metrics


def test_null_members_count_as_absent(rest: Rest) -> None:
    body = {**QUESTION, "temperature": None, "tools": None, "stream": None, "max_tokens": None}
    assert text_of(ask(rest, LLAMA, body)) == "Humans live on the planet Earth."


def test_an_agent_that_is_given_messages_asks_for_input(rest: Rest) -> None:
    create(rest, "helper", custom("main.default.my_agent"))
    reply = ask(rest, "helper")
    assert reply.status_code == 400
    assert reply.json()["message"] == (
        "Invalid request: 'messages' field is not supported. Please use 'input' field instead."
    )


def test_features_are_served_by_what_has_no_version(rest: Rest) -> None:
    specification = {"entity_name": "main.default.users", "workload_size": "Small", "scale_to_zero_enabled": True}
    create(rest, "features", specification)
    create(rest, "named-so", custom("main.default.feature_spec"))
    rows = {"dataframe_records": [{"user": 1}]}
    assert list(ask(rest, "features", rows).json()) == ["outputs"]
    assert list(ask(rest, "named-so", rows).json()) == ["predictions"]
    listed = {item["name"]: item for item in rest("GET", "/api/2.0/serving-endpoints").json()["endpoints"]}
    assert listed["features"]["config"]["served_entities"][0]["type"] == "FEATURE_SPEC"
    assert listed["named-so"]["config"]["served_entities"][0]["type"] == "UC_MODEL"
    assert "route_optimized" not in listed["databricks-claude-sonnet-4"]


def test_a_chat_agent_takes_texts_only(rest: Rest) -> None:
    create(rest, "talker", custom("main.default.talker"), task="agent/v2/chat")
    reply = ask(rest, "talker", {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]})
    assert reply.status_code == 400
    assert reply.json()["message"].endswith(
        "field 'messages.content' expects input with json type 'string' but got 'array'"
    )


class TestCustomModels:
    URL = "/serving-endpoints/churn/invocations"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (
                {"columns": ["a"], "index": [0], "data": [[1]]},
                "The input must be a JSON dictionary with exactly one of the input fields {'inputs', "
                "'dataframe_records', 'dataframe_split', 'instances'}. Received dictionary with input fields: "
                "['columns', 'index', 'data']. IMPORTANT: The MLflow Model scoring protocol has changed in MLflow "
                "version 2.0.",
            ),
            ([1, 2], "Received a list."),
            ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "1 columns passed, passed data had 2 columns"),
        ],
    )
    def test_bad_rows_are_refused_as_mlflow_does(self, rest: Rest, body: Any, message: str) -> None:
        create(rest, "churn", custom())
        reply = rest("POST", self.URL, json=body)
        assert reply.status_code == 400
        assert reply.json()["error_code"] == "BAD_REQUEST"
        assert message in reply.json()["message"]

    def test_bad_json_and_other_media_types_are_refused_as_mlflow_does(self, rest: Rest) -> None:
        create(rest, "churn", custom())
        headers = {"Content-Type": "application/json"}
        broken = rest("POST", self.URL, data="{broken", headers=headers)
        assert broken.status_code == 400
        assert "Ensure that input is a valid JSON formatted string." in broken.json()["message"]
        other = rest("POST", self.URL, data="x", headers={"Content-Type": "text/html"})
        assert (other.status_code, other.headers["Content-Type"]) == (415, "text/plain")
        assert other.text.endswith("Got 'text/html'.")
        latin = rest("POST", self.URL, data="{}", headers={"Content-Type": "application/json; charset=latin-1"})
        assert (latin.status_code, latin.text) == (415, "The scoring server only supports UTF-8")

    def test_every_form_gives_a_prediction_for_each_row(self, rest: Rest) -> None:
        create(rest, "churn", custom())
        for body in (
            {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}},
            {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}], "params": {"x": 1}, "client_request_id": "i"},
            {"inputs": {"a": [1, 3], "b": [2, 4]}},
        ):
            assert len(rest("POST", self.URL, json=body).json()["predictions"]) == 2
        rows = rest("POST", self.URL, data="a,b\n1,2\n3,4\n", headers={"Content-Type": "text/csv"})
        assert len(rows.json()["predictions"]) == 2
        assert len(rest("POST", self.URL, json={"instances": [1, 2, 3]}).json()["predictions"]) == 3

    def test_messages_are_answered_without_predictions(self, rest: Rest) -> None:
        create(rest, "churn", custom())
        assert text_of(rest("POST", self.URL, json=QUESTION)) == "Humans live on the planet Earth."
        assert rest("POST", self.URL, json={"prompt": "Say"}).json()["object"] == "text_completion"


class TestStates:
    def test_before_its_first_deployment_has_ended_an_endpoint_is_not_ready(
        self, paced: Rest, clock: AdjustableClock
    ) -> None:
        create(paced, "churn", custom())
        reply = ask(paced, "churn", {"dataframe_records": [{"a": 1}]})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "BAD_REQUEST")
        clock.advance(60)
        assert ask(paced, "churn", {"dataframe_records": [{"a": 1}]}).status_code == 200

    def test_an_endpoint_without_a_configuration_is_not_ready(self, rest: Rest) -> None:
        assert rest("POST", "/api/2.0/serving-endpoints", json={"name": "empty"}).status_code == 200
        assert ask(rest, "empty").status_code == 400

    def test_while_an_update_runs_the_old_configuration_answers(self, paced: Rest, clock: AdjustableClock) -> None:
        create(paced, "gpt", external("old"))
        clock.advance(60)
        update = {"served_entities": [external("new", model="gpt-4o-mini")]}
        assert paced("PUT", "/api/2.0/serving-endpoints/gpt/config", json=update).status_code == 200
        assert ask(paced, "gpt").headers["served-model-name"] == "old"
        clock.advance(60)
        assert ask(paced, "gpt").headers["served-model-name"] == "new"

    def test_a_stopped_endpoint_says_so_literally(self, rest: Rest) -> None:
        create(rest, "gpt")
        assert rest("POST", "/api/2.0/serving-endpoints/gpt/config:stop").status_code == 200
        reply = ask(rest, "gpt")
        assert (reply.status_code, reply.json()) == (
            400,
            {
                "error_code": "BAD_REQUEST",
                "message": "The given endpoint is stopped, please retry after starting the endpoint.",
            },
        )

    def test_a_deleted_endpoint_is_gone(self, rest: Rest) -> None:
        create(rest, "gpt")
        rest("DELETE", "/api/2.0/serving-endpoints/gpt")
        assert ask(rest, "gpt").json() == NO_ENDPOINT

    def test_an_entity_that_lost_its_machine_is_unavailable(
        self, instant_server: MockServer, rest: Rest, token: str
    ) -> None:
        create(rest, "churn", custom())
        with instant_server.mock.transaction(token) as transaction:
            endpoint = transaction.get(Endpoint, "churn")
            assert endpoint is not None
            recovery = Recovery("churn-1", 0, 2**53, "lost its machine")
            transaction.put("churn", endpoint._replace(recovery=recovery))
        reply = ask(rest, "churn", {"dataframe_records": [{"a": 1}]})
        assert (reply.status_code, reply.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")

    def test_somebody_who_may_only_look_may_not_query(self, instant_server: MockServer, rest: Rest, token: str) -> None:
        create(rest, "gpt")
        looker = Identity("looker@example.com", "Looker", workspace=token, admin=False)
        with instant_server.mock.store.transaction(REGISTRY) as transaction:
            transaction.put(f"looker-{token}", RegisteredToken(f"looker-{token}", looker))
        other = caller(instant_server.url, f"looker-{token}")
        endpoint = rest("GET", "/api/2.0/serving-endpoints/gpt").json()["id"]
        for level, status in ((None, 403), ("CAN_VIEW", 403), ("CAN_QUERY", 200)):
            if level is not None:
                grant = {"user_name": looker.name, "permission_level": level}
                path = f"/api/2.0/permissions/serving-endpoints/{endpoint}"
                assert rest("PATCH", path, json={"access_control_list": [grant]}).status_code == 200
            reply = ask(other, "gpt")
            assert reply.status_code == status
        refused = {
            "error_code": "PERMISSION_DENIED",
            "message": "User does not have permission 'Query' on Endpoint gpt",
        }
        rest("PUT", path, json={"access_control_list": []})
        assert ask(other, "gpt").json() == refused
        assert text_of(ask(other, LLAMA)) == "Humans live on the planet Earth."


def test_metrics_and_logs_tell_what_happened(rest: Rest) -> None:
    create(rest, "gpt")
    usage = [ask(rest, "gpt").json()["usage"] for _ in range(3)]
    ask(rest, "gpt", {"messages": []})
    metrics = rest("GET", "/api/2.0/serving-endpoints/gpt/metrics").text
    labels = '{endpoint_name="gpt",served_entity_name="gpt"}'
    assert f"request_count_total{labels} 4" in metrics
    assert f"request_4xx_count_total{labels} 1" in metrics
    assert f"input_tokens_total{labels} {sum(counts['prompt_tokens'] for counts in usage)}" in metrics
    assert f"output_tokens_total{labels} {sum(counts['completion_tokens'] for counts in usage)}" in metrics
    assert f"request_latency_ms_count{labels} 4" in metrics
    logs = rest("GET", "/api/2.0/serving-endpoints/gpt/served-models/gpt/logs").json()["logs"]
    assert "4 requests answered, 1 with an error" in logs


def test_the_same_requests_to_a_fresh_mock_get_the_same_bytes(token: str) -> None:
    from mockserver import Settings

    def answers(seed: int) -> list[bytes]:
        with MockServer(Settings(port=0, provisioning=0, seed=seed)) as server:
            server.mock.clock.freeze(1_800_000_000_000)
            call = caller(server.url, token)
            create(call, "gpt")
            story = {"messages": [{"role": "user", "content": "Write about the sea."}]}
            bodies = [story, story, {**story, "temperature": 0}, {**story, "stream": True}]
            return [ask(call, "gpt", body).content for body in bodies]

    first = answers(7)
    assert first == answers(7)
    assert first != answers(8)
    assert first[0] != first[1]


def test_bodies_may_have_four_megabytes_and_those_of_custom_models_sixteen(rest: Rest) -> None:
    create(rest, "churn", custom())
    text = "x" * (4 * 2**20)
    reply = ask(rest, LLAMA, {"messages": [{"role": "user", "content": text}]})
    assert reply.status_code == 413
    assert reply.json()["message"].endswith("at most 4194304 are accepted.")
    assert ask(rest, "churn", {"instances": [text]}).status_code == 200
    assert ask(rest, "churn", {"instances": [text * 4]}).status_code == 413


def test_a_data_frame_for_a_language_model_has_the_wrong_media_type(rest: Rest) -> None:
    reply = rest("POST", f"/serving-endpoints/{LLAMA}/invocations", data="a\n1\n", headers={"Content-Type": "text/csv"})
    assert reply.status_code == 415
    assert reply.headers["Content-Type"] == "application/json"


def test_a_chat_agent_on_the_completions_route_ignores_a_limit_that_is_none(rest: Rest) -> None:
    create(rest, "limited", custom("main.default.limited"), task="agent/v2/chat")
    for limit in ([1], {"a": 1}, "9", True, 0):
        body = {"model": "limited", "max_tokens": limit, **QUESTION}
        reply = rest("POST", "/serving-endpoints/completions", json=body)
        assert reply.status_code == 200, (limit, reply.text)
        assert reply.json()["messages"][0]["content"]
