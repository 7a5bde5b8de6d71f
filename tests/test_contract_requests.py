"""What clients may send to the control plane: the service's leniency, and the rules that a schema can state."""

from __future__ import annotations

from typing import Any

import pytest

import openapi

REFERENCE = "{{secrets/my_scope/my_key}}"
OPENAI = {"name": "gpt-4", "provider": "openai", "task": "llm/v1/chat", "openai_config": {"openai_api_key": REFERENCE}}
CUSTOM = {"entity_name": "main.default.ads", "entity_version": "1", "scale_to_zero_enabled": True}
AZURE = {"openai_api_base": "https://a.example", "openai_api_version": "2023-05-15", "openai_deployment_name": "d"}
ENTRA = {"microsoft_entra_tenant_id": "t", "microsoft_entra_client_id": "c"}
AWS = {"aws_region": "us-east-1", "bedrock_provider": "Anthropic"}
PROVIDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ai21labs": ("ai21labs_config", {"ai21labs_api_key": REFERENCE}),
    "amazon-bedrock": ("amazon_bedrock_config", AWS | {"instance_profile_arn": "arn:aws:iam::1:instance-profile/p"}),
    "anthropic": ("anthropic_config", {"anthropic_api_key": REFERENCE}),
    "cohere": ("cohere_config", {"cohere_api_key": REFERENCE}),
    "custom": ("custom_provider_config", {"custom_provider_url": "u", "bearer_token_auth": {"token": REFERENCE}}),
    "databricks-model-serving": (
        "databricks_model_serving_config",
        {"databricks_workspace_url": "https://w.example", "databricks_api_token": REFERENCE},
    ),
    "google-cloud-vertex-ai": (
        "google_cloud_vertex_ai_config",
        {"project_id": "p", "region": "r", "private_key": REFERENCE},
    ),
    "openai": ("openai_config", {"openai_api_key": REFERENCE}),
    "palm": ("palm_config", {"palm_api_key": REFERENCE}),
}
SECRETS = [
    ("Ai21LabsConfigInput", {}, "ai21labs_api_key"),
    ("AnthropicConfigInput", {}, "anthropic_api_key"),
    ("CohereConfigInput", {}, "cohere_api_key"),
    ("PaLmConfigInput", {}, "palm_api_key"),
    ("OpenAiConfigInput", {}, "openai_api_key"),
    ("OpenAiConfigInput", {"openai_api_type": "azure"} | AZURE, "openai_api_key"),
    ("OpenAiConfigInput", {"openai_api_type": "azuread"} | AZURE | ENTRA, "microsoft_entra_client_secret"),
    ("AmazonBedrockConfigInput", AWS | {"aws_access_key_id": REFERENCE}, "aws_secret_access_key"),
    ("AmazonBedrockConfigInput", AWS | {"aws_secret_access_key_plaintext": "s"}, "aws_access_key_id"),
    ("DatabricksModelServingConfigInput", {"databricks_workspace_url": "u"}, "databricks_api_token"),
    ("GoogleCloudVertexAiConfigInput", {"project_id": "p", "region": "r"}, "private_key"),
    ("ApiKeyAuthInput", {"key": "k"}, "value"),
    ("BearerTokenAuthInput", {}, "token"),
]


def entity(**members: Any) -> dict[str, Any]:
    return {"name": "e", "config": {"served_entities": [members]}}


def accepted(body: Any, operation: str = "create_serving_endpoint") -> bool:
    return openapi.load().operations[operation].request_violations(body) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_takes_its_own_config_and_no_other(provider: str) -> None:
    own, config = PROVIDERS[provider]
    model = {"name": "m", "provider": provider, "task": "llm/v1/chat"}
    assert accepted(entity(external_model=model | {own: config}))
    assert not accepted(entity(external_model=model))
    for other, value in PROVIDERS.values():
        if other != own:
            assert not accepted(entity(external_model=model | {other: value})), other
            assert not accepted(entity(external_model=model | {own: config, other: value})), other


