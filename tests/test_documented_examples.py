"""The vendor's documentation page "Create generative AI model serving endpoints": its examples, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from mlflow.deployments import get_deploy_client

from mockserver import MockServer

Rest = Callable[..., requests.Response]

CREATE_EMBEDDINGS: dict[str, Any] = {
    "name": "openai_endpoint",
    "config": {
        "served_entities": [
            {
                "name": "openai_embeddings",
                "external_model": {
                    "name": "text-embedding-ada-002",
                    "provider": "openai",
                    "task": "llm/v1/embeddings",
                    "openai_config": {"openai_api_key": "{{secrets/my_scope/my_openai_api_key}}"},
                },
            }
        ]
    },
    "rate_limits": [{"calls": 100, "key": "user", "renewal_period": "minute"}],
    "tags": [{"key": "team", "value": "gen-ai"}],
}
CREATED_EMBEDDINGS: dict[str, Any] = {
    "name": "openai_endpoint",
    "creator": "user@email.com",
    "creation_timestamp": 1699617587000,
    "last_updated_timestamp": 1699617587000,
    "state": {"ready": "READY"},
    "config": {
        "served_entities": [
            {
                "name": "openai_embeddings",
                "external_model": {
                    "provider": "openai",
                    "name": "text-embedding-ada-002",
                    "task": "llm/v1/embeddings",
                    "openai_config": {"openai_api_key": "{{secrets/my_scope/my_openai_api_key}}"},
                },
                "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
                "creator": "user@email.com",
                "creation_timestamp": 1699617587000,
            }
        ],
        "traffic_config": {"routes": [{"served_model_name": "openai_embeddings", "traffic_percentage": 100}]},
        "config_version": 1,
    },
    "tags": [{"key": "team", "value": "gen-ai"}],
    "id": "69962db6b9db47c4a8a222d2ac79d7f8",
    "permission_level": "CAN_MANAGE",
    "route_optimized": False,
}
UPDATE_TO_CHAT: dict[str, Any] = {
    "name": "openai_endpoint",
    "served_entities": [
        {
            "name": "openai_chat",
            "external_model": {
                "name": "gpt-4",
                "provider": "openai",
                "task": "llm/v1/chat",
                "openai_config": {"openai_api_key": "{{secrets/my_scope/my_openai_api_key}}"},
            },
        }
    ],
}
INVENTED = {"id", "creation_timestamp", "last_updated_timestamp"}


def assert_documented(documented: Any, answered: Any, where: str = "") -> None:
    """Everything the page prints is answered, but for ids and times, which are checked for their type."""
    if isinstance(documented, dict):
        for name, value in documented.items():
            assert name in answered, f"{where}.{name} is missing"
            if name in INVENTED:
                assert type(answered[name]) is type(value), f"{where}.{name}"
            else:
                assert_documented(value, answered[name], f"{where}.{name}")
    elif isinstance(documented, list):
        assert len(documented) == len(answered), where
        for index, (value, answer) in enumerate(zip(documented, answered, strict=True)):
            assert_documented(value, answer, f"{where}[{index}]")
    else:
        assert answered == documented, where


def test_the_documented_create_request_gets_the_documented_answer(rest: Rest) -> None:
    reply = rest("POST", "/api/2.0/serving-endpoints", json=CREATE_EMBEDDINGS)
    assert reply.status_code == 200
    assert_documented(CREATED_EMBEDDINGS, reply.json())
    assert len(reply.json()["id"]) == 32


def test_the_documented_update_request_replaces_the_embeddings_by_the_chat_model(rest: Rest) -> None:
    rest("POST", "/api/2.0/serving-endpoints", json=CREATE_EMBEDDINGS)
    reply = rest("PUT", "/api/2.0/serving-endpoints/openai_endpoint/config", json=UPDATE_TO_CHAT)
    assert reply.status_code == 200
    config = rest("GET", "/api/2.0/serving-endpoints/openai_endpoint").json()["config"]
    assert config["config_version"] == 2
    assert_documented(UPDATE_TO_CHAT["served_entities"], config["served_entities"])


@pytest.mark.filterwarnings("ignore:Passing:UserWarning")  # the documented forms are older ones
@pytest.mark.filterwarnings("ignore:.*update_endpoint")
@pytest.mark.parametrize("server", ["instant_server", "paced_server"])
def test_the_documented_mlflow_calls_work_as_written(
    server: str, token: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: MockServer = request.getfixturevalue(server)
    monkeypatch.setenv("DATABRICKS_HOST", running.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    client = get_deploy_client("databricks")  # type: ignore[no-untyped-call]  # mlflow has no types

    def served(name: str) -> dict[str, Any]:
        openai = {"openai_api_key": "{{secrets/scope/key}}"}
        model = {"name": "gpt-4", "provider": "openai", "task": "llm/v1/chat", "openai_config": openai}
        return {"name": name, "external_model": model}

    created = client.create_endpoint(name="chat", config={"served_entities": [served("completions")]})
    assert created["name"] == "chat"
    running.mock.clock.advance(5)
    updated = client.update_endpoint(endpoint="chat", config={"served_entities": [served("chats")]})
    assert updated["name"] == "chat"
    limits = {"rate_limits": [{"key": "user", "renewal_period": "minute", "calls": 10}]}
    assert client.update_endpoint(endpoint="chat", config=limits) == limits
    running.mock.clock.advance(5)
    assert client.get_endpoint("chat")["config"]["served_entities"][0]["name"] == "chats"