@pytest.mark.parametrize(("schema", "rest", "secret"), SECRETS, ids=[f"{case[0]}-{case[2]}" for case in SECRETS])
def test_a_secret_is_a_reference_or_a_plaintext_and_never_both(schema: str, rest: dict[str, str], secret: str) -> None:
    check = openapi.load().schema(schema).violations
    assert check(rest | {secret: REFERENCE}) == []
    assert check(rest | {f"{secret}_plaintext": "not-a-real-key"}) == []
    assert check(rest) != []
    assert check(rest | {secret: REFERENCE, f"{secret}_plaintext": "not-a-real-key"}) != []
    for wrong in ("not-a-real-key", "{{secrets/only_a_scope}}", "{{secrets/a/b}} ", "secrets/a/b", ""):
        assert check(rest | {secret: wrong}) != [], wrong


def test_every_plaintext_is_write_only() -> None:
    spec = openapi.load()
    plaintexts = [
        (name, member)
        for name in spec.document["components"]["schemas"]
        for member in spec.schema(name).definition.get("properties", {})
        if member.endswith("_plaintext")
    ]
    assert len(plaintexts) == 12
    for name, member in plaintexts:
        assert spec.schema(name).without_write_only({member: "not-a-real-key"}) == {}, f"{name}.{member}"


@pytest.mark.parametrize(
    "members",
    [
        CUSTOM,
        CUSTOM | {"entity_version": 1},
        CUSTOM | {"workload_size": "Extra", "workload_type": "GPU_XLARGE_8"},
        CUSTOM | {"min_provisioned_concurrency": "4", "max_provisioned_concurrency": 8},
        {"entity_name": "system.ai.llama", "entity_version": 3, "min_provisioned_throughput": 0},
        {"external_model": OPENAI, "environment_vars": {"KEY": REFERENCE}},
        {"external_model": OPENAI, "a_member_of_the_future": [1]},
    ],
)
def test_an_entity_is_accepted(members: dict[str, Any]) -> None:
    assert accepted(entity(**members))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"entity_version": "1"},
        {"external_model": OPENAI, "entity_name": "main.default.ads"},
        {"external_model": OPENAI, "entity_version": "1"},
        {"external_model": OPENAI, "workload_size": "Small"},
        {"external_model": OPENAI, "workload_type": "CPU"},
        {"external_model": OPENAI, "scale_to_zero_enabled": False},
        {"external_model": OPENAI, "min_provisioned_throughput": 0},
        {"external_model": OPENAI | {"task": "llm/v1/poetry"}},
        CUSTOM | {"name": "with.dot"},
        CUSTOM | {"workload_type": "TPU"},
        CUSTOM | {"workload_size": "Small", "min_provisioned_concurrency": 4},
        CUSTOM | {"scale_to_zero_enabled": "yes"},
        CUSTOM | {"environment_vars": {"N": 1}},
        CUSTOM | {"environment_vars": {f"V{number}": "" for number in range(31)}},
        CUSTOM | {"max_provisioned_throughput": -1},
        CUSTOM | {"max_provisioned_throughput": "many"},
    ],
)
def test_an_entity_is_refused(members: dict[str, Any]) -> None:
    assert not accepted(entity(**members))


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 63])
def test_a_name_is_accepted(name: str) -> None:
    assert accepted({"name": name})


@pytest.mark.parametrize("name", ["", "-a", "a-", "_a", "a.b", "a b", "é", "x" * 64, "a\n", 1, None])
def test_a_name_is_refused(name: Any) -> None:
    assert not accepted({"name": name})


@pytest.mark.parametrize(("share", "fine"), [(0, True), (100, True), ("90", True), ("0", True), (100.0, True)] + [
    (wrong, False) for wrong in (101, -1, "101", "-1", "09", "1.5", 1.5, "", "all", True, None)
])  # fmt: skip
def test_a_share_of_the_traffic_is_a_whole_number_from_0_to_100_or_the_same_as_a_string(share: Any, fine: bool) -> None:
    config: dict[str, Any] = {
        "served_entities": [CUSTOM],
        "traffic_config": {"routes": [{"traffic_percentage": share}]},
    }
    assert not accepted(config, "update_config")
    config["traffic_config"] = {"routes": [{"served_model_name": "a", "traffic_percentage": share}]}
    assert accepted(config, "update_config") is fine


def test_members_that_older_clients_send_are_no_error() -> None:
    assert accepted(entity(external_model=OPENAI) | {"task": "llm/v1/chat", "route_optimised": True})
    assert accepted({"name": "e", "config": {"name": "e", "served_entities": [CUSTOM]}})
    assert accepted({"name": "e", "served_entities": [CUSTOM], "tags": [], "rate_limits": []}, "update_config")


def test_served_entities_come_in_one_form() -> None:
    model = {"model_name": "m", "model_version": 1, "scale_to_zero_enabled": True}
    assert accepted({"served_models": [model]}, "update_config")
    assert not accepted({"served_models": [model], "served_entities": [CUSTOM]}, "update_config")
    assert not accepted({"served_models": [{"model_name": "m", "model_version": "1"}]}, "update_config")


def test_limits_and_gateway_need_a_config() -> None:
    limits = [{"calls": 1, "renewal_period": "minute"}]
    assert accepted(entity(external_model=OPENAI) | {"rate_limits": limits, "ai_gateway": {}})
    assert not accepted({"name": "e", "rate_limits": limits})
    assert not accepted({"name": "e", "ai_gateway": {"usage_tracking_config": {"enabled": True}}})


@pytest.mark.parametrize(
    ("key", "fine"), [("team", True), ("x" * 255, True), ("", False), ("x" * 256, False)]
    + [(f"holdout{reserved}project", False) for reserved in ".,=/:"],
)  # fmt: skip
def test_a_tag_key_has_1_to_255_characters_and_none_that_are_reserved(key: str, fine: bool) -> None:
    assert accepted({"add_tags": [{"key": key}]}, "patch_tags") is fine


def test_the_one_principal_of_a_grant_is_named() -> None:
    def grant(**members: str) -> bool:
        return accepted({"access_control_list": [{"permission_level": "CAN_VIEW"} | members]}, "set_permissions")

    assert grant(user_name="user@example.com")
    assert grant(group_name="admins")
    assert grant(service_principal_name="0b0f6f3e-5f0f-4d38-9d5b-0d8d1f6c7e02")
    assert not grant()
    assert not grant(user_name="user@example.com", group_name="admins")
    assert not grant(user_name="user@example.com", permission_level="IS_OWNER")


def test_an_external_function_takes_null_for_nothing_as_the_sdk_sends_it() -> None:
    request = {"connection_name": "c", "method": "GET", "path": "/", "headers": None, "json": None, "params": None}
    assert accepted(request, "http_request")
    assert not accepted(request | {"method": "TRACE"}, "http_request")


def test_a_reply_that_shows_a_secret_or_another_providers_config_is_noticed() -> None:
    reply = openapi.load().operations["get_serving_endpoint"]
    example = openapi.load().schema("ServingEndpointDetailed").definition["examples"][0]
    assert reply.reply_violations(200, example) == []
    leaks: tuple[dict[str, Any], ...] = (
        {"openai_config": {"openai_api_key_plaintext": "sk"}},
        {"anthropic_config": {}},
    )
    for config in leaks:
        (shown,) = example["config"]["served_entities"]
        broken = {**shown, "external_model": {**shown["external_model"], **config}}
        changed = {**example, "config": {**example["config"], "served_entities": [broken]}}
        assert reply.reply_violations(200, changed) != [], config
